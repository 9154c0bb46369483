"""Successive halving: which configurations of a rung go on, which finalists get more seeds, and why. Pure.

A configuration goes on with all its seeds, by the mean over them; configurations of one rung alone are compared, as they have
the same budget. How many go on says `cascada.experiment.rungs.going_on`.
"""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cascada.core.errors import CascadaError
from cascada.experiment.rungs import going_on

COMPLETED, DIVERGED, FAILED = "completed", "diverged", "failed"
STATUSES = (COMPLETED, DIVERGED, FAILED)  # in the order of the ranking
FORMULA = "ceil(configurations * epochs / next_epochs)"


@dataclass(frozen=True, slots=True)
class Score:
    """One trial of a rung: its validation metric and cross entropy; None where it diverged before its first epoch ended.

    `failed`: the trial left no metrics (`--keep-going`).
    """

    configuration: str
    seed: int
    value: float | None
    loss: float | None
    status: str = COMPLETED


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration among those of its rung; `value` and `loss` are means over the seeds that have them."""

    configuration: str
    status: str
    value: float | None
    loss: float | None
    values: dict[int, float | None]  # seed → metric
    failed: tuple[int, ...]  # seeds without a result


def score_of(metrics: dict[str, Any], metric: str) -> Score:
    """Return the score of a trial's metrics.json."""
    validation = metrics["validation"]
    return Score(metrics["configuration"], metrics["seed"], validation[metric], validation["loss"], metrics["status"])


def compare(scores: Iterable[Score], metric: str) -> list[Place]:
    """Rank a rung's configurations: by the metric's mean over seeds, ties by the smaller cross entropy, then by id.

    A configuration with a diverged seed comes after all that have none; one of which every seed failed comes last. With some
    failed seeds the mean is that of the others. Raises CascadaError for a trial that is given twice or an unknown status.
    """
    groups: dict[str, dict[int, Score]] = {}
    for score in scores:
        if score.status not in STATUSES:
            raise CascadaError(
                f"{score.configuration}, seed {score.seed}: status {score.status!r}, known are {STATUSES}."
            )
        group = groups.setdefault(score.configuration, {})
        if score.seed in group:
            raise CascadaError(f"{score.configuration}: seed {score.seed} is given twice for one rung.")
        group[score.seed] = score
    places = [_place(name, [group[seed] for seed in sorted(group)]) for name, group in groups.items()]
    return sorted(places, key=lambda place: _key(place, metric))


def _place(name: str, group: list[Score]) -> Place:
    here = [score for score in group if score.status != FAILED]
    worst = max((score.status for score in here), key=STATUSES.index, default=FAILED)
    return Place(
        configuration=name,
        status=worst,
        value=_mean(score.value for score in here),
        loss=_mean(score.loss for score in here),
        values={score.seed: score.value if _finite(score.value) else None for score in here},
        failed=tuple(score.seed for score in group if score.status == FAILED),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return statistics.fmean(known) if known else None


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _key(place: Place, metric: str) -> tuple:
    sign = 1 if metric == "loss" else -1
    value = math.inf if place.value is None else sign * place.value
    return (STATUSES.index(place.status), value, math.inf if place.loss is None else place.loss, place.configuration)


def promote(
    scores: Iterable[Score], *, rung: int, epochs: int, following: int, metric: str, again: str = ""
) -> dict[str, Any]:
    """Return the record of a rung (for `search/rung-N.json`): what was compared, what goes on, what stops, and why.

    Raises CascadaError where nothing is left that could go on, as every trial failed; `again`: a sentence that says what to do then.
    """
    places = compare(scores, metric)
    wanted = going_on(len(places), epochs, following)
    chosen = _best(places, wanted, f"Rung {rung}", again)
    return {
        "rung": rung,
        "epochs": epochs,
        "next_epochs": following,
        "metric": metric,
        "formula": FORMULA,
        "wanted": wanted,
        **_counts(places),
        "promoted": [_row(place, rank, _why_on(place, rank, chosen, places)) for rank, place in enumerate(chosen, 1)],
        "stopped": [
            _row(place, rank, _why_not(place, chosen[-1], metric))
            for rank, place in enumerate(places[len(chosen) :], len(chosen) + 1)
        ],
    }


def finalists(scores: Iterable[Score], *, top: int, seeds: list[int], metric: str, again: str = "") -> dict[str, Any]:
    """Return the record of the finalists (for `search/finalists.json`): the best `top` of the last rung get more seeds."""
    places = compare(scores, metric)
    chosen = _best(places, top, "The last rung", again)
    return {
        "metric": metric,
        "wanted": top,
        "seeds": list(seeds),
        **_counts(places),
        "finalists": [_row(place, rank, _why_on(place, rank, chosen, places)) for rank, place in enumerate(chosen, 1)],
    }


def _best(places: list[Place], wanted: int, what: str, again: str) -> list[Place]:
    """The first completed ones; of diverged ones a single one, and only where nothing completed: a search has a result."""
    sound = [place for place in places if place.status == COMPLETED][:wanted]
    chosen = sound or [place for place in places if place.status == DIVERGED][:1]
    if not chosen:
        raise CascadaError(
            f"{what}: none of {len(places)} configurations has a trial with a result, so nothing can go on; the `reason` "
            f"in their metrics.json and the logs of rule train say why. {again}"
        )
    return chosen


def _counts(places: list[Place]) -> dict[str, Any]:
    """How many configurations ended how; `failed_trials` counts trials, also those of configurations that have others."""
    counts = {f"{status}_configurations": sum(p.status == status for p in places) for status in STATUSES}
    trials = sum(len(place.values) + len(place.failed) for place in places)
    return {
        "configurations": len(places),
        **counts,
        "trials": trials,
        "failed_trials": sum(len(p.failed) for p in places),
    }


def _row(place: Place, rank: int, why: str) -> dict[str, Any]:
    return {
        "configuration": place.configuration,
        "rank": rank,
        "status": place.status,
        "value": place.value,
        "loss": place.loss,
        "seeds": [{"seed": seed, "value": value} for seed, value in place.values.items()],
        "failed_seeds": list(place.failed),
        "why": why,
    }


def _why_on(place: Place, rank: int, chosen: list[Place], places: list[Place]) -> str:
    if place.status == DIVERGED:
        return "no configuration completed the rung: the first diverged one, so that the search ends with a result"
    following = places[rank] if rank < len(places) else None
    tie = ""
    if rank == len(chosen) and following is not None and _tied(place, following):
        tie = f"; tied with {following.configuration}, decided by {_decided_by(place, following)}"
    return f"rank {rank} of {len(places)}, {len(chosen)} go on{tie}"


def _why_not(place: Place, last: Place, metric: str) -> str:
    if place.status == FAILED:
        return f"failed: seeds {list(place.failed)} left no result"
    if place.status == DIVERGED:
        return "diverged"
    if _tied(place, last):
        return f"{metric} as that of {last.configuration}, decided by {_decided_by(last, place)}"
    return f"{metric} behind that of {last.configuration}"


def _tied(one: Place, other: Place) -> bool:
    return (one.status, one.value) == (other.status, other.value)


def _decided_by(one: Place, other: Place) -> str:
    return "the id" if one.loss == other.loss else "the smaller cross entropy"


def promoted(record: dict[str, Any]) -> list[str]:
    """Return the ids that go on by a rung's record, the best first."""
    return [row["configuration"] for row in record["promoted"]]
