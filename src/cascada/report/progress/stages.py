"""The stages of a running search, from its records: batches, rungs, what was promoted, finalists, and the best so far."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cascada.core import paths
from cascada.core.files import read_json
from cascada.experiment import records
from cascada.experiment.population import FINALISTS, RUNG
from cascada.experiment.rungs import ladder

ENDED = ("completed", "diverged", "failed")


class Seen(Protocol):
    """What is looked at of a trial."""

    configuration: str
    seed: int
    epochs: int
    state: str
    validation: dict[str, float | None]


@dataclass(kw_only=True, slots=True)
class Stage:
    """Trials of one budget: `expected` of them, at most so many where they are not `decided` yet; `told`: what it led to."""

    name: str
    epochs: int
    expected: int
    decided: bool
    done: int = 0
    running: int = 0
    told: str = ""


@dataclass(kw_only=True, slots=True)
class Best:
    """The configuration with the best mean over its seeds at the largest budget so far.

    `spread`: sample standard deviation over the seeds, None for one; `showers`: of validation.
    """

    configuration: str
    epochs: int
    seeds: list[int]
    value: float
    spread: float | None
    showers: int | None

    @property
    def standard_error(self) -> float | None:
        """Of one seed's value by the number of showers, √(p(1 − p)/n): exact for the accuracy, close to it for F1."""
        if not self.showers or not 0 <= self.value <= 1:
            return None
        return math.sqrt(self.value * (1 - self.value) / self.showers)


def stages(results: Path, trials: Iterable[Seen]) -> list[Stage]:
    """The rungs and the finalists; nothing for a search that an earlier release began. Raises DataError for a damaged record."""
    path = results / paths.SEARCH
    if not path.exists():
        return []
    shape, trials = read_json(path), list(trials)
    numbers = range(2, len(shape["budgets"]) + 1)
    promoted = {number: _record(results / f"search/rung-{number}.json", RUNG) for number in numbers}
    found = [_rung(shape, rung, promoted, trials) for rung in ladder(shape["configurations"], shape["budgets"])]
    if shape["rescore"]:
        found.append(_finalists(results, shape, trials))
    return found


def _rung(shape: dict, rung: Any, promoted: dict[int, dict | None], trials: list[Seen]) -> Stage:
    names, above = _names(promoted.get(rung.number), "promoted"), promoted.get(rung.number + 1)
    number = rung.configurations if names is None else len(names)
    stage = Stage(
        name=f"rung {rung.number} of {len(shape['budgets'])}",
        epochs=rung.epochs,
        expected=number * len(shape["seeds"]),
        decided=rung.number == 1 or names is not None,
    )
    if above is not None:
        stage.told = f"{len(above['promoted'])} of {above['configurations']} configurations went on"
    return _counted(stage, trials, names, shape["seeds"])


def _finalists(results: Path, shape: dict, trials: list[Seen]) -> Stage:
    names, seeds = _chosen(results), shape["rescore"]["seeds"]
    number = shape["rescore"]["top"] if names is None else len(names)
    expected, decided = number * len(seeds), names is not None
    stage = Stage(name="finalists", epochs=shape["budgets"][-1], expected=expected, decided=decided)
    stage.told = "" if names is None else f"{', '.join(names)} with seeds {', '.join(map(str, seeds))} too"
    return _counted(stage, trials, names, seeds)


def _record(path: Path, kind: str) -> dict | None:
    """A record, which is read once: its hash takes longer than reading it does."""
    return records.read(path, kind) if path.exists() else None


def _names(record: dict | None, part: str) -> list[str] | None:
    return None if record is None else [row["configuration"] for row in record[part]]


def _chosen(results: Path) -> list[str] | None:
    return _names(_record(results / "search/finalists.json", FINALISTS), "finalists")


def _counted(stage: Stage, trials: list[Seen], names: list[str] | None, seeds: list[int]) -> Stage:
    promoted = None if names is None else set(names)
    mine = [
        trial
        for trial in trials
        if trial.epochs == stage.epochs
        and trial.seed in seeds
        and (promoted is None or trial.configuration in promoted)
    ]
    stage.done = sum(trial.state in ENDED for trial in mine)
    stage.running = sum(trial.state == "running" for trial in mine)
    return stage


def batches(results: Path) -> str:
    """How many configurations have been proposed, as words; nothing for a search whose configurations are listed."""
    found = sorted((results / "search").glob("batch-*.json"))
    if not found:
        return ""
    proposed = sum(len(records.read(path, "batch")["proposals"]) for path in found)
    path = results / paths.SEARCH
    wanted = f" of {read_json(path)['configurations']}" if path.exists() else ""
    return f"{proposed}{wanted} configurations proposed in {len(found)} batch(es)"


def best(results: Path, trials: Iterable[Seen], metric: str) -> Best | None:
    """The best so far; only trials of one budget are compared, of finalists alone once there are any. None before a trial has ended."""
    ended = [trial for trial in trials if trial.state == "completed" and trial.validation.get(metric) is not None]
    chosen = _chosen(results)
    ended = [trial for trial in ended if chosen is None or trial.configuration in chosen]
    epochs = max((trial.epochs for trial in ended), default=0)
    groups: dict[str, dict[int, float]] = {}
    for trial in ended:
        if trial.epochs == epochs and (value := trial.validation.get(metric)) is not None:
            groups.setdefault(trial.configuration, {})[trial.seed] = value
    if not groups:
        return None
    sign = -1 if metric == "loss" else 1
    name, values = max(groups.items(), key=lambda group: (sign * statistics.fmean(group[1].values()), group[0]))
    return Best(
        configuration=name,
        epochs=epochs,
        seeds=sorted(values),
        value=statistics.fmean(values.values()),
        spread=statistics.stdev(values.values()) if len(values) > 1 else None,
        showers=_validation_showers(results),
    )


def _validation_showers(results: Path) -> int | None:
    path = results / paths.SUMMARY
    return sum(read_json(path)["counts"]["validation"].values()) if path.exists() else None
