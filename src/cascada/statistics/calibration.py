"""Whether a probability of 0.9 is right nine times in ten, and the temperature that makes it so. NumPy and SciPy.

Temperature scaling (Guo et al., ICML 2017, arXiv:1706.04599) divides all logits by one number, fitted on showers that the
network was not trained on. It moves no shower across a threshold of one half and leaves the order of showers by the log-odds of
two classes as it is, and with it their ROC AUC.

The expected calibration error is a sum of absolute values: of a perfectly calibrated network it is not 0 but what chance makes
of it, more with fewer showers. So it stands beside `by_chance`, what perfect calibration would show on the same showers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics import resampling
from cascada.statistics.bootstrap import CALIBRATION_BINS, clopper_pearson
from cascada.statistics.weights import worth

LIMITS = (0.05, 20.0)  # of a temperature
CELLS = 2_000_000  # of a block of simulated labels


@dataclass(frozen=True, kw_only=True, slots=True)
class Temperature:
    """A fitted temperature with its interval; `at_limit` where the showers do not fix it, as where none is misclassified."""

    value: float
    low: float
    high: float
    at_limit: bool


def fit_temperature(
    logits: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    confidence: float = 0.95,
    shower_id: np.ndarray | None = None,
) -> Temperature:
    """Fit the temperature by the least cross-entropy of logits (N, K) / T; weights (N,) as of a stated spectrum.

    As the loss is convex in 1/T, its minimum is where its slope is 0. The interval is that of this equation on the scale of
    ln T (sandwich variance; White, Econometrica 50, 1982, 1), which holds under weights, for networks that no temperature makes
    perfect, and for several images of one shower.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    if not np.isfinite(logits).all():
        raise DataError("Logits that are not finite: a temperature cannot be fitted to a network that diverged.")
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    logits = logits.astype(np.float64)

    def slope(log_t: float) -> float:
        return float(weight @ _derivatives(logits / np.exp(log_t), labels)[0])

    low, high = np.log(LIMITS)
    if slope(low) >= 0 or slope(high) <= 0:  # the loss rises, or falls, all the way; it has one minimum at most
        end = LIMITS[0] if slope(low) >= 0 else LIMITS[1]
        return Temperature(value=end, low=LIMITS[0], high=LIMITS[1], at_limit=True)
    log_t = brentq(slope, low, high, xtol=1e-10)
    slopes, curvatures = _derivatives(logits / np.exp(log_t), labels)
    of_shower = resampling.sums(weight * slopes, resampling.numbered(len(labels), shower_id))
    error = np.sqrt((of_shower**2).sum()) / (weight @ curvatures)
    away = norm.ppf((1 + confidence) / 2) * error
    ends = np.exp(np.clip([log_t - away, log_t + away], low, high))
    return Temperature(value=float(np.exp(log_t)), low=float(ends[0]), high=float(ends[1]), at_limit=False)


def scaled(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Calibrated logits (N, K), in double precision: single precision makes ties of confident showers."""
    return logits.astype(np.float64) / temperature


def ensemble_logits(logits: np.ndarray) -> np.ndarray:
    """Logarithm (N, K) of the mean probability of S networks' logits (S, N, K): what a temperature is then fitted to."""
    logits = logits.astype(np.float64)
    log_probability = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
    return np.logaddexp.reduce(log_probability, axis=0) - np.log(len(logits))


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy (N,) of each shower."""
    return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(labels)), labels]


def brier(probability: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Brier score, mean of Σ_k (p_k − y_k)², halved with two classes: the weighted mean over showers."""
    squares = ((probability - np.eye(probability.shape[1])[labels]) ** 2).sum(axis=1)
    return float(np.average(squares / 2 if probability.shape[1] == 2 else squares, weights=weights))


def calibration_error(
    probability: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, bins: int = CALIBRATION_BINS
) -> float:
    """Expected calibration error of the predicted class: Σ_b W_b/W |accuracy − mean confidence|, bins of equal width."""
    confidence, correct = probability.max(axis=1), probability.argmax(axis=1) == labels
    weight = np.ones(len(labels)) if weights is None else weights
    excess = np.bincount(bins_of(confidence, bins), weight * (correct - confidence), bins)
    return float(np.abs(excess).sum() / weight.sum())


def by_chance(
    probability: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    bins: int = CALIBRATION_BINS,
    toys: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    shower_id: np.ndarray | None = None,
) -> dict[str, float]:
    """Return `mean` and `high` (the quantile) of the calibration error that these probabilities show if they are exact.

    In each toy, a shower's prediction is right with its own probability (Bröcker and Smith, Weather and Forecasting 22, 2007,
    651: consistency resampling); images of one shower are right or wrong together.
    """
    shower = resampling.numbered(len(probability), shower_id)
    confidence_of = probability.max(axis=1)
    weight = np.ones(len(confidence_of)) if weights is None else np.asarray(weights, np.float64)
    found = np.concatenate(
        [
            np.abs(((right - confidence_of) * weight) @ np.eye(bins)[bins_of(confidence_of, bins)]).sum(axis=1)
            for right in _right_by_chance(confidence_of, toys, seed, shower)
        ]
    )
    return {"mean": float(found.mean() / weight.sum()), "high": float(np.quantile(found, confidence) / weight.sum())}


def reliability(
    probability: np.ndarray,
    labels: np.ndarray,
    signal: int = 1,
    bins: int = CALIBRATION_BINS,
    confidence: float = 0.95,
    shower_id: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> list[dict[str, float]]:
    """The reliability picture of one class: per bin of its probability that has images, what is predicted and what is true.

    `from`, `to`, `images`, `mean` (of the probability), `value` (share of the class) and its exact `low`, `high`, which count
    showers, under weights (N,) as many as these are worth.
    """
    p, true = probability[:, signal], labels == signal
    which, shower = bins_of(p, bins), resampling.numbered(len(labels), shower_id)
    rows = []
    for one in np.unique(which).tolist():
        inside = which == one
        mine = None if weights is None else weights[inside]
        mean, share = (float(np.average(values[inside], weights=mine)) for values in (p, true))
        number = int(inside.sum())
        showers = len(np.unique(shower[inside])) if mine is None else worth(mine, shower[inside])
        low, high = clopper_pearson(round(share * number), number, confidence, showers)
        shares = {"mean": mean, "value": share, "low": low, "high": high}
        rows.append({"from": one / bins, "to": (one + 1) / bins, "images": number} | shares)
    return rows


def _derivatives(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative (N,) of each shower's cross-entropy by ln T, of logits that T has divided.

    With the mean μ and variance v of a shower's logits under its own probabilities, and l that of the label: l − μ, and
    μ − l + v.
    """
    probability = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    mean = (probability * logits).sum(axis=1)
    variance = (probability * (logits - mean[:, None]) ** 2).sum(axis=1)
    of_label = logits[np.arange(len(labels)), labels]
    return of_label - mean, mean - of_label + variance


def bins_of(values: np.ndarray, bins: int) -> np.ndarray:
    """The bin (N,) of equal width between 0 and 1 in which each value lies."""
    return np.minimum((values * bins).astype(int), bins - 1)


def _right_by_chance(confidence: np.ndarray, toys: int, seed: int, shower: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks (T, N): whether each prediction is right, drawn with its own probability, one number for each shower."""
    random, step = np.random.default_rng(seed), max(1, CELLS // len(confidence))
    for start in range(0, toys, step):
        yield random.random((min(step, toys - start), shower.max(initial=-1) + 1))[:, shower] < confidence
