"""What a temperature has changed: loss, Brier score, calibration error and reliability before and after, each with its interval.

On showers that the temperature was not fitted on. NumPy and SciPy.
"""

from typing import Any

import numpy as np

from cascada.statistics import bootstrap, calibration, metrics
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
) -> dict[str, Any]:
    """Return `before`, `after` and `differences` (paired, after less before) of logits (N, K) with labels (N,).

    Of each side the metrics of `names.CALIBRATED` as value, low, high, of the ECE also what exact probabilities would show
    (`if_calibrated`, `high_if_calibrated`), and `reliability`, the rows of the picture for the signal.
    """
    sides = {"before": metrics.softmax(before), "after": metrics.softmax(after)}
    statistics = {f"before.{name}": one for name, one in _statistics(before, labels).items()}
    statistics |= {f"after.{name}": one for name, one in _statistics(after, labels).items()}
    statistics |= {
        name: bootstrap.difference(statistics[f"after.{name}"], statistics[f"before.{name}"]) for name in CALIBRATED
    }
    drawn = bootstrap.intervals(statistics, len(labels), resamples, confidence, seed, shower_id)
    found = {name: {part: float(value) for part, value in one.items()} for name, one in drawn.items()}
    content: dict[str, Any] = {"differences": {name: found[name] for name in CALIBRATED}}
    for side, probability in sides.items():
        chance = calibration.by_chance(probability, confidence=confidence, seed=seed, shower_id=shower_id)
        ece = _without_bias(found[f"{side}.ece"])
        ece |= {"if_calibrated": chance["mean"], "high_if_calibrated": chance["high"]}
        content[side] = {name: found[f"{side}.{name}"] for name in CALIBRATED} | {"ece": ece}
        content[side]["reliability"] = calibration.reliability(probability, labels, signal, BINS, confidence, shower_id)
    return content


def _statistics(logits: np.ndarray, labels: np.ndarray) -> dict[str, bootstrap.Statistic]:
    probability = metrics.softmax(logits)
    correct = probability.argmax(axis=1) == labels
    return {
        "loss": bootstrap.mean(metrics.losses(logits, labels)),
        "brier": bootstrap.brier(probability, labels),
        "ece": bootstrap.calibration_error(probability.max(axis=1), correct),
    }


def _without_bias(ece: dict[str, float]) -> dict[str, float]:
    """Resampling adds noise to every bin: the interval reaches down as far as the resamples reach up (reverse percentile)."""
    return ece | {"low": min(max(0.0, 2 * ece["value"] - ece["high"]), ece["value"])}
