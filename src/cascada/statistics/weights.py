"""Metrics for a stated spectrum: the showers were simulated with one, nature has another. NumPy and SciPy.

A shower of energy E counts as (E/E_0)^(index − simulated), where dN/dE ∝ E^simulated was simulated (log-uniform: −1) and
dN/dE ∝ E^index is asked for (cosmic rays below the knee: about −2.7). A few showers at low energy then count for much, and what
the sample is worth is its effective number, (Σ w)² / Σ w² (Kish, Survey Sampling, 1965).

Intervals draw the showers with equal chances and let each keep its weight, so that they know both the labels' and the weights'
scatter. They are the bias-corrected and accelerated percentiles (Efron, JASA 82, 1987, 171), since sums of unequal weights are
skewed and plain percentiles then miss on one side. The calibration error is a sum of absolute values, which chance makes larger in
the sample and once more in each draw; its interval is the normal one about the value less what the draws add to it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics import bootstrap, resampling
from cascada.statistics.bootstrap import Statistic

LOG_UNIFORM = -1.0
FOLDED = {"ece"}  # statistics, by the part of their name before a colon, that are sums of absolute values
JUMPING = {"curve", "largest"}  # whose cut, or case, jumps from draw to draw: plain percentiles
GROUPS = 1000  # of showers, at most, whose influence on a statistic is measured
NUDGE = 1e-3  # by which a group's weight is changed for that
CELLS = 200_000  # of a block of weights


def spectrum_weights(energy: np.ndarray, index: float, simulated: float = LOG_UNIFORM) -> np.ndarray:
    """Weights (N,), with mean 1, that turn a spectrum E^simulated into E^index; energies (N,) in any unit."""
    if not np.isfinite(index):
        raise DataError(f"Spectrum index {index} given, expected a number such as -2.7.")
    energy = np.asarray(energy, np.float64)
    if not (np.isfinite(energy) & (energy > 0)).all():
        raise DataError(
            f"{int((~(energy > 0)).sum())} of {len(energy)} showers have no true energy above 0: "
            "they cannot be weighted to a spectrum. Leave the spectrum index out, or these showers."
        )
    # about the geometric mean: no power overflows
    weight = np.exp((index - simulated) * (np.log(energy) - np.log(energy).mean()))
    return weight / weight.mean()


def effective_number(weights: np.ndarray, shower_id: np.ndarray | None = None) -> float:
    """How many equally weighted showers the weighted images (N,) are worth; the images of a shower count together."""
    of_shower = resampling.sums(np.asarray(weights, np.float64), resampling.numbered(len(weights), shower_id))
    return float(of_shower.sum() ** 2 / (of_shower**2).sum())


def worth(weights: np.ndarray, shower_id: np.ndarray) -> int:
    """The effective number of showers of images (N,), rounded down, at least one; 0 of none."""
    return max(1, int(effective_number(weights, shower_id) * (1 + 1e-9))) if len(weights) else 0


def statistics_of(probability: np.ndarray, labels: np.ndarray, signal: int = 1) -> dict[str, Statistic]:
    """The metrics that a weighted test reports, of probabilities (N, K) and labels (N,)."""
    correct = (probability.argmax(axis=1) == labels).astype(np.float64)
    return {
        "f1": bootstrap.f1(probability, labels, signal=signal),
        "accuracy": bootstrap.mean(correct),
        "roc_auc": bootstrap.roc_auc(probability, labels, signal),
        "ece": bootstrap.calibration_error(probability.max(axis=1), correct),
        "brier": bootstrap.brier(probability, labels),
    }


def weighted(statistic: Statistic, weights: np.ndarray) -> Statistic:
    """The statistic of images that count as `weights` (N,), however often they are drawn."""
    return lambda times: statistic(times * weights)


def intervals(
    statistics: Mapping[str, Statistic],
    weights: np.ndarray,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    shower_id: np.ndarray | None = None,
) -> dict[str, dict[str, Any]]:
    """Return by name `value`, `low`, `high` of each statistic, numbers or lists of them, under the weights (N,) of the images.

    Smooth statistics alone, but for those of JUMPING: an interval that follows how much each shower matters cannot be had of a
    single count. Draws that give NaN (no shower of a class) are left out.
    """
    shower = resampling.numbered(len(weights), shower_id)
    number = int(shower.max()) + 1
    under = {name: weighted(statistic, np.asarray(weights, np.float64)) for name, statistic in statistics.items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in under}
    for counts in resampling.draws(number, resamples, seed):
        for start in range(0, len(counts), step := max(1, CELLS // len(weights))):
            times = counts[start : start + step].astype(np.float64)[:, shower]
            for name, statistic in under.items():
                drawn[name].append(statistic(times))
    found = {}
    for name, statistic in under.items():
        value = statistic(np.ones((1, len(weights))))[0]
        kind = name.partition(":")[0]
        if kind in JUMPING:
            found[name] = {"value": value.tolist()} | _percentiles(np.concatenate(drawn[name]), confidence)
            continue
        interval, influence = folded if kind in FOLDED else bca, influences(statistic, shower, seed)
        found[name] = _each(interval, value, np.concatenate(drawn[name]), influence, confidence)
    return found


def _each(interval: Callable, value: np.ndarray, drawn: np.ndarray, influence: np.ndarray, confidence: float) -> dict:
    """The interval of each number of a statistic's values (…), from draws (R, …) and influences (G, …)."""
    flat, columns, answers = np.reshape(value, -1), drawn.reshape(len(drawn), -1), influence.reshape(len(influence), -1)
    ends = [interval(float(v), columns[:, i], answers[:, i], confidence) for i, v in enumerate(flat)]
    low, high = (np.reshape(part, np.shape(value)).tolist() for part in zip(*ends, strict=True)) if ends else ([], [])
    return {"value": value.tolist(), "low": low, "high": high}


def _percentiles(drawn: np.ndarray, confidence: float) -> dict:
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return {"low": low.tolist(), "high": high.tolist()}


def influences(statistic: Statistic, shower: np.ndarray, seed: int = 0) -> np.ndarray:
    """How the statistic answers (G,) to a little more weight on each of at most GROUPS groups of showers; their mean is 0.

    The skewness that the acceleration needs, Σ u³ / (Σ u²)^1.5, is in the mean the same for showers and for random groups.
    """
    number = int(shower.max()) + 1
    groups = min(number, GROUPS)
    of_shower = np.random.default_rng([seed, 1]).permutation(number) % groups
    group, found = of_shower[shower], []
    whole = statistic(np.ones((1, len(shower))))[0]
    for start in range(0, groups, step := max(1, CELLS // len(shower))):
        which = np.arange(start, min(start + step, groups))
        found.append(statistic(1 + NUDGE * (group == which[:, None])) - whole)
    influence = np.concatenate(found) / NUDGE
    return influence - influence.mean(axis=0)


def bca(value: float, drawn: np.ndarray, influence: np.ndarray, confidence: float) -> tuple[float, float]:
    """The bias-corrected and accelerated interval from draws (R,) of a statistic; NaN where none is a number."""
    from scipy.stats import norm

    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return float("nan"), float("nan")
    # draws that equal the value count half: with few errors, many do
    below = (drawn < value).mean() + (drawn == value).mean() / 2
    bias = norm.ppf(np.clip(below, 0.5 / len(drawn), 1 - 0.5 / len(drawn)))
    spread = (influence**2).sum()
    acceleration = (influence**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(drawn, norm.cdf(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def folded(value: float, drawn: np.ndarray, influence: np.ndarray, confidence: float) -> tuple[float, float]:
    """The interval of a sum of absolute values, at least 0: their signs as in the sample, less the mean that draws (R,) add."""
    from scipy.stats import norm

    middle = value - (np.nanmean(drawn) - value)
    away = norm.ppf((1 + confidence) / 2) * np.sqrt((influence**2).sum())
    return float(max(middle - away, 0)), float(max(middle + away, 0))
