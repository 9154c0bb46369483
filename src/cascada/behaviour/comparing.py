"""What probes share: comparing a predictor's answers with those to the images as they are, and one variable with the labels."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cascada.behaviour.subject import Measurement, Subject, plain
from cascada.data.checks import pairs
from cascada.statistics import bootstrap
from cascada.statistics.metrics import auc
from cascada.statistics.verdicts import AT_LEAST

LEAST = 1e-7  # of a probability, before its logarithm: float32 knows none between 1 − 6e-8 and 1


def change(subject: Subject, found: np.ndarray) -> np.ndarray:
    """Largest change of a class's probability, of each shower (N,)."""
    return np.abs(found - subject.probability).max(axis=1)


def flips(subject: Subject, found: np.ndarray) -> np.ndarray:
    """Whether each shower (N,) gets another label; an answer that is not a number is another label."""
    same = found.argmax(axis=1) == subject.probability.argmax(axis=1)
    return ~same | ~np.isfinite(found).all(axis=1)


def worst_case(
    subject: Subject, cases: dict[Any, np.ndarray], *, name: str, meaning: str, share: bool = False
) -> Measurement:
    """The largest of the cases' means over the showers; `cases` by what was done: one value per shower (N,)."""
    rows = [{"at": at, **subject.interval(values, share)} for at, values in cases.items()]
    largest = subject.largest(np.stack(list(cases.values()), axis=1), share)
    return Measurement(name=name, meaning=meaning, details=rows, **largest)


# A loss that falls when the detector gets worse is a sign of a training gone wrong, but a loss is not quite monotonic in any network:
# a threshold of 0.25 to 10 MeV takes away next to nothing, and on surrogate showers the loss of ten networks then fell by 6e-8 to
# 0.017 of some 0.1, often significantly. So the probes' limit is a fall of 0.005.
def degradation(
    subject: Subject,
    transform: Callable[[np.ndarray, float, int], np.ndarray],
    levels: tuple[float, ...],
    axis: str,
    areas: dict[str, float],
) -> Iterator[Measurement]:
    """A detector that gets worse must make the answers worse: how far the loss falls, and the ROC AUC at some levels.

    `transform(images, level, seed)` makes it worse, each of `levels` more than the one before; `axis`: what a level is, with its unit;
    `areas`: of the measured ROC AUC the name and the level. Measures `<name of transform>_loss_drop` and `areas`.
    """
    found = {0.0: subject.probability}
    for level in levels:
        found[level] = subject.probabilities(transform(subject.images, level, subject.settings.seed))
    losses = [_losses(subject, one) for one in found.values()]
    rows = [{"at": level, **subject.interval(loss)} for level, loss in zip(found, losses, strict=True)]
    drops = [subject.interval(before - after) for before, after in itertools.pairwise(losses)]
    # the drop that is surest, not the largest value: noise alone makes some step fall
    yield Measurement(
        name=f"{transform.__name__}_loss_drop", details=rows, significant=True, **max(drops, key=lambda drop: drop["low"]),
        meaning=f"fall of the loss from one level to the next: {axis} {', '.join(f'{v:g}' for v in levels)}",
    )  # fmt: skip
    for area, level in areas.items():
        meaning = f"ROC AUC at the {'hardest ' if level == levels[-1] else ''}level: {axis} {level:g}"
        yield Measurement(name=area, sense=AT_LEAST, meaning=meaning, **_auc(subject, found[level]))


def _losses(subject: Subject, found: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(found[np.arange(len(found)), subject.labels], LEAST))


def _auc(subject: Subject, found: np.ndarray) -> dict:
    area = bootstrap.roc_auc(found, subject.labels)
    return plain(subject.intervals({"auc": area})["auc"]) | subject.under(area)


def separation(subject: Subject, values: np.ndarray, meaning: str) -> dict:
    """AUC of one variable, folded to at least 0.5, of the two classes that it separates best; `details`: of every two.

    Pooled, classes hide from each other: what tells iron from helium tells neither from the two together. The interval is
    that of the largest of the pairs.
    """
    known = np.isfinite(values)
    values, labels = values[known], subject.labels[known]
    areas = {" and ".join(map(subject.name_of, pair)): _pair(values, labels, pair) for pair in pairs(labels)}
    if not areas:
        return dict.fromkeys(("value", "low", "high"), math.nan) | {"meaning": meaning}
    worst = {"": lambda weights: np.max([area(weights) for area in areas.values()], axis=0)}
    found = {name: plain(one) for name, one in subject.intervals(worst | areas, known).items()}
    rows: list[dict] = [{"at": name, **found[name]} for name in areas]
    whole = found[""] | subject.under(worst[""], known)
    if len(rows) < 2:
        return whole | {"meaning": meaning}
    best = max(rows, key=lambda row: row["value"])["at"]
    return whole | {"details": rows, "meaning": f"{meaning}, of {best}, the two classes that it separates best"}


def _pair(values: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> bootstrap.Statistic:
    """AUC of values (N,) for the showers of two classes, in the direction in which it is at least 0.5."""
    rows = np.flatnonzero(np.isin(labels, pair))
    values, positive = values[rows], labels[rows] == pair[1]
    sign = 1 if not auc(values, positive) < 0.5 else -1
    area = bootstrap.auc(sign * values, positive)
    return lambda weights: area(np.take(weights, rows, axis=1))
