"""Pictures of a test that count showers: confusion matrices, and what depends on energy and on muons."""

import numpy as np

from cascada.report import style
from cascada.report.sealed import weighted
from cascada.report.sealed.content import Test

LOGARITHMIC = {
    "true_energy": 0.0,
    "muons": 1.0,
}  # variables on a logarithmic axis: what is added, since there may be no muon


def point(axes, x: float, row: dict, colour: str = style.COLOURS[1], **options) -> None:
    """One value with its interval."""
    height = np.clip([[row["value"] - row["low"]], [row["high"] - row["value"]]], 0, None)
    axes.errorbar(x, row["value"], yerr=height, fmt="o", color=colour, capsize=3, markersize=4, **options)


def _matrix(axes, matrix: dict, classes: list[str], size: int, under: np.ndarray | None = None) -> None:
    """`under`: the shares (K, K) under a stated spectrum, in brackets."""
    counts = np.array(matrix["value"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        low, high = matrix["low"][row][column], matrix["high"][row][column]
        text = f"{count:.0f}\n[{low:.0f}, {high:.0f}]\n{shares[row, column]:.1%}"
        text += f"\n({under[row, column]:.1%})" if under is not None else ""
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes, rotation=90, va="center")


def confusion(test: Test):
    size = max(4.2, 1.4 * len(test.classes))
    drawing, axes = style.figure(size + 0.6, size)
    under = weighted.shares(test.spectrum["confusion_matrix"]) if test.spectrum else None
    _matrix(axes, test.found["confusion_matrix"], test.classes, 10, under)
    axes.set(xlabel=f"predicted (in brackets: {test.under})" if test.spectrum else "predicted", ylabel="true")
    return drawing


def confusion_energy(test: Test):
    bins = test.found["energy_bins"]
    if not bins:
        return style.unknown("The true energies of these showers are not known.")
    rows, side = -(-len(bins) // 3), max(2.8, 0.95 * len(test.classes) + 0.3)
    drawing, axes = style.figure(3 * side, (side + 0.1) * rows + 0.3, rows, 3, squeeze=False)
    beside = test.spectrum["energy_bins"] if test.spectrum else [None] * len(bins)
    for panel, one, other in zip(axes.flat, bins, beside, strict=False):
        under = weighted.shares(other["confusion_matrix"]) if other else None
        _matrix(panel, one["confusion_matrix"], test.classes, 7, under)
        panel.set_title(f"{one['low_gev'] / 1000:.1f} to {one['high_gev'] / 1000:.1f} TeV", fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in axes.flat[len(bins) :]:
        panel.set_axis_off()
    for panel in axes[:, 0]:
        panel.set_ylabel("true", fontsize=8)
    for panel in axes[-1]:
        panel.set_xlabel(f"predicted (in brackets: {test.under})" if test.spectrum else "predicted", fontsize=8)
    return drawing


def accuracy_energy(test: Test):
    if not test.found["energy_bins"]:
        return style.unknown("The true energies of these showers are not known.")
    drawing, axes = style.figure(6, 4)
    for one in test.found["energy_bins"]:
        centre = np.sqrt(one["low_gev"] * one["high_gev"]) / 1000
        width = [[centre - one["low_gev"] / 1000], [one["high_gev"] / 1000 - centre]]
        point(axes, centre, one["accuracy"], xerr=width)
    weighted.accuracy(axes, test)
    if test.spectrum:
        axes.legend(frameon=False)
    style.energy_axis(axes.xaxis)
    axes.set_ylabel("test accuracy")
    style.tidy(axes)
    return drawing


def right(test: Test):
    """The share of each class that is told right, in bins of whatever varies, a small panel each; grey: showers in the bin.

    Hollow: under a stated spectrum.
    """
    variables = test.found["bins"]
    if not variables:
        return style.unknown("Neither energy, core, muons nor zenith angle of these showers vary or are known.")
    columns = min(2, len(variables))
    lines = -(-len(variables) // columns)
    drawing, axes = style.figure(4.2 * columns, 2.9 * lines + 0.3, lines, columns, squeeze=False)
    for panel in axes.flat[len(variables) :]:
        panel.set_axis_off()
    for panel, (name, one) in zip(axes.flat, variables.items(), strict=False):
        beside = test.spectrum["bins"][name]["rows"] if test.spectrum else []
        _shares(panel, one["rows"], test.classes, LOGARITHMIC.get(name))
        _shares_under(panel, beside, test, LOGARITHMIC.get(name))
        _reach(panel, one["rows"] + beside)
        if name == "true_energy":
            style.energy_axis(panel.xaxis)
        elif name == "muons":
            _muon_axis(panel)
        panel.set(xlabel=one["title"] + (f" [{one['unit']}]" if one["unit"] else ""), ylabel="share told right")
        panel.set_xlim(one["rows"][0]["from"], one["rows"][-1]["to"])
        panel.tick_params(labelsize=7)
        style.tidy(panel)
    # above all panels: inside one it would lie on points or on the numbers of showers
    handles = axes.flat[0].get_legend_handles_labels()
    drawing.legend(*handles, loc="outside upper left", ncols=min(6, len(handles[1])), frameon=False, fontsize=7)
    return drawing


def _shares(panel, rows: list[dict], classes: list[str], offset: float | None) -> None:
    """Points of the classes side by side in each bin, which they share between them."""
    for label, name in enumerate(classes):
        known = [row for row in rows if row["classes"][name]["value"] is not None]
        for number, row in enumerate(known):
            options = {} if number else {"label": name}
            place = _within(row, _aside(label, len(classes)), offset)
            point(panel, place, row["classes"][name], style.colour(label), **options)
    for row in rows:
        at = (_within(row, 0.5, offset), 0.02)
        panel.annotate(
            f"{row['showers']}", at, xycoords=("data", "axes fraction"), ha="center", fontsize=6, color="#777777"
        )


def _shares_under(panel, rows: list[dict], test: Test, offset: float | None) -> None:
    """The same under a stated spectrum, each beside the one as simulated."""
    number = len(test.classes)
    for label, name in enumerate(test.classes):
        known = [row for row in rows if row["classes"][name]["value"] is not None]
        for at, row in enumerate(known):
            label_once = None if at else f"{name} {test.under}"
            place = _within(row, _aside(label, number) + 0.16 / number, offset)
            weighted.point(panel, place, row["classes"][name], style.colour(label), label=label_once)


def _aside(label: int, classes: int) -> float:
    """The place of a class in a bin, 0 at its lower edge, 1 at its upper one."""
    return 0.5 + 0.4 * ((label + 0.5) / classes - 0.5)


def _reach(panel, rows: list[dict]) -> None:
    """Show every interval whole."""
    lowest = min(one["low"] for row in rows for one in row["classes"].values() if one["value"] is not None)
    panel.set_ylim(lowest - 0.2 * (1 - lowest), 1 + 0.05 * (1 - lowest))


def _within(row: dict, part: float, offset: float | None) -> float:
    """A place inside of a bin: 0 at its lower edge, 1 at its upper one, by the ratio of the edges plus `offset` unless that is None."""
    low, high = row["from"], row["to"]
    if offset is None:
        return low + (high - low) * part
    return float((low + offset) * ((high + offset) / (low + offset)) ** part - offset)


def _muon_axis(axes) -> None:
    """Logarithmic, with 0; numbers inside a decade too: those of one energy and class may not fill one."""
    from matplotlib.ticker import SymmetricalLogLocator

    axes.set(xscale="symlog")
    axes.set_xlim(left=max(0, axes.get_xlim()[0]))
    axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=2, subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _probability(test: Test, name: str, unit: float):
    """Mean probability of the signal in bins of a variable, class by class."""
    drawing, axes = style.figure(6, 4)
    for label, rows in test.found["profiles"][name].items():
        if not rows:
            axes.plot([], [], "o", color=style.colour(int(label)), label=f"{test.classes[int(label)]} (not known)")
        for number, row in enumerate(rows):
            width = np.array([row["from"], row["to"]]) / unit
            centre = np.sqrt(width.prod()) if name == "true_energy" else width.mean()
            options = {"label": test.classes[int(label)]} if number == 0 else {}
            point(axes, centre, row, style.colour(int(label)), xerr=np.abs(width - centre)[:, None], **options)
    weighted.profile(axes, test, name, unit)
    axes.set(ylabel=f"mean probability of {test.signal}", ylim=(-0.03, 1.03))
    axes.legend(frameon=False)
    style.tidy(axes)
    return drawing, axes


def _is_known(test: Test, name: str) -> bool:
    return any(test.found["profiles"][name].values())


def probability_energy(test: Test):
    if not _is_known(test, "true_energy"):
        return style.unknown("The true energies of these showers are not known.")
    drawing, axes = _probability(test, "true_energy", 1000)
    style.energy_axis(axes.xaxis)
    return drawing


def probability_muons(test: Test):
    if not _is_known(test, "muons"):
        return style.unknown("The numbers of muons of these showers are not known.")
    drawing, axes = _probability(test, "muons", 1)
    axes.set(xlabel="muons within 160 m")
    _muon_axis(axes)
    return drawing
