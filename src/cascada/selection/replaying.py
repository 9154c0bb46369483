"""The optimism of the choice: all of it is repeated on draws of the showers, and what the winner's luck adds is taken off.

Replayed are promotions, finalists, the rule and the median seed. Not replayed is what would need other scores: which epoch of a
trial is kept, what a sampler learned from results, whether a trial diverged.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cascada.experiment.choice import CHEAPEST, MEDIAN
from cascada.experiment.population import TrialName
from cascada.selection import choosing
from cascada.selection.evidence import CONFIDENCE, Evidence, Row
from cascada.statistics import optimism
from cascada.statistics.confidence_set import LOWER, Resampled
from cascada.statistics.optimism import Corrected
from cascada.statistics.resampling import means

Stage = Mapping[str, Sequence[int]]  # configuration → columns of its trials


@dataclass(frozen=True, kw_only=True, slots=True)
class Cheapest:
    """The rule `cheapest` in a draw: its limits are those of all showers, moved with the loss in F1 of that draw.

    `margin` (M,): upper limit less loss of each configuration, `cost` (M,): its rank by cost, equal where the cost is.
    """

    tolerance: float
    margin: np.ndarray
    cost: np.ndarray

    def choose(self, errors: np.ndarray, f1_errors: np.ndarray) -> np.ndarray:
        """The chosen ones (R,) by errors (R, M), infinite for those that are out, and 1 − F1 (R, M)."""
        rows, best = np.arange(len(errors)), errors.argmin(axis=1)
        limit = f1_errors - f1_errors[rows, best][:, None] + self.margin
        limit[rows, best] = 0
        cost = np.where((limit <= self.tolerance) & np.isfinite(errors), self.cost, np.inf)
        return np.where(cost == cost.min(axis=1, keepdims=True), limit, np.inf).argmin(axis=1)


class Replay:
    """The choice as a function of the trials' errors, for `optimism.corrected`.

    `stages`: rung by rung, and the finalists as one more, the columns of every configuration's trials, by seed; `cheapest`: that
    rule, the best if left out, for which the errors in F1 follow in as many columns again if `f1_apart`; `seed`: the place of a
    declared seed among each configuration's trials, the median if left out.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        cheapest: Cheapest | None = None,
        f1_apart: bool = False,
        seed: Mapping[str, int] | None = None,
    ):
        self.names = sorted(set().union(*stages))
        self.kept = [len(stage) for stage in stages[1:]]
        self.cheapest, self.f1_apart = cheapest, f1_apart
        groups = [(number, stage[name]) for number, stage in enumerate(stages) for name in self.names if name in stage]
        self.columns = np.concatenate([columns for _, columns in groups])
        self.group = np.repeat(np.arange(len(groups)), [len(columns) for _, columns in groups])
        places = iter(range(len(groups)))
        self.rungs = [np.array([next(places) if name in stage else -1 for name in self.names]) for stage in stages]
        self.trials = [np.array(stages[-1].get(name, [])) for name in self.names]
        self.seed = [None if seed is None else seed.get(name) for name in self.names]

    def __call__(self, roots: np.ndarray) -> np.ndarray:
        """Roots of errors (R, C), below 0 where a draw made them so, → the exported trial's column (R,)."""
        errors = roots * np.abs(roots)
        level = optimism.survivors(means(errors[:, self.columns], self.group), self.rungs, self.kept)
        if self.cheapest is None:
            return self._exported(level.argmin(axis=1), errors)
        apart = errors[:, errors.shape[1] // 2 :] if self.f1_apart else errors
        of_f1 = means(apart[:, self.columns], self.group)[:, self.rungs[-1]]
        return self._exported(self.cheapest.choose(level, of_f1), errors)

    def _exported(self, chosen: np.ndarray, errors: np.ndarray) -> np.ndarray:
        found = np.empty(len(chosen), np.int64)
        for number in np.unique(chosen):
            rows, columns, seed = chosen == number, self.trials[number], self.seed[number]
            place = choosing.middle(len(columns))
            if seed is not None:
                found[rows] = columns[seed]
            else:
                order = errors[rows][:, columns].argsort(axis=1, kind="stable")
                found[rows] = columns[order[:, place]]
        return found


def correct(
    evidence: Evidence, rows: Sequence[Row], exported: TrialName, how: Mapping[str, Any], seeds: Sequence[int]
) -> Corrected:
    """Return the metric of the exported trial without the optimism of the choice between candidates `rows`.

    `how`: the experiment's `selection`; `seeds`: those with which its search trains all configurations.
    """
    final = {row["configuration"]: evidence.columns(row) for row in rows}
    steps = stages(evidence.stored.trials, seeds, final)
    cheapest = _cheapest(rows, sorted(set().union(*steps)), how["tolerance"]) if how["rule"] == CHEAPEST else None
    apart = cheapest is not None and evidence.metric != "f1"
    replay = Replay(steps, cheapest, apart, _declared(rows, how["seed"]))
    drawn = _with_f1(evidence) if apart else evidence.drawn
    return optimism.corrected(drawn, replay, CONFIDENCE, evidence.places[exported])


def before_finalists(evidence: Evidence, seeds: Sequence[int]) -> tuple[TrialName, int, Corrected]:
    """The best of the last rung by the search's own `seeds`, as if it had been chosen without finalists, and without its luck.

    Returns the trial (the median one of several seeds), the number of configurations on that rung, and its metric. Promotions
    are repeated as in `correct`. Where finalists get more seeds, this is where most of the luck of a search is: their new
    seeds were not chosen for being good.
    """
    steps = rungs(evidence.stored.trials, seeds)
    found = optimism.corrected(evidence.drawn, Replay(steps), CONFIDENCE)
    return evidence.stored.trials[found.chosen], len(steps[-1]), found


def stages(trials: Sequence[TrialName], seeds: Sequence[int], final: Stage) -> list[Stage]:
    """The columns of every configuration's trials, budget by budget; then `final`, where the choice is made, if it differs."""
    found = rungs(trials, seeds)
    return found if found[-1] == final else [*found, final]


def rungs(trials: Sequence[TrialName], seeds: Sequence[int]) -> list[Stage]:
    """The columns of every configuration's trials, budget by budget; other seeds than `seeds` are those of finalists, and left out."""
    found: list[Stage] = []
    for epochs in sorted({trial.epochs for trial in trials}):
        stage: dict[str, list[int]] = {}
        for column, trial in enumerate(trials):
            if trial.epochs == epochs and trial.seed in seeds:
                stage.setdefault(trial.configuration, []).append(column)
        found.append(stage)
    return found


def _cheapest(rows: Sequence[Row], names: Sequence[str], tolerance: float) -> Cheapest:
    prices = list(zip(*choosing.costs(rows), strict=True))
    order = sorted(set(prices))
    margin, cost = (dict.fromkeys(names, math.inf) for _ in range(2))
    for row, price in zip(rows, prices, strict=True):
        margin[row["configuration"]] = row["f1_loss_limit"] - row["f1_loss"]
        cost[row["configuration"]] = order.index(price)
    return Cheapest(
        tolerance=tolerance, margin=np.array([*margin.values()]), cost=np.array([*cost.values()], np.float64)
    )


def _declared(rows: Sequence[Row], seed: int | str) -> dict[str, int] | None:
    """The place of a declared seed among the trials of each candidate that has it."""
    if seed == MEDIAN:
        return None
    seeds = {row["configuration"]: [trial["seed"] for trial in row["trials"]] for row in rows}
    return {name: known.index(seed) for name, known in seeds.items() if seed in known}


def _with_f1(evidence: Evidence) -> Resampled:
    """The trials' metric and, in as many columns again, their F1: as an error, where the metric is one."""
    metric, f1 = evidence.drawn, evidence.f1()
    value, drawn = (1 - part if metric.better == LOWER else part for part in (f1.value, f1.drawn))
    return Resampled(
        value=np.concatenate([metric.value, value]), drawn=np.concatenate([metric.drawn, drawn], axis=1),
        showers=metric.showers, better=metric.better,
    )  # fmt: skip
