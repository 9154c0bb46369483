"""Pictures of the behaviour tests, from behaviour.json: how far the answers move, and how they get worse."""

from pathlib import Path

from cascada.core.classes import meaning
from cascada.core.files import read_json
from cascada.report import style
from cascada.statistics.verdicts import FAILED, PASSED, UNDECIDED

PLOTS = ("invariance", "degradation")
INVARIANCE = {
    "symmetry_change": "mean change of probability",
    "symmetry_flips": "flips: rotations and mirrors",
    "core_shift_4m_flips": "flips: core shifted by 4 m",
    "core_shift_8m_flips": "flips: core shifted by 8 m",
    "energy_scale_flips": "flips: factor on all energies",
    "accuracy_fall_with_energy": "accuracy in thirds of true energy",
}
DEGRADATION = {
    "dead_cells_loss_drop": "share of dead cells",
    "noise_loss_drop": "noise [MeV per cell]",
    "cell_threshold_loss_drop": "threshold [MeV per cell]",
}

COLOURS = {PASSED: style.COLOURS[2], UNDECIDED: style.COLOURS[4], FAILED: style.COLOURS[0]}


def plot_behaviour(report: Path, invariance: Path, degradation: Path) -> None:
    """Write the pictures of what must not change the answers, and of what may make them slowly worse."""
    found = read_json(report)
    probes = {one["name"]: one for one in found["probes"]}
    drawing, axes = style.figure(11, 6.6, 2, 3, squeeze=False)
    for panel, (name, title) in zip(axes.flat, INVARIANCE.items(), strict=True):
        _invariance(panel, probes[name], title)
    style.save(drawing, invariance, found["surrogate"])
    drawing, axes = style.figure(10, 3.4, 1, 3, sharey=True)
    for panel, (name, title) in zip(axes, DEGRADATION.items(), strict=True):
        _degradation(panel, probes[name], title, probes[name.replace("loss_drop", "auc")])
    axes[0].set_ylabel("validation cross entropy")
    drawing.suptitle(f"ROC AUC{meaning(found, 'roc_auc')}", fontsize=9)
    style.save(drawing, degradation, found["surrogate"])


def _colour(one: dict) -> str:
    return COLOURS[one["verdict"]]


def _invariance(panel, one: dict, title: str) -> None:
    rows = one["details"]
    for place, row in enumerate(rows):
        width = [[max(row["value"] - row["low"], 0)], [max(row["high"] - row["value"], 0)]]
        panel.errorbar(row["value"], place, xerr=width, fmt="o", color=style.COLOURS[1], capsize=3, markersize=4)
    panel.set_yticks(range(len(rows)), [str(row["at"]) for row in rows], fontsize=7)
    panel.invert_yaxis()
    if one["threshold"] > 0:
        panel.axvline(one["threshold"], color=_colour(one), linestyle="--", linewidth=1.2)
        if None not in (one["low"], one["high"]):  # of the largest of the rows: what the verdict looks at
            panel.axvspan(one["low"], one["high"], color=_colour(one), alpha=0.12, linewidth=0)
        panel.set_xlim(left=0)
    panel.set_title(
        f"{title}\n{one['verdict'].replace(FAILED, 'FAILED')} ({one['severity']})", fontsize=9, color=_colour(one)
    )
    panel.tick_params(axis="x", labelsize=7)
    style.tidy(panel)


def _degradation(panel, one: dict, title: str, area: dict) -> None:
    rows = one["details"]
    unit = 1000 if "MeV" in title else 1
    values = [row["value"] for row in rows]
    height = [
        [max(row["value"] - row["low"], 0) for row in rows],
        [max(row["high"] - row["value"], 0) for row in rows],
    ]
    panel.errorbar(range(len(rows)), values, yerr=height, fmt="o-", color=style.COLOURS[1], capsize=3, linewidth=1)
    panel.set_xticks(range(len(rows)), [f"{row['at'] * unit:g}" for row in rows])
    panel.set_xlabel(title)
    steady = "grows steadily" if one["kept"] else f"falls by {one['value']:.2g}"
    panel.set_title(
        f"loss {steady}\nAUC at the hardest {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}]",
        fontsize=8, color=_colour(area if one["kept"] else one),
    )  # fmt: skip
    style.tidy(panel)
