"""What a temperature has changed: loss, Brier score, calibration error and reliability before and after, each with its interval.

On showers that the temperature was not fitted on; with weights under a stated spectrum. NumPy and SciPy.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cascada.statistics import bootstrap, calibration, metrics, newcombe
from cascada.statistics import weights as weighting
from cascada.statistics.names import CALIBRATED

BINS = 10  # of the reliability picture, as in the picture of the test


def figures(
    before: np.ndarray,
    after: np.ndarray,
    labels: np.ndarray,
    *,
    signal: int,
    resamples: int,
    confidence: float,
    seed: int,
    shower_id: np.ndarray,
    weight: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return `before`, `after` and `differences` (after less before, paired but for the ECE) of logits (N, K) with labels (N,).

    Of each side the metrics of `names.CALIBRATED` as value, low, high, of the ECE also what exact probabilities would show
    (`if_calibrated`, `high_if_calibrated`), and `reliability`, the rows of the picture for the signal. `weight` (N,): what each
    image counts, None for all alike.
    """
    sides = {"before": before, "after": after}
    statistics = {
        f"{name}:{side}": one for side, logits in sides.items() for name, one in _statistics(logits, labels).items()
    }
    smooth = [name for name in CALIBRATED if name != "ece"]
    statistics |= {
        f"{name}:difference": bootstrap.difference(statistics[f"{name}:after"], statistics[f"{name}:before"])
        for name in smooth
    }
    if weight is not None:  # without weights, exact intervals of counts are enough
        statistics |= {f"share:{side}": _shares(logits, labels, signal) for side, logits in sides.items()}
    found = _intervals(statistics, len(labels), resamples, confidence, seed, shower_id, weight)
    content: dict[str, Any] = {"differences": {name: found[f"{name}:difference"] for name in smooth}}
    for side, logits in sides.items():
        probability = metrics.softmax(logits)
        chance = calibration.by_chance(probability, weight, confidence=confidence, seed=seed, shower_id=shower_id)
        ece = found[f"ece:{side}"] if weight is not None else _without_bias(found[f"ece:{side}"])
        content[side] = {name: found[f"{name}:{side}"] for name in CALIBRATED}
        content[side]["ece"] = ece | {"if_calibrated": chance["mean"], "high_if_calibrated": chance["high"]}
        rows = calibration.reliability(probability, labels, signal, BINS, confidence, shower_id, weight)
        content[side]["reliability"] = _widened(rows, found.get(f"share:{side}"))
    content["differences"]["ece"] = _change(content["before"]["ece"], content["after"]["ece"])
    return content


def _intervals(
    statistics: Mapping[str, bootstrap.Statistic],
    number: int,
    resamples: int,
    confidence: float,
    seed: int,
    shower_id: np.ndarray,
    weight: np.ndarray | None,
) -> dict[str, dict[str, Any]]:
    if weight is not None:
        return weighting.intervals(
            statistics, weight, resamples=resamples, confidence=confidence, seed=seed, shower_id=shower_id
        )
    drawn = bootstrap.intervals(statistics, number, resamples, confidence, seed, shower_id)
    return {name: {part: float(value) for part, value in one.items()} for name, one in drawn.items()}


def _statistics(logits: np.ndarray, labels: np.ndarray) -> dict[str, bootstrap.Statistic]:
    probability = metrics.softmax(logits)
    correct = probability.argmax(axis=1) == labels
    return {
        "loss": bootstrap.mean(metrics.losses(logits, labels)),
        "brier": bootstrap.brier(probability, labels),
        "ece": bootstrap.calibration_error(probability.max(axis=1), correct),
    }


def _shares(logits: np.ndarray, labels: np.ndarray, signal: int) -> bootstrap.Statistic:
    """The share of the signal in each bin of its probability that has images."""
    which = calibration.bins_of(metrics.softmax(logits)[:, signal], BINS)
    return bootstrap.means((labels == signal).astype(float), which[:, None] == np.unique(which))


def _widened(rows: list[dict[str, float]], drawn: dict[str, list[float]] | None) -> list[dict[str, float]]:
    """The exact intervals of the rows (M,), as wide as the drawn ones (M,) at least."""
    if drawn is None:
        return rows
    ends = zip(rows, drawn["low"], drawn["high"], strict=True)
    return [row | {"low": min(row["low"], low), "high": max(row["high"], high)} for row, low, high in ends]


def _change(before: dict[str, float], after: dict[str, float]) -> bootstrap.Interval:
    """After less before of calibration errors, whose draws say little: chance makes each larger, the smaller one by more.

    Each may be 0 that exact probabilities would show as well.
    """
    ends = [one | {"low": 0.0 if one["value"] <= one["high_if_calibrated"] else one["low"]} for one in (after, before)]
    return newcombe.difference(*ends)


def _without_bias(ece: dict[str, float]) -> dict[str, float]:
    """Resampling adds noise to every bin: the interval reaches down as far as the resamples reach up (reverse percentile)."""
    return ece | {"low": min(max(0.0, 2 * ece["value"] - ece["high"]), ece["value"])}
