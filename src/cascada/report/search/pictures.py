"""Pictures of the search, from files that are there already."""

from pathlib import Path

from cascada.core import paths, tables
from cascada.core.classes import meaning
from cascada.core.files import read_json
from cascada.report import style
from cascada.statistics.names import TITLES

MOST_BARS, MOST_CURVES = 30, 6


def plot_leaderboard(leaderboard: Path, summary: Path, metric: str, path: Path) -> None:
    """The mean and spread over seeds of the deciding metric, the best configuration on top."""
    content = read_json(summary)
    known = [row for row in tables.read(leaderboard) if row[f"validation_{metric}_mean"]]
    baselines = [row for row in known if row["status"] == "baseline"]
    rows = [row for row in known if row["rank"]][:MOST_BARS]
    statuses = [row["status"] for row in tables.read(leaderboard)]
    diverged, stopped, failed = (statuses.count(name) for name in ("diverged", "stopped", "failed"))
    drawing, axes = style.figure(7.5, 1.4 + 0.28 * (len(rows) + len(baselines)))
    models = sorted({row["model"] for row in rows})
    for place, row in enumerate(rows):
        colour = style.COLOURS[models.index(row["model"]) % len(style.COLOURS)]
        spread = float(row[f"validation_{metric}_spread"] or 0)
        axes.errorbar(float(row[f"validation_{metric}_mean"]), place, xerr=spread, fmt="o", color=colour, capsize=3)
    for place, row in enumerate(baselines, len(rows)):
        value = float(row[f"validation_{metric}_mean"])
        axes.axvline(value, color=style.BASELINE, linewidth=0.8, linestyle=":")
        axes.plot(value, place, "D", color=style.BASELINE, markerfacecolor="none")
    names = [row["configuration"].replace("_", " ") for row in (*rows, *baselines)]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(
        f"validation {metric}{meaning(content, metric)}\n(mean and spread over seeds; diamonds: baselines, never selected)",
        fontsize=9,
    )
    title = f"{diverged} configuration(s) diverged" if diverged else "no configuration diverged"
    title += f", {failed} failed" if failed else ""
    axes.set_title(f"{title}, {stopped} stopped at fewer epochs" if stopped else title, fontsize=9)
    style.tidy(axes)
    style.save(drawing, path, content["surrogate"])


def plot_learning_curves(leaderboard: Path, histories: list[Path], summary: Path, path: Path) -> None:
    """Loss and F1 against the epoch for the best configurations; dashed: training, solid: validation."""
    best = [row["configuration"] for row in tables.read(leaderboard) if row["rank"]][:MOST_CURVES]
    content = read_json(summary)
    drawing, axes = style.figure(9, 3.8, 1, 2)
    labelled = set()
    for history in histories:
        configuration, _, _ = paths.trial_of(history.parent)
        if configuration not in best:
            continue
        rows, colour = tables.read(history), style.COLOURS[best.index(configuration) % len(style.COLOURS)]
        epochs = [int(row["epoch"]) for row in rows]
        for panel, name in zip(axes, ("loss", "f1"), strict=True):
            panel.plot(
                epochs, [float(row[f"training_{name}"]) for row in rows], "--", color=colour, linewidth=1, alpha=0.7
            )
            label = configuration if configuration not in labelled else None  # once for all seeds
            panel.plot(
                epochs, [float(row[f"validation_{name}"]) for row in rows], color=colour, marker=".", label=label
            )
        labelled.add(configuration)
    for panel, name in zip(axes, (TITLES["loss"], f"{TITLES['f1']}{meaning(content, 'f1')}"), strict=True):
        panel.set(xlabel="epoch", ylabel=name)
        panel.xaxis.get_major_locator().set_params(integer=True)
        style.tidy(panel)
    axes[0].legend(frameon=False, fontsize=7, title="solid: validation, dashed: training", title_fontsize=7)
    style.save(drawing, path, content["surrogate"])
