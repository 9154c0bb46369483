"""Pages of the report about the test and the behaviour tests: tables of metrics.json and behaviour.json."""

from pathlib import Path

from cascada.core.classes import background, meaning
from cascada.core.files import read_json, write_text
from cascada.report import html as pages
from cascada.statistics.verdicts import FAILED, stopping

METRICS = {
    "f1": "F1", "accuracy": "accuracy", "roc_auc": "ROC AUC", "loss": "cross entropy", "brier": "Brier score",
    "ece": "expected calibration error of the likeliest class", "merit_factor": "merit factor on ln p/(1 − p) of the signal",
}  # fmt: skip
REOPENED = (
    "These sealed showers were opened before, for another selection: a choice made after a look at the test is a choice on the "
    "test, and these numbers are too good by an unknown amount."
)
OTHER_BITS = (
    "Same selection, other bits: these sealed showers were opened before for the same configuration, seed, epochs and data, "
    "which were trained again with other rounding."
)


def write_test_page(metrics_file: Path, path: Path) -> None:
    """Write all metrics with their intervals, the baselines and the ledger."""
    found = read_json(metrics_file)
    opening, settings = found["opening"], found["settings"]
    parts = [
        pages.paragraph(REOPENED, "note") if opening["reopened"] else "",
        pages.paragraph(OTHER_BITS, "note") if opening.get("other_bits") else "",
        pages.paragraph("Surrogate showers: a fast toy cascade, not CORSIKA.", "note") if found["surrogate"] else "",
        pages.paragraph(
            f"{found['configuration']}, seed {found['seed']}, on {found['showers']:,} sealed showers; intervals of "
            f"{settings['confidence']:.0%} from {settings['bootstrap']:,} bootstrap resamples."
        ),
        pages.paragraph(f"The signal is {found['signal']}, the background {_against(found)}."),
        pages.table(["metric", "value", "low", "high"], [*_metrics(found), *_background(found)]),
        pages.heading("The probability of each class, against all other classes"),
        pages.table(["class", "F1", "ROC AUC", "Brier score", "expected calibration error"], _of_class(found)),
        pages.heading("Against the baselines, on the same resamples"),
        pages.table(["baseline", "metric", "baseline's", "difference", "low", "high"], _baselines(found)),
        pages.heading("In bins of true energy"),
        pages.table(
            ["energy [TeV]", "showers", f"F1{meaning(found, 'f1')}", "accuracy", "confusion matrix"], _bins(found)
        ),
        pages.heading(f"Openings of these sealed data: {opening['number']}, for {opening['selections']} selection(s)"),
        pages.table(
            ["time", "configuration", "seed", "checkpoint", "git commit", "reopened", "other bits"], _ledger(opening)
        ),
        pages.provenance(found["provenance"]),
    ]
    write_text(path, pages.page("Test", *parts))


def _interval(one: dict) -> list:
    return [one["value"], one["low"], one["high"]]


def _text(one: dict) -> str:
    return f"{one['value']:.4f} [{one['low']:.4f}, {one['high']:.4f}]"


def _metrics(found: dict) -> list[list]:
    return [[f"{label}{meaning(found, name)}", *_interval(found[name])] for name, label in METRICS.items()]


def _against(found: dict) -> str:
    return background(found["classes"], found["classes"].index(found["signal"]))


def _of_class(found: dict) -> list[list]:
    metrics = ("f1", "roc_auc", "brier", "ece")
    return [[name, *(_text(one[metric]) for metric in metrics)] for name, one in found["of_class"].items()]


def _background(found: dict) -> list[list]:
    left, quality = found["background_efficiency"], found["q_factor"]
    what, at = f"{_against(found)} left", f"at {left['wanted']:.0%} {found['signal']} efficiency"
    if left["limit"]:
        limit = f"no survivor of {left['background']:,}"
        return [
            [f"{what} {at} (upper limit)", limit, None, left["high"]],
            ["Q = ε_S/√ε_B (lower limit)", limit, quality["low"], None],
        ]
    return [[f"{what} {at}", *_interval(left)], ["Q = ε_S/√ε_B", *_interval(quality)]]


def _baselines(found: dict) -> list[list]:
    return [
        [
            name.replace("_", " "),
            f"{METRICS[metric]}{meaning(found, metric)}",
            one["value"],
            *_interval(one["difference"]),
        ]
        for name, metrics in found["baselines"].items()
        for metric, one in metrics.items()
    ]


def _bins(found: dict) -> list[list]:
    return [
        [
            f"{one['low_gev'] / 1000:.1f} to {one['high_gev'] / 1000:.1f}", one["showers"], _text(one["f1"]),
            _text(one["accuracy"]), str([[round(count) for count in row] for row in one["confusion_matrix"]["value"]]),
        ]
        for one in found["energy_bins"]
    ]  # fmt: skip


def _ledger(opening: dict) -> list[list]:
    return [
        [
            one["time"], one["configuration"], str(one["seed"]), one["checkpoint_sha256"][:12],
            (one.get("git_commit") or "unknown")[:12] + (" (dirty)" if one.get("git_dirty") else ""),
            one.get("reopened", False), one.get("other_bits", False),
        ]
        for one in opening["ledger"]
    ]  # fmt: skip


def write_behaviour_page(report: Path, path: Path) -> None:
    """Write every measurement with its threshold and severity."""
    found = read_json(report)
    rows = [
        [
            one["name"].replace("_", " "), one["value"], one["low"], one["high"],
            f"{one['sense']} {one['threshold']:g}{' (significantly)' if one['significant'] else ''}", one["severity"],
            one["verdict"].replace(FAILED, "FAILED") + ("" if one["kept"] or one["verdict"] == FAILED else ", value missed"),
            one["meaning"],
        ]
        for one in found["probes"]
    ]  # fmt: skip
    parts = [
        pages.paragraph("Surrogate showers: a fast toy cascade, not CORSIKA.", "note") if found["surrogate"] else "",
        pages.paragraph(
            f"The model {found['conclusion']}.", "note" if stopping(found["probes"]) or found["warnings"] else ""
        ),
        pages.paragraph(
            f"{found['configuration']}, seed {found['seed']}, on {found['showers']:,} validation showers; intervals of "
            f"{found['confidence']:.0%}. Undecided: the interval reaches over the threshold. A gate that failed, or whose value "
            "misses its threshold, stops publishing; a warning is shown."
        ),
        pages.paragraph(
            f"ROC AUC of the model{meaning(found, 'roc_auc')}; leaks are those of the pair told apart best."
        ),
        pages.table(["quantity", "value", "low", "high", "allowed", "severity", "result", "what it is"], rows),
        pages.provenance(found["provenance"]),
    ]
    write_text(path, pages.page("Behaviour", *parts))
