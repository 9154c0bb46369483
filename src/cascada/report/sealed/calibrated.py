"""A temperature as tables and as a picture: loss, Brier score, calibration error and reliability before and after."""

from cascada.report import style as plotting
from cascada.report.sealed import bins
from cascada.report.sealed.content import Test
from cascada.statistics.names import CALIBRATED, TITLES
from cascada.statistics.words import interval, spectrum

HEADER = ["showers", "metric", "before", "after", "difference"]
HALF, SEALED = "validation, the half that did not fit", "sealed test"


def rows(name: str, before: dict, after: dict, differences: dict) -> list[list[str]]:
    """One row for each metric that a temperature is to improve, as text with intervals, and what exact probabilities would show."""
    found = [
        [name, TITLES[metric], *(interval(one[metric]) for one in (before, after, differences))]
        for metric in CALIBRATED
    ]
    chance = [f"{one['ece']['if_calibrated']:.4f}" for one in (before, after)]
    return [*found, [name, "the same of exact probabilities, by chance", *chance, ""]]


def of_selection(found: dict) -> list[list[str]]:
    """Rows of best.json's or model.json's `calibration`."""
    return rows(HALF, found["before"], found["after"], found["differences"])


def of_test(found: dict) -> list[list[str]]:
    """Rows of the test's metrics.json: those of the selection, then those of the sealed showers, under a stated spectrum, too."""
    sides = {SEALED: found} | ({under_spectrum(found["spectrum"]): found["spectrum"]} if "spectrum" in found else {})
    of_sides = [rows(name, one["uncalibrated"], one, one["uncalibrated"]["differences"]) for name, one in sides.items()]
    return of_selection(found["temperature"]) + [row for of_side in of_sides for row in of_side]


def under_spectrum(section: dict) -> str:
    """What the sealed showers are called under a stated spectrum."""
    return f"{SEALED}, under {spectrum(section)}"


def picture(test: Test):
    """Reliability of the signal's probability before (open) and after (filled), on validation and test showers, and under a spectrum."""
    fitted, found = test.found["temperature"], test.found
    sides = [(HALF, fitted["before"], fitted["after"]), (SEALED, found["uncalibrated"], found)]
    if test.spectrum:
        sides.append((under_spectrum(test.spectrum), test.spectrum["uncalibrated"], test.spectrum))
    drawing, axes = plotting.figure(4.8 * len(sides), 4.8, 1, len(sides), sharey=True)
    for panel, (name, open_, filled) in zip(axes, sides, strict=True):
        panel.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
        for row in open_["reliability"]:
            bins.point(panel, row["mean"], row, plotting.BASELINE, markerfacecolor="none", elinewidth=0.8)
        for row in filled.get("reliability") or filled["calibration"]:  # as the selection and as the test name it
            bins.point(panel, row["mean"], row)
        panel.set(
            xlabel=f"probability of {test.signal} (mean in bin)", ylim=(-0.03, 1.08), title=_title(name, open_, filled)
        )
        panel.title.set_fontsize(8)
        plotting.tidy(panel)
    axes[0].set_ylabel(f"share of {test.signal}")
    drawing.suptitle(f"Open: before, filled: with the temperature {interval(fitted)}", fontsize=9)
    return drawing


def _title(name: str, before: dict, after: dict) -> str:
    """The calibration error of the likeliest class, with what exact probabilities would show."""
    sides = {"before": before["ece"], "after": after["ece"]}
    lines = [f"ECE {side}: {interval(one)}; {one['if_calibrated']:.4f} by chance" for side, one in sides.items()]
    return "\n".join([name, *lines])
