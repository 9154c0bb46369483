"""The most confident mistakes of a test, from mistakes.h5: what the shower looks like, what the network looked at, who else is wrong."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.data.format import HALF_WIDTH
from cascada.report import style

COLUMNS = 2  # mistakes side by side, each with two panels
EXTENT = (-HALF_WIDTH, HALF_WIDTH, -HALF_WIDTH, HALF_WIDTH)
NONE = "No mistakes: every sealed shower was told right."


@dataclass(frozen=True, slots=True)
class Mistake:
    """One shower: image and map (80, 80), the truth, answers (K,) of the network and by name of the baselines."""

    image: np.ndarray
    unit: str
    occlusion: np.ndarray
    label: int
    answer: np.ndarray
    baselines: dict[str, np.ndarray]
    event_id: int
    energy: float  # TeV
    zenith: float  # degrees
    muons: float
    core: tuple[float, float]  # m, NaN where unknown


def read(path: Path) -> list[Mistake]:
    with h5py.File(path, "r") as file:
        columns = {name: part[:] for name, part in file.items() if isinstance(part, h5py.Dataset)}
        baselines = {name: part[:] for name, part in file.get("baselines", {}).items()}
        unit = str(file["images"].attrs["unit"][0])
    return [
        Mistake(
            image=columns["images"][row, 0], unit=unit, occlusion=columns["occlusion"][row], label=int(columns["label"][row]),
            answer=columns["probability"][row], baselines={name: one[row] for name, one in baselines.items()},
            event_id=int(columns["event_id"][row]), energy=float(columns["true_energy"][row]) / 1000,
            zenith=float(np.degrees(columns["zenith"][row])), muons=float(columns["muons"][row]),
            core=(float(columns["core_x"][row]), float(columns["core_y"][row])),
        )
        for row in range(len(columns["row"]))
    ]  # fmt: skip


def said(answer: np.ndarray, classes: list[str]) -> str:
    """`proton 0.998`: the likeliest class and its probability."""
    return f"{classes[int(answer.argmax())]} {answer.max():.3f}"


def known(value: float, text: str) -> str:
    return text.format(value) if np.isfinite(value) else "?"


def table(mistakes: list[Mistake], classes: list[str]) -> tuple[list[str], list[list]]:
    """Header and rows of the page's table: a shower, the network's answer and that of each baseline."""
    baselines = list(mistakes[0].baselines) if mistakes else []
    header = ["shower", "truth", "energy [TeV]", "zenith [°]", "muons", "network"]
    rows = [
        [
            str(one.event_id), classes[one.label], known(one.energy, "{:.1f}"), known(one.zenith, "{:.0f}"),
            known(one.muons, "{:.0f}"), said(one.answer, classes), *(said(one.baselines[name], classes) for name in baselines),
        ]
        for one in mistakes
    ]  # fmt: skip
    return header + [name.replace("_", " ") for name in baselines], rows


def draw(mistakes: list[Mistake], classes: list[str]):
    """Each mistake as an event display beside the map of what the network looked at; baselines' answers above the map."""
    if not mistakes:
        return style.unknown(NONE)
    lines = -(-len(mistakes) // COLUMNS)
    drawing, axes = style.figure(6.4 * COLUMNS, 3.0 * lines, lines, 2 * COLUMNS, squeeze=False)
    panels = axes.reshape(-1, 2)
    for (display, looked), one in zip(panels, mistakes, strict=False):
        _display(drawing, display, one, classes)
        _looked(drawing, looked, one, classes)
    for panel in panels[len(mistakes) :].flat:
        panel.set_axis_off()
    drawing.suptitle("Most confident mistakes: the shower, and what the network looked at (axes in m)", fontsize=10)
    return drawing


def _display(drawing, axes, one: Mistake, classes: list[str]) -> None:
    from matplotlib.colors import LogNorm

    most = max(float(one.image.max()), 0.1)
    axes.set_facecolor("black")
    image = axes.imshow(
        np.ma.masked_less_equal(one.image, 0), norm=LogNorm(1e-2, most), origin="lower", extent=EXTENT, cmap="magma"
    )
    _bar(drawing, image, axes, "per cell" if one.unit == "1" else f"{one.unit} per cell")
    axes.plot(*one.core, "+", color="#37c8f0", markersize=11, markeredgewidth=1.6)
    axes.set_title(
        f"{classes[one.label]}, {known(one.energy, '{:.1f} TeV')}, zenith {known(one.zenith, '{:.0f}°')}, "
        f"{known(one.muons, '{:.0f}')} muons\nnetwork: {said(one.answer, classes)}",
        fontsize=7.5, loc="left",
    )  # fmt: skip
    _frame(axes)


def _looked(drawing, axes, one: Mistake, classes: list[str]) -> None:
    most = max(float(np.abs(one.occlusion).max()), 1e-3)
    image = axes.imshow(one.occlusion, vmin=-most, vmax=most, origin="lower", extent=EXTENT, cmap="PuOr_r")
    _bar(drawing, image, axes, f"speaks for {classes[int(one.answer.argmax())]} (log-odds)")
    axes.plot(*one.core, "+", color="#222222", markersize=11, markeredgewidth=1.2)
    axes.set_title(
        "\n".join(f"{name.replace('_', ' ')}: {said(answer, classes)}" for name, answer in one.baselines.items()),
        fontsize=7.5, loc="left",
    )  # fmt: skip
    _frame(axes)


def _bar(drawing, image, axes, label: str) -> None:
    bar = drawing.colorbar(image, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label(label, fontsize=7)
    bar.ax.tick_params(labelsize=6)


def _frame(axes) -> None:
    axes.set(xlim=EXTENT[:2], ylim=EXTENT[2:], xticks=(-100, 0, 100), yticks=(-100, 0, 100))
    axes.tick_params(labelsize=6)
