"""Pictures of the test, from predictions.h5, mistakes.h5 and metrics.json: the sealed data stay closed."""

import textwrap
from pathlib import Path

import numpy as np

from cascada.core import classes as naming
from cascada.report import style as plotting
from cascada.report.sealed import bins, calibrated, weighted
from cascada.report.sealed import mistakes as sealed_mistakes
from cascada.report.sealed.content import Test, both, of_signal, read
from cascada.statistics.metrics import roc_curve
from cascada.statistics.names import HEADLINES, TITLES
from cascada.statistics.words import interval

DASHES = ("--", ":", "-.")  # of the baselines' curves


def plot_test(predictions: Path, metrics_file: Path, folder: Path, mistakes: Path) -> None:
    """Write every picture of PLOTS into `folder`, and those of OF_SETS where sets were tested beside the sealed showers."""
    test = read(predictions, metrics_file, mistakes)
    for name, draw in (PLOTS | (OF_SETS if test.found.get("also") else {})).items():
        test.save(draw(test), folder / f"{name}.png")


def _roc(test: Test):
    drawing, axes = plotting.figure(5, 4.6)
    axes.plot(*roc_curve(test.log_odds, test.is_signal), color=plotting.COLOURS[1], label="selected model")
    for style, (name, probability) in zip(DASHES, test.baselines.items(), strict=False):
        axes.plot(
            *roc_curve(probability[:, test.label], test.is_signal),
            style,
            color=plotting.BASELINE,
            linewidth=1.2,
            label=name.replace("_", " "),
        )
    weighted.roc(axes, test)
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    axes.set(
        xlabel=f"{test.background} taken for {test.signal}", ylabel=f"{test.signal} efficiency",
        title=f"{test.signal} against {test.background}\nAUC {both(test, 'roc_auc')}",
    )  # fmt: skip
    axes.title.set_fontsize(10)
    axes.legend(frameon=False, loc="lower right")
    plotting.tidy(axes)
    return drawing


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
    for style, (name, probability) in zip(DASHES, test.baselines.items(), strict=False):
        background, signal = roc_curve(probability[:, test.label], test.is_signal)
        seen = background > 0
        axes.plot(
            signal[seen], background[seen], style, color=plotting.BASELINE, linewidth=1.2, label=name.replace("_", " ")
        )
    weighted.background(axes, test)
    left = f"< {at['high']:.2g}" if at["limit"] else f"{at['value']:.2g} [{at['low']:.2g}, {at['high']:.2g}]"
    high = "∞" if quality["high"] is None else f"{quality['high']:.3g}"
    factor = f"> {quality['low']:.3g}" if quality["limit"] else f"{quality['value']:.3g} [{quality['low']:.3g}, {high}]"
    axes.set(
        yscale="log", xlabel=f"{test.signal} efficiency", ylabel=f"share of {test.background} that is left",
        title=f"at {at['wanted']:.0%} {test.signal} efficiency: {left}, Q {factor}",
    )  # fmt: skip
    axes.title.set_fontsize(9)
    if test.baselines or test.spectrum:
        axes.legend(frameon=False, loc="upper left")
    plotting.tidy(axes)
    return drawing


def _scores(test: Test):
    drawing, axes = plotting.figure(6, 4)
    score, merit = test.log_odds, test.found["merit_factor"]
    edges = np.linspace(score.min(), score.max() + 1e-9, 51)
    for label, name in enumerate(test.classes):
        colour = plotting.colour(label)
        axes.hist(score[test.labels == label], edges, histtype="step", linewidth=1.6, label=name, color=colour)
    weighted.scores(axes, test, edges)
    axes.set(
        yscale="log", xlabel=f"ln p/(1 − p), p the probability of {test.signal}", ylabel="test showers per bin",
        title=f"{test.signal} against {test.background}: merit factor {interval(merit, 2)}",
    )  # fmt: skip
    axes.title.set_fontsize(10)
    axes.legend(frameon=False)
    plotting.tidy(axes)
    return drawing


def _calibration(test: Test):
    if "temperature" in test.found:
        return calibrated.picture(test)
    drawing, axes = plotting.figure(5, 4.6)
    ece, brier = of_signal(test, "ece"), of_signal(test, "brier")
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    for row in test.found["calibration"]:
        bins.point(axes, row["mean"], row)
        axes.annotate(
            str(row["images"]), (row["mean"], row["high"]), (0, 3), textcoords="offset points", ha="center", fontsize=6
        )
    weighted.calibration(axes, test)
    if test.spectrum:
        axes.legend(frameon=False, loc="lower right")
    axes.set(
        xlabel=f"probability of {test.signal} (mean in bin)", ylabel=f"share of {test.signal}", ylim=(-0.03, 1.08),
        title=f"of this probability: ECE {interval(ece)}; {ece['if_calibrated']:.4f} if calibrated\n"
        f"Brier score {interval(brier)}{weighted.calibration_errors(test)}",
    )  # fmt: skip
    axes.title.set_fontsize(9)
    plotting.tidy(axes)
    return drawing


def _baselines(test: Test):
    """How much the selected model is better, on the same resamples."""
    drawing, axes = plotting.figure(8.5, 1.8 + 0.4 * len(test.baselines), 1, len(HEADLINES), sharey=True)
    names = list(test.found["baselines"])
    for panel, metric in zip(axes, HEADLINES, strict=True):
        for place, name in enumerate(names):
            one = test.found["baselines"][name][metric]["difference"]
            width = np.clip([[one["value"] - one["low"]], [one["high"] - one["value"]]], 0, None)
            panel.errorbar(one["value"], place, xerr=width, fmt="o", color=plotting.COLOURS[1], capsize=3)
            if test.spectrum:
                beside = test.spectrum["baselines"][name][metric]["difference"]
                weighted.point(panel, place + 0.2, beside, plotting.COLOURS[2], horizontal=True)
        panel.axvline(0, color="#999999", linewidth=0.8)
        about = f"{TITLES[metric]}{naming.meaning(test.found, metric)}".replace(" (", "\n(").replace(", ", ",\n")
        panel.set(xlabel=f"selected model less baseline\n{about}", ylim=(len(names) - 0.5, -0.5))
        panel.xaxis.label.set_fontsize(8)
        panel.tick_params(axis="x", labelsize=7)
        panel.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        plotting.tidy(panel)
    return drawing


def _named(name: str, one: dict) -> str:
    return "\n".join([name, *textwrap.wrap(one["what"], 26)])


def _systematics(test: Test):
    """What the metrics move by on each set beside the sealed showers, hollow under a stated spectrum."""
    sets = test.found["also"]
    drawing, axes = plotting.figure(8.5, 1.8 + 0.6 * len(sets), 1, len(HEADLINES), sharey=True)
    for panel, metric in zip(axes, HEADLINES, strict=True):
        for place, one in enumerate(sets.values()):
            moved = one[metric]["difference"]
            width = np.clip([[moved["value"] - moved["low"]], [moved["high"] - moved["value"]]], 0, None)
            panel.errorbar(moved["value"], place, xerr=width, fmt="o", color=plotting.COLOURS[1], capsize=3)
            if "spectrum" in one:
                beside = one["spectrum"][metric]["difference"]
                weighted.point(panel, place + 0.2, beside, plotting.COLOURS[2], horizontal=True)
        panel.axvline(0, color="#999999", linewidth=0.8)
        panel.set(xlabel=f"{TITLES[metric]}:\nset less sealed showers", ylim=(len(sets) - 0.5, -0.5))
        panel.xaxis.label.set_fontsize(8)
        panel.tick_params(axis="x", labelsize=7)
        panel.set_yticks(range(len(sets)), [_named(name, one) for name, one in sets.items()], fontsize=7)
        plotting.tidy(panel)
    return drawing


PLOTS = {
    "roc": _roc,
    "background": _background,
    "scores": _scores,
    "calibration": _calibration,
    "confusion": bins.confusion,
    "confusion_energy": bins.confusion_energy,
    "accuracy_energy": bins.accuracy_energy,
    "probability_energy": bins.probability_energy,
    "probability_muons": bins.probability_muons,
    "baselines": _baselines,
    "bins": bins.right,
    "mistakes": lambda test: sealed_mistakes.draw(test.mistakes, test.classes),
}
OF_SETS = {"systematics": _systematics}
