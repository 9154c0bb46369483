"""What the pictures of a test show under a stated spectrum, beside the showers as they were simulated: hollow, and dash-dotted."""

from typing import Any

import numpy as np

from cascada.report import style
from cascada.report.sealed.content import Test
from cascada.statistics.words import interval

LINE = "-."
LOOK: dict[str, Any] = {"fmt": "o", "capsize": 2, "markersize": 5, "markerfacecolor": "none", "elinewidth": 0.8}


def point(axes, x: float, row: dict, colour: str, horizontal: bool = False, **options: Any) -> None:
    """One value with its interval, hollow."""
    reach = np.clip([[row["value"] - row["low"]], [row["high"] - row["value"]]], 0, None)
    if horizontal:
        axes.errorbar(row["value"], x, xerr=reach, color=colour, **LOOK, **options)
    else:
        axes.errorbar(x, row["value"], yerr=reach, color=colour, **LOOK, **options)


def roc(axes, test: Test) -> None:
    """The ROC curve under the stated spectrum."""
    if test.weight is None:
        return
    order = np.argsort(-test.log_odds, kind="stable")
    weight, positive = test.weight[order], test.is_signal[order]
    shares = [np.concatenate([[0], np.cumsum(weight * mine) / (weight * mine).sum()]) for mine in (~positive, positive)]
    axes.plot(*shares, LINE, color=style.COLOURS[2], label=f"selected model {test.under}")


def background(axes, test: Test) -> None:
    """The background that is left at each signal efficiency under the stated spectrum; arrows are upper limits."""
    colour, named = style.COLOURS[2], False
    for row in (test.spectrum or {}).get("background_curve", ()):
        label: dict[str, Any] = {} if named else {"label": test.under}
        if row["survivors"]:
            named = True
            point(axes, row["signal_efficiency"], row, colour, **label)
        else:
            axes.errorbar(
                row["signal_efficiency"], row["high"], yerr=row["high"] / 2, uplims=True, fmt="_", color=colour
            )


def scores(axes, test: Test, edges: np.ndarray) -> None:
    """The log-odds of each class under the stated spectrum."""
    if test.weight is None:
        return
    for label, name in enumerate(test.classes):
        mine = test.labels == label
        axes.hist(
            test.log_odds[mine], edges, weights=test.weight[mine], histtype="step", linestyle=LINE, linewidth=1,
            color=style.colour(label), label=f"{name} {test.under}",
        )  # fmt: skip


def calibration(axes, test: Test) -> None:
    for number, row in enumerate((test.spectrum or {}).get("calibration", ())):
        point(axes, row["mean"], row, style.COLOURS[2], label=test.under if number == 0 else None)


def calibration_errors(test: Test) -> str:
    """The line of a title that says calibration error and Brier score of the signal's probability; "" without a spectrum."""
    if not test.spectrum:
        return ""
    one = test.spectrum["of_class"][test.signal]
    return f"\n{test.under}: ECE {interval(one['ece'])}; {one['ece']['if_calibrated']:.4f} if calibrated\nBrier score {interval(one['brier'])}"


def shares(matrix: dict) -> np.ndarray:
    """Predicted classes (K, K) as shares of the true one."""
    counts = np.array(matrix["value"])
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)


def accuracy(axes, test: Test) -> None:
    """The accuracy in bins of energy under the stated spectrum, which changes little inside a bin."""
    for number, row in enumerate((test.spectrum or {}).get("energy_bins", ())):
        centre = np.sqrt(row["low_gev"] * row["high_gev"]) / 1000 * 1.06  # beside the unweighted one
        point(axes, centre, row["accuracy"], style.COLOURS[2], label=test.under if number == 0 else None)


def profile(axes, test: Test, name: str, unit: float) -> None:
    """The mean probability of the signal in bins of a variable under the stated spectrum, class by class."""
    for label, rows in (test.spectrum or {}).get("profiles", {}).get(name, {}).items():
        for number, row in enumerate(rows):
            low, high = row["from"] / unit, row["to"] / unit
            centre = 1.06 * np.sqrt(low * high) if name == "true_energy" else low + 0.6 * (high - low)
            shown = f"{test.classes[int(label)]} {test.under}" if number == 0 else None
            point(axes, centre, row, style.colour(int(label)), label=shown)
