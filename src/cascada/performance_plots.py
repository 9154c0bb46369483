"""Pictures and page of the test, from predictions.h5 and metrics.json: the sealed data stay closed."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada import plotting
from cascada.data.format import HALF_WIDTH
from cascada.files import read_json

PLOTS = (
    "roc", "background", "scores", "calibration", "confusion", "confusion_energy", "accuracy_energy",
    "probability_energy", "probability_muons", "baselines", "mistakes",
)  # fmt: skip
COMPARED = {"f1": "F1", "accuracy": "accuracy", "roc_auc": "ROC AUC"}


@dataclass(kw_only=True, slots=True)
class Test:
    """What the pictures are made from."""

    found: dict  # metrics.json
    logits: np.ndarray  # (N, K)
    labels: np.ndarray
    energy: np.ndarray  # GeV
    baselines: dict[str, np.ndarray]  # probabilities (N, K)
    mistakes: tuple[np.ndarray, np.ndarray]  # rows, images

    @property
    def classes(self) -> list[str]:
        return self.found["classes"]

    def save(self, drawing, path: Path) -> None:
        plotting.save(drawing, path, self.found["surrogate"], self.found["opening"]["reopened"])


def read(predictions: Path, metrics_file: Path) -> Test:
    with h5py.File(predictions, "r") as file:
        return Test(
            found=read_json(metrics_file),
            logits=file["logits"][:],
            labels=file["label"][:],
            energy=file["true_energy"][:],
            baselines={name: part["probability"][:] for name, part in file.get("baselines", {}).items()},
            mistakes=(file["mistakes/row"][:], file["mistakes/images"][:]),
        )


def plot_test(predictions: Path, metrics_file: Path, folder: Path) -> None:
    """Write every picture of PLOTS into `folder`."""
    test = read(predictions, metrics_file)
    for name in PLOTS:
        drawing = globals()[f"_{name}"](test)
        test.save(drawing, folder / f"{name}.png")


def _log_odds(test: Test) -> np.ndarray:
    others = np.delete(test.logits.astype(np.float64), 1, axis=1)
    return test.logits[:, 1] - np.logaddexp.reduce(others, axis=1)


def _curve(score: np.ndarray, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Background and signal efficiency for every cut, the tightest first."""
    order = np.argsort(-score, kind="stable")
    ends = np.r_[score[order][1:] != score[order][:-1], True]
    true, false = np.cumsum(signal[order])[ends] / signal.sum(), np.cumsum(~signal[order])[ends] / (~signal).sum()
    return np.r_[0, false], np.r_[0, true]


def _roc(test: Test):
    signal, auc = test.labels == 1, test.found["roc_auc"]
    drawing, axes = plotting.figure(5, 4.6)
    axes.plot(*_curve(_log_odds(test), signal), color=plotting.COLOURS[1], label="selected model")
    for style, (name, probability) in zip(("--", ":"), test.baselines.items(), strict=False):
        axes.plot(
            *_curve(probability[:, 1], signal),
            style,
            color=plotting.BASELINE,
            linewidth=1.2,
            label=name.replace("_", " "),
        )
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    axes.set(
        xlabel=f"{_not_signal(test)} taken for {test.classes[1]}", ylabel=f"{test.classes[1]} efficiency",
        title=f"AUC {auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]",
    )  # fmt: skip
    axes.legend(frameon=False, loc="lower right")
    plotting.tidy(axes)
    return drawing


def _not_signal(test: Test) -> str:
    return test.classes[0] if len(test.classes) == 2 else "others"


def _background(test: Test):
    """The background that is left, on a logarithmic axis; arrows are upper limits."""
    drawing, axes = plotting.figure(6, 4.2)
    rows, at, quality = (test.found[name] for name in ("background_curve", "background_efficiency", "q_factor"))
    for row in rows:
        x, colour = row["signal_efficiency"], plotting.COLOURS[1]
        if row["survivors"]:
            height = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
            axes.errorbar(
                x, row["value"], yerr=np.clip(height, 0, None), fmt="o", color=colour, capsize=3, markersize=4
            )
        else:
            axes.errorbar(x, row["high"], yerr=row["high"] / 2, uplims=True, fmt="_", color=colour, capsize=3)
    for style, (name, probability) in zip(("--", ":"), test.baselines.items(), strict=False):
        background, signal = _curve(probability[:, 1], test.labels == 1)
        seen = background > 0
        axes.plot(
            signal[seen], background[seen], style, color=plotting.BASELINE, linewidth=1.2, label=name.replace("_", " ")
        )
    left = f"< {at['high']:.2g}" if at["limit"] else f"{at['value']:.2g} [{at['low']:.2g}, {at['high']:.2g}]"
    high = "∞" if quality["high"] is None else f"{quality['high']:.3g}"
    factor = f"> {quality['low']:.3g}" if quality["limit"] else f"{quality['value']:.3g} [{quality['low']:.3g}, {high}]"
    axes.set(
        yscale="log", xlabel=f"{test.classes[1]} efficiency", ylabel=f"{_not_signal(test)} that is left",
        title=f"at {at['wanted']:.0%} {test.classes[1]} efficiency: {left}, Q {factor}",
    )  # fmt: skip
    axes.title.set_fontsize(9)
    if test.baselines:
        axes.legend(frameon=False, loc="upper left")
    plotting.tidy(axes)
    return drawing


def _scores(test: Test):
    drawing, axes = plotting.figure(6, 4)
    score, merit = _log_odds(test), test.found["merit_factor"]
    edges = np.linspace(score.min(), score.max() + 1e-9, 51)
    for label, name in enumerate(test.classes):
        colour = plotting.COLOURS[label]
        axes.hist(score[test.labels == label], edges, histtype="step", linewidth=1.6, label=name, color=colour)
    axes.set(
        yscale="log", xlabel=f"ln p/(1 − p), p the probability of {test.classes[1]}", ylabel="test showers per bin",
        title=f"merit factor {merit['value']:.2f} [{merit['low']:.2f}, {merit['high']:.2f}]",
    )  # fmt: skip
    axes.title.set_fontsize(10)
    axes.legend(frameon=False)
    plotting.tidy(axes)
    return drawing


def _calibration(test: Test):
    drawing, axes = plotting.figure(5, 4.6)
    ece, brier = test.found["ece"], test.found["brier"]
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    for row in test.found["calibration"]:
        _point(axes, row["mean"], row)
        axes.annotate(
            str(row["images"]), (row["mean"], row["high"]), (0, 3), textcoords="offset points", ha="center", fontsize=6
        )
    axes.set(
        xlabel=f"probability of {test.classes[1]} (mean in bin)", ylabel=f"share of {test.classes[1]}", ylim=(-0.03, 1.08),
        title=f"ECE {ece['value']:.4f} [{ece['low']:.4f}, {ece['high']:.4f}]; {ece['if_calibrated']:.4f} if calibrated\n"
        f"Brier score {brier['value']:.4f} [{brier['low']:.4f}, {brier['high']:.4f}]",
    )  # fmt: skip
    axes.title.set_fontsize(9)
    plotting.tidy(axes)
    return drawing


def _point(axes, x: float, row: dict, colour: str = plotting.COLOURS[1], **options) -> None:
    """One value with its interval."""
    height = np.clip([[row["value"] - row["low"]], [row["high"] - row["value"]]], 0, None)
    axes.errorbar(x, row["value"], yerr=height, fmt="o", color=colour, capsize=3, markersize=4, **options)


def _matrix(axes, matrix: dict, classes: list[str], size: int) -> None:
    counts = np.array(matrix["value"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        low, high = matrix["low"][row][column], matrix["high"][row][column]
        text = f"{count:.0f}\n[{low:.0f}, {high:.0f}]\n{shares[row, column]:.1%}"
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes, rotation=90, va="center")


def _confusion(test: Test):
    drawing, axes = plotting.figure(4.8, 4.2)
    _matrix(axes, test.found["confusion_matrix"], test.classes, 10)
    axes.set(xlabel="predicted", ylabel="true")
    return drawing


def _confusion_energy(test: Test):
    bins = test.found["energy_bins"]
    rows = -(-len(bins) // 3)
    drawing, axes = plotting.figure(8.4, 2.9 * rows + 0.3, rows, 3, squeeze=False)
    for panel, one in zip(axes.flat, bins, strict=False):
        _matrix(panel, one["confusion_matrix"], test.classes, 7)
        panel.set_title(f"{one['low_gev'] / 1000:.1f} to {one['high_gev'] / 1000:.1f} TeV", fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in axes.flat[len(bins) :]:
        panel.set_axis_off()
    for panel in axes[:, 0]:
        panel.set_ylabel("true", fontsize=8)
    for panel in axes[-1]:
        panel.set_xlabel("predicted", fontsize=8)
    return drawing


def _accuracy_energy(test: Test):
    drawing, axes = plotting.figure(6, 4)
    for one in test.found["energy_bins"]:
        centre = np.sqrt(one["low_gev"] * one["high_gev"]) / 1000
        width = [[centre - one["low_gev"] / 1000], [one["high_gev"] / 1000 - centre]]
        _point(axes, centre, one["accuracy"], xerr=width)
    plotting.energy_axis(axes.xaxis)
    axes.set_ylabel("test accuracy")
    plotting.tidy(axes)
    return drawing


def _probability(test: Test, name: str, unit: float):
    """Mean probability of class 1 in bins of a variable, class by class."""
    drawing, axes = plotting.figure(6, 4)
    for label, rows in test.found["profiles"][name].items():
        for number, row in enumerate(rows):
            width = np.array([row["from"], row["to"]]) / unit
            centre = np.sqrt(width.prod()) if name == "true_energy" else width.mean()
            options = {"label": test.classes[int(label)]} if number == 0 else {}
            _point(axes, centre, row, plotting.COLOURS[int(label)], xerr=np.abs(width - centre)[:, None], **options)
    axes.set(ylabel=f"mean probability of {test.classes[1]}", ylim=(-0.03, 1.03))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    plotting.tidy(axes)
    return drawing, axes


def _probability_energy(test: Test):
    drawing, axes = _probability(test, "true_energy", 1000)
    plotting.energy_axis(axes.xaxis)
    return drawing


def _probability_muons(test: Test):
    drawing, axes = _probability(test, "muons", 1)
    axes.set(xscale="symlog", xlabel="muons within 160 m")
    axes.set_xlim(left=max(0, axes.get_xlim()[0]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return drawing


def _baselines(test: Test):
    """How much the selected model is better, on the same resamples."""
    drawing, axes = plotting.figure(8.5, 1.5 + 0.4 * len(test.baselines), 1, len(COMPARED), sharey=True)
    names = list(test.found["baselines"])
    for panel, (metric, label) in zip(axes, COMPARED.items(), strict=True):
        for place, name in enumerate(names):
            one = test.found["baselines"][name][metric]["difference"]
            width = np.clip([[one["value"] - one["low"]], [one["high"] - one["value"]]], 0, None)
            panel.errorbar(one["value"], place, xerr=width, fmt="o", color=plotting.COLOURS[1], capsize=3)
        panel.axvline(0, color="#999999", linewidth=0.8)
        panel.set(xlabel=f"{label}: selected model less baseline", ylim=(len(names) - 0.5, -0.5))
        panel.xaxis.label.set_fontsize(8)
        panel.tick_params(axis="x", labelsize=7)
        panel.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        plotting.tidy(panel)
    return drawing


def _mistakes(test: Test):
    from matplotlib.colors import LogNorm

    rows, images = test.mistakes
    drawing, axes = plotting.figure(10, 5.4, 2, 4, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    shifted = np.exp(
        test.logits[rows].astype(np.float64) - test.logits[rows].max(axis=1, keepdims=True, initial=-np.inf)
    )
    for panel, row, image, odds in zip(axes.flat, rows, images, shifted, strict=False):
        panel.set_axis_on()
        extent = [-HALF_WIDTH, HALF_WIDTH] * 2
        panel.imshow(image[0], norm=LogNorm(1e-2, 1e2), origin="lower", extent=extent, cmap="magma")
        panel.set_facecolor("black")
        truth, predicted = test.classes[test.labels[row]], test.classes[odds.argmax()]
        about = f"{truth}, {test.energy[row] / 1000:.1f} TeV\ntaken for {predicted} ({odds.max() / odds.sum():.3f})"
        panel.set_title(about, fontsize=8)
        panel.tick_params(labelsize=6)
    drawing.suptitle("Most confident mistakes (axes in m)" if len(images) else "No mistakes", fontsize=10)
    return drawing
