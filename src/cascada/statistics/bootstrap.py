"""Bootstrap intervals of many statistics at once, on the same resamples.

A resample of N images is a row of weights: how often each was drawn. A statistic takes weights (R, N) and returns (R, …), so
that it sorts or bins the images once and not once per resample. As all statistics see the same weights, a difference of two is
a paired bootstrap.

Showers are drawn, each with all of its images (cluster bootstrap; Field and Welsh, 2007): images that were made from one shower
with several cores are no independent events, and drawn one by one they would make every interval too narrow.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypedDict

import numpy as np

from cascada.statistics import metrics

Statistic = Callable[[np.ndarray], np.ndarray]
CELLS = 200_000  # of a block of weights: 1.6 MB, which stay in a cache
CALIBRATION_BINS = 15  # of equal width (Guo et al., 2017)


class Interval(TypedDict):
    """A number with its limits."""

    value: float
    low: float
    high: float


def intervals(
    statistics: Mapping[str, Statistic],
    number: int,
    resamples: int,
    confidence: float,
    seed: int,
    shower_id: np.ndarray | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Return by name `value`, `low`, `high` (…): the percentile bootstrap over the showers of `number` images.

    `shower_id` (number,) says which images come from one shower; without it each is a shower of its own. Resamples that give
    NaN are left out; `low` and `high` are NaN where all do.
    """
    shower = np.arange(number) if shower_id is None else number_showers(shower_id)
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for weights in _weights(shower, resamples, seed):
        for name, statistic in statistics.items():
            drawn[name].append(statistic(weights))
    whole, tail = np.ones((1, number)), (1 - confidence) / 2
    found = {}
    for name, statistic in statistics.items():
        low, high = _quantiles(np.concatenate(drawn[name]), tail)
        found[name] = {"value": statistic(whole)[0], "low": low, "high": high}
    return found


def number_showers(shower_id: np.ndarray) -> np.ndarray:
    """Number the showers of images (N,) from 0 in order of their first image: with one image each, 0 to N − 1."""
    _, first, which = np.unique(shower_id, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return place[which]


def _weights(shower: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks (R, N) of weights: an image was drawn as often as its shower."""
    random, number = np.random.default_rng(seed), int(shower.max(initial=-1)) + 1
    step = max(1, CELLS // max(len(shower), 1))
    for start in range(0, resamples, step):
        rows = [
            np.bincount(random.integers(0, number, number), minlength=number)
            for _ in range(min(step, resamples - start))
        ]
        counts = np.stack(rows).astype(np.float64)
        yield counts if number == len(shower) else np.take(counts, shower, axis=1)


def _quantiles(values: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    flat = values.reshape(len(values), -1)
    low, high = np.full((2, flat.shape[1]), np.nan)
    some = np.isfinite(flat).any(axis=0)
    if some.any():
        low[some], high[some] = np.nanquantile(flat[:, some], [tail, 1 - tail], axis=0)
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])


def overall(logits: np.ndarray, labels: np.ndarray, signal: int = 1) -> dict[str, Statistic]:
    """The metrics that models are compared by, `names.COMPARED`, of logits (N, K) and labels (N,)."""
    probability = metrics.softmax(logits)
    # log-odds keep apart what rounds to 1 as probability
    scores = np.stack([metrics.log_odds(logits, label) for label in range(logits.shape[1])], axis=1)
    return {
        "f1": f1(probability, labels, signal=signal),
        "accuracy": mean((probability.argmax(axis=1) == labels).astype(float)),
        "roc_auc": roc_auc(scores, labels, signal),
        "loss": mean(metrics.losses(logits, labels)),
        "brier": brier(probability, labels),
    }


def mean(values: np.ndarray, chosen: np.ndarray | None = None) -> Statistic:
    """Mean of values (N,), of the showers of a boolean mask (N,) alone if it is given."""
    several = means(values, np.ones((len(values), 1), bool) if chosen is None else chosen[:, None])
    return lambda weights: several(weights)[:, 0]


def means(values: np.ndarray, members: np.ndarray) -> Statistic:
    """Means (R, M) of values (N,) in M groups; members (N, M) says who belongs; NaN for an empty group."""
    sums, counts = np.where(members, values[:, None], 0.0), members.astype(np.float64)
    return lambda weights: _ratio(weights @ sums, weights @ counts)


def difference(one: Statistic, other: Statistic) -> Statistic:
    return lambda weights: one(weights) - other(weights)


def confusion_matrix(probability: np.ndarray, labels: np.ndarray, chosen: np.ndarray | None = None) -> Statistic:
    """Counts (R, K, K): row the true class, column the predicted one; as `metrics.confusion_matrix`."""
    classes = probability.shape[1]
    cells = np.eye(classes**2)[labels * classes + probability.argmax(axis=1)]
    if chosen is not None:
        cells *= chosen[:, None]
    return lambda weights: (weights @ cells).reshape(-1, classes, classes)


def f1(probability: np.ndarray, labels: np.ndarray, chosen: np.ndarray | None = None, signal: int = 1) -> Statistic:
    """F1 of the signal with two classes, the classes' mean with more; as `metrics.f1`."""
    several = f1_of_classes(probability, labels, chosen)
    if probability.shape[1] == 2:
        return lambda weights: several(weights)[:, signal]
    return lambda weights: several(weights).mean(axis=1)


def f1_of_classes(probability: np.ndarray, labels: np.ndarray, chosen: np.ndarray | None = None) -> Statistic:
    """F1 of each class (R, K); 0 for one that is neither there nor predicted."""
    matrix = confusion_matrix(probability, labels, chosen)

    def statistic(weights: np.ndarray) -> np.ndarray:
        counts = matrix(weights)
        both = counts.sum(axis=1) + counts.sum(axis=2)
        return np.divide(2 * np.diagonal(counts, axis1=1, axis2=2), both, out=np.zeros_like(both), where=both > 0)

    return statistic


def roc_auc(probability: np.ndarray, labels: np.ndarray, signal: int = 1) -> Statistic:
    """Area under the ROC curve, the mean over classes with more than two; as `metrics.roc_auc`."""
    classes = [signal] if probability.shape[1] == 2 else range(probability.shape[1])
    parts = [auc(probability[:, k], labels == k) for k in classes]
    return lambda weights: np.mean([part(weights) for part in parts], axis=0)


def auc(score: np.ndarray, positive: np.ndarray) -> Statistic:
    """ROC AUC of a score (N,) for a boolean truth (N,), ties counted half; NaN where a class is missing."""
    groups = _Groups(score, positive)

    def statistic(weights: np.ndarray) -> np.ndarray:
        signal, background = groups.sums(weights)
        above = np.cumsum(background, axis=1)
        total_signal, total_background = signal.sum(axis=1), above[:, -1]
        # pairs with the background above the signal, half of those with equal scores
        pairs = np.einsum("ij,ij->i", signal, above - background / 2)
        return 1 - _ratio(pairs, total_signal * total_background)

    return statistic


def background_efficiency(score: np.ndarray, positive: np.ndarray, signal_efficiencies: Sequence[float]) -> Statistic:
    """(R, E, 2): the shares of background and of signal that are left where at least so much signal is kept.

    The cut is the highest score that keeps as much signal; showers of that score are kept.
    """
    groups = _Groups(score, positive)

    def statistic(weights: np.ndarray) -> np.ndarray:
        signal, background = (np.cumsum(part, axis=1) for part in groups.sums(weights))
        total = signal[:, -1:]
        cuts = [(signal >= efficiency * total * (1 - 1e-12)).argmax(axis=1) for efficiency in signal_efficiencies]
        cut = np.stack(cuts, axis=1)
        kept = [np.take_along_axis(part, cut, axis=1) for part in (background, signal)]
        return np.stack([_ratio(kept[0], background[:, -1:]), _ratio(kept[1], total)], axis=2)

    return statistic


class _Groups:
    """Showers sorted by falling score, equal scores together."""

    def __init__(self, score: np.ndarray, positive: np.ndarray):
        self.order = np.argsort(-score, kind="stable")
        ordered = score[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.positive = positive[self.order].astype(np.float64)

    def sums(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights of signal and of background in each group: (R, groups) each."""
        ordered = np.take(weights, self.order, axis=1)
        signal = ordered * self.positive
        background = ordered - signal
        if len(self.starts) == len(self.order):  # every score is another one
            return signal, background
        return np.add.reduceat(signal, self.starts, axis=1), np.add.reduceat(background, self.starts, axis=1)


def merit_factor(value: np.ndarray, positive: np.ndarray) -> Statistic:
    """|μ_1 − μ_0| / √(σ_1² + σ_0²) of one value (N,) in two classes, as the field quotes it (arXiv:2508.13933)."""
    # moments about the middle of the values: no digits are lost
    centred = value - value.mean()
    terms = np.stack([part * centred**power for part in (positive, ~positive) for power in (0, 1, 2)], axis=1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        n1, s1, q1, n0, s0, q0 = (weights @ terms).T
        mean1, mean0 = _ratio(s1, n1), _ratio(s0, n0)
        variance = _ratio(q1, n1) - mean1**2 + _ratio(q0, n0) - mean0**2
        return _ratio(np.abs(mean1 - mean0), np.sqrt(np.maximum(variance, 0)))

    return statistic


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = CALIBRATION_BINS) -> Statistic:
    """Expected calibration error: Σ_b (n_b/N) |accuracy_b − mean confidence_b| over bins of equal width in [0, 1]."""
    cells = np.eye(bins)[np.minimum((confidence * bins).astype(int), bins - 1)] * (correct - confidence)[:, None]
    return lambda weights: np.abs(weights @ cells).sum(axis=1) / weights.sum(axis=1)


def brier(probability: np.ndarray, labels: np.ndarray) -> Statistic:
    """Brier score: mean over showers of Σ_k (p_k − y_k)², halved with two classes, where it is (p_1 − y_1)²."""
    squares = ((probability - np.eye(probability.shape[1])[labels]) ** 2).sum(axis=1)
    return mean(squares / 2 if probability.shape[1] == 2 else squares)


def clopper_pearson(count: float, number: int, confidence: float, showers: int | None = None) -> tuple[float, float]:
    """Exact interval of a share; of 0 of n (or n of n) the one-sided limit, 1 − (1 − confidence)^(1/n).

    `count` of `number` images from `showers` showers: where these are fewer, both are scaled to the number of showers, as if
    all images of a shower told the same. The quantiles are scipy's; its `binomtest(…).proportion_ci("exact")` takes whole numbers
    alone, and gives the two-sided limit for 0 of n.
    """
    from scipy.stats import beta

    if not number:
        return math.nan, math.nan
    if showers is not None and showers < number:
        count, number = count * showers / number, showers
    if count in (0, number):
        limit = 1 - (1 - confidence) ** (1 / number)
        return (0.0, limit) if count == 0 else (1 - limit, 1.0)
    tail = (1 - confidence) / 2
    low, high = beta.ppf([tail, 1 - tail], [count, count + 1], [number - count + 1, number - count])
    return float(low), float(high)


def exact(
    share: Interval | Mapping[str, float], number: int, confidence: float, showers: int | None = None
) -> Interval:
    """Widen the interval of a share of `number` images to the exact one: a bootstrap of 5 out of 5 has zero width.

    `showers`: how many showers the images come from, if fewer.
    """
    low, high = clopper_pearson(round(share["value"] * number), number, confidence, showers)
    return {"value": share["value"], "low": min(low, share["low"]), "high": max(high, share["high"])}


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where `below` is 0."""
    below = np.broadcast_to(below, np.shape(above))
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
