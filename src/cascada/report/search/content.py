"""What the page of a search shows, read from the files that the search has left. No picture is drawn here."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cascada.core import paths, tables
from cascada.core.files import read_json

COMPLETED = "completed"
STATUSES = (COMPLETED, "diverged", "failed")  # from the best to the worst
LEARNS = ("tpe",)  # samplers whose later batches look where good configurations were
MOST_POINTS = 24  # of a learning curve; of longer ones every so-manieth epoch is shown
CURVES = ("training", "validation")


@dataclass(slots=True)
class Configuration:
    """A configuration over all rungs that it was on; `values`: the deciding metric by epochs, mean over the seeds that have it."""

    name: str
    model: str
    hyperparameters: dict[str, Any]
    values: dict[int, float | None] = field(default_factory=dict)
    statuses: dict[int, str] = field(default_factory=dict)
    wall_hours: float = 0.0
    gpu_hours: float = 0.0
    sampled: bool = True  # whether no result of the search decided that it was tried

    @property
    def epochs(self) -> int:
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Search:
    """All of it. `budgets`: the epochs of the rungs; `records`: those of the promotions, in their order."""

    name: str
    metric: str
    sampler: str
    budgets: list[int]
    summary: dict[str, Any]
    best: dict[str, Any]
    leaderboard: list[dict[str, str]]
    configurations: dict[str, Configuration]
    curves: dict[str, list[dict[str, Any]]]
    records: list[dict[str, Any]]
    costs: list[dict[str, str]]

    @property
    def smaller_is_better(self) -> bool:
        return self.metric == "loss"

    @property
    def decision(self) -> dict[str, Any]:
        """What was compared, and why this one was chosen; nothing in the results of earlier releases."""
        return self.best.get("selection", {})

    def families(self) -> dict[str, list[Configuration]]:
        """The configurations of each family, that of the best one first."""
        first = self.best.get("model", "")
        found: dict[str, list[Configuration]] = {}
        for one in self.configurations.values():
            found.setdefault(one.model, []).append(one)
        return dict(sorted(found.items(), key=lambda item: (item[0] != first, item[0])))


def read(
    leaderboard: Path,
    best: Path,
    search: Path,
    summary: Path,
    costs: Path,
    metrics: Iterable[Path],
    histories: Iterable[Path],
    records: Iterable[Path],
) -> Search:
    """Read the files of a search; `metrics` and `histories` are those of all trials of all rungs."""
    settings = read_json(search)
    decided = [read_json(path) for path in records]
    trials = [read_json(path) for path in metrics]
    later = proposed_from_results([one for one in decided if one["kind"] == "batch"])
    return Search(
        name=Path(leaderboard).parents[1].name,
        metric=settings["metric"],
        sampler=settings["sampler"],
        budgets=settings["budgets"],
        summary=read_json(summary),
        best=read_json(best),
        leaderboard=tables.read(leaderboard),
        configurations=configurations(trials, settings["metric"], later),
        curves=curves(histories, settings["metric"]),
        records=[one for one in decided if one["kind"] == "rung"],
        costs=tables.read(costs),
    )


def configurations(
    trials: Sequence[dict[str, Any]], metric: str, later: Iterable[str] = ()
) -> dict[str, Configuration]:
    """Group the metrics of trials by configuration. Pure; `later` names those that were proposed from results."""
    groups: dict[tuple[str, int], list[dict]] = {}
    found: dict[str, Configuration] = {}
    chosen = set(later)
    for trial in sorted(trials, key=lambda one: (one["configuration"], one["epochs"], one["seed"])):
        name = trial["configuration"]
        groups.setdefault((name, trial["epochs"]), []).append(trial)
        one = found.setdefault(name, Configuration(name, trial["model"], trial["hyperparameters"]))
        one.sampled = name not in chosen
        one.wall_hours += trial["wall_seconds"] / 3600
        one.gpu_hours += trial["gpu_hours"]
    for (name, epochs), group in groups.items():
        found[name].values[epochs] = _mean(group, metric)
        found[name].statuses[epochs] = max((trial["status"] for trial in group), key=STATUSES.index)
    return found


def _mean(group: list[dict], metric: str) -> float | None:
    completed = [trial["validation"][metric] for trial in group if trial["status"] == COMPLETED]
    known = [value for value in completed if value is not None and math.isfinite(value)]
    return statistics.fmean(known) if known else None


def proposed_from_results(batches: Sequence[dict[str, Any]]) -> set[str]:
    """The configurations that a sampler proposed because of what it knew: those after a family's first batch. Pure."""
    seen: dict[tuple[str, str], int] = {}
    found = set()
    for batch in sorted(batches, key=lambda one: one["batch"]):
        for row in batch["proposals"]:
            first = seen.setdefault((row["model"], row["origin"]), batch["batch"])
            if batch["sampler"] in LEARNS and batch["batch"] > first:
                found.add(row["configuration"])
    return found


def curves(histories: Iterable[Path], metric: str) -> dict[str, list[dict[str, Any]]]:
    """The learning curves of each configuration, one per seed: epochs, and loss and metric of both splits.

    A trial that went on from a rung below is one curve.
    """
    rows: dict[tuple[str, int], dict[int, dict[str, str]]] = {}
    for path in sorted(histories, key=lambda one: paths.trial_of(one.parent)):  # so that the longer budget comes later
        name, seed, _ = paths.trial_of(path.parent)
        rows.setdefault((name, seed), {}).update({int(row["epoch"]): row for row in tables.read(path)})
    found: dict[str, list[dict[str, Any]]] = {}
    for (name, seed), by_epoch in rows.items():
        if by_epoch:
            found.setdefault(name, []).append({"seed": seed} | _curve(by_epoch, metric))
    return found


def _curve(by_epoch: dict[int, dict[str, str]], metric: str) -> dict[str, Any]:
    shown = thinned(sorted(by_epoch))
    panels = dict.fromkeys(("loss", second_panel(metric)))
    series = {
        f"{split}_{panel}": [_short(by_epoch[epoch].get(f"{split}_{panel}")) for epoch in shown]
        for split in CURVES
        for panel in panels
    }
    return {"epoch": shown} | series


def second_panel(metric: str) -> str:
    """Beside the loss stands the deciding metric; where that is the loss, F1."""
    return "f1" if metric == "loss" else metric


def thinned(epochs: list[int]) -> list[int]:
    """At most `MOST_POINTS` of them, the first and the last among these."""
    step = -(-(len(epochs) - 1) // (MOST_POINTS - 1)) or 1
    return [*epochs[:-1:step], *epochs[-1:]]


def _short(text: str | None) -> float | None:
    """Four digits, which no screen shows more of; nothing for what is not finite."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return float(f"{value:.4g}") if math.isfinite(value) else None
