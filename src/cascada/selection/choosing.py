"""The rules of the choice: which configuration, and which of its trials; with a sentence that says why. Pure.

Rows are those of the ranking, candidates with what `evidence.describe` adds, the best first.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cascada.core.errors import CascadaError
from cascada.experiment.choice import BEST, CHEAPEST, MEDIAN
from cascada.statistics import confidence_set

Row = dict[str, Any]
RULES = (BEST, CHEAPEST)


def sign(metric: str) -> int:
    return -1 if metric == "loss" else 1


def candidates(ranked: Sequence[Row], finalists: Sequence[str]) -> list[Row]:
    """Those between which the choice is made: the completed ones, finalists alone where one of them has completed."""
    sound = [row for row in ranked if row["status"] == "completed"]
    return [row for row in sound if row["configuration"] in finalists] or sound


def choose(rows: Sequence[Row], rule: str, tolerance: float, metric: str) -> tuple[int, str]:
    """Return the place of the chosen candidate, and why it is chosen."""
    if rule not in RULES:
        raise CascadaError(f"selection.rule: {rule!r} given, allowed are {list(RULES)}.")
    if len(rows) == 1:
        return 0, f"{rows[0]['configuration']} is the only candidate."
    if rule == BEST:
        return 0, _why_best(rows, metric)
    chosen = confidence_set.cheapest(limits(rows), tolerance, *costs(rows))
    return chosen, _why_cheapest(rows, chosen, tolerance, metric)


def limits(rows: Sequence[Row]) -> np.ndarray:
    """Upper limits (M,) of the loss in F1 against the best."""
    return np.array([row["f1_loss_limit"] for row in rows])


def costs(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Multiply-adds and parameters (M,); what is not known counts as infinite."""
    multiply_adds, parameters = (
        np.array([math.inf if row[name] is None else row[name] for row in rows])
        for name in ("multiply_adds", "parameters")
    )
    return multiply_adds, parameters


def _why_best(rows: Sequence[Row], metric: str) -> str:
    best = rows[0]
    equals = sum(row["in_set"] for row in rows[1:])
    others = f"{equals} of the others cannot be distinguished from it" if equals else "all others can be told from it"
    return (
        f"{best['configuration']} has the best mean validation {metric} of {len(rows)} candidates, {_mean(best, metric)}; "
        f"{others} with {metric} on these showers."
    )


def _why_cheapest(rows: Sequence[Row], chosen: int, tolerance: float, metric: str) -> str:
    best, taken, good = rows[0], rows[chosen], int((limits(rows) <= tolerance).sum())
    if chosen == 0:
        return (
            f"{best['configuration']} is the best of {len(rows)} candidates by the mean validation {metric}, {_mean(best, metric)}, and no "
            f"cheaper one has an F1 that is at most {tolerance:g} lower at 95 % confidence."
        )
    return (
        f"{taken['configuration']} is the cheapest ({_cost(taken)}) of the {good} of {len(rows)} candidates whose F1 is at most "
        f"{tolerance:g} lower than that of the best, {best['configuration']} ({_cost(best)}), at 95 % confidence: its upper limit is "
        f"{taken['f1_loss_limit']:.4f}."
    )


def _mean(row: Row, metric: str) -> str:
    return f"{row['validation'][metric]['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"


def _cost(row: Row) -> str:
    known = [f"{row[name]:,} {name.replace('_', '-')}" for name in ("multiply_adds", "parameters") if row[name]]
    return ", ".join(known) or "at unknown cost"


def exported(row: Row, seed: int | str, metric: str) -> tuple[dict[str, Any], str]:
    """Return the trial that is tested and exported, fixed before its metric was seen, and why it is that one.

    Raises CascadaError where the chosen configuration was not trained with the declared seed.
    """
    trials = row["trials"]
    if seed == MEDIAN:
        order = sorted(trials, key=lambda trial: (-sign(metric) * trial["validation"][metric], trial["seed"]))
        chosen = order[middle(len(order))]
        return chosen, _why_median(chosen["seed"], len(trials), metric)
    for trial in trials:
        if trial["seed"] == seed:
            return trial, f"seed {seed} was declared beforehand."
    raise CascadaError(
        f"selection.seed: {seed} given, but {row['configuration']}, which was chosen, was trained with the seeds "
        f"{[trial['seed'] for trial in trials]} alone; give one of these, or {MEDIAN!r}."
    )


def middle(seeds: int) -> int:
    """The place of the median among so many in the order of their metric; of two in the middle the worse."""
    return seeds // 2


def _why_median(seed: int, seeds: int, metric: str) -> str:
    if seeds == 1:
        return f"seed {seed} is the only one."
    worse = "" if seeds % 2 else ", the worse of the two in the middle"
    return f"seed {seed} is the median one of {seeds} by the validation {metric}{worse}: not the luckiest."
