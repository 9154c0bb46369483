"""Which configurations cannot be told from the best one, from their stored scores alone: no network is trained or run.

All are compared on the same validation showers. Drawing these showers with replacement shows how much the *differences* vary
(paired bootstrap): two networks that stumble over the same showers differ by less than their own intervals suggest. With many
configurations some differ by chance, so what counts is the distribution of the largest deviation: the model confidence set of
Hansen, Lunde and Nason (Econometrica 79, 2011, 453), with their statistic T_max.

The set speaks of *these trained networks* on other showers of the same kind. It says nothing of the same configurations trained
with other seeds: that takes several seeds, and their spread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics import resampling
from cascada.statistics.metrics import log_odds

CHUNK = 2_000_000  # images × configurations whose terms are held at once: 8 MB for each term
RESAMPLES = 1000
HIGHER, LOWER = 1, -1  # which is better


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric that is a function of sums over images.

    `terms` takes logits (M, N, K), labels (N,) and the signal and returns (J, N, M); `value` takes their sums (J, …, M) and
    returns (…, M). `better` is HIGHER or LOWER.
    """

    terms: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    better: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampled:
    """A metric of M configurations: `value` (M,) on all `showers`, `drawn` (R, M) on each draw of them, the same for all."""

    value: np.ndarray
    drawn: np.ndarray
    showers: int
    better: int

    @property
    def best(self) -> int:
        """The apparently best configuration, the first of equals."""
        return int((self.better * self.value).argmax())


def resampled(
    scores: Sequence[np.ndarray],
    labels: np.ndarray,
    metric: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    shower_id: np.ndarray | None = None,
    signal: int = 1,
) -> Resampled:
    """Return a metric (`f1`, `accuracy`, `loss`, `roc_auc`) of every configuration on the same draws of showers.

    `scores`: per configuration its logits (N, K), which may be memory-mapped: they are read once, some at a time. The area
    under the ROC curve is that of all showers plus the mean change of its placement values (DeLong, DeLong and
    Clarke-Pearson, Biometrics 44, 1988, 837), which leaves out terms of the order of 1/N.
    """
    chosen = _metric(metric)
    shower, draws = _draws(scores, labels, shower_id, resamples, seed)
    value, drawn = np.empty(len(scores)), np.empty((resamples, len(scores)))
    for part, terms in _terms(chosen, scores, labels, signal):
        value[part] = chosen.value(terms.sum(axis=1, dtype=np.float64))
        drawn[:, part] = chosen.value(_products(draws, terms, shower))
    return Resampled(value=value, drawn=drawn, showers=draws.shape[1], better=chosen.better)


def averaged(compared: Resampled, group: np.ndarray) -> Resampled:
    """The metric's mean over groups of networks, such as a configuration's seeds, on the same draws.

    `group` (M,): the number of each network's group, from 0, each of which has a member.
    """
    value, drawn = (resampling.means(part, group) for part in (compared.value, compared.drawn))
    return Resampled(value=value, drawn=drawn, showers=compared.showers, better=compared.better)


def p_values(compared: Resampled) -> np.ndarray:
    """p-values (M,) of the model confidence set: the set at confidence c holds those with p > 1 − c.

    From all, the one that is worst against the mean of those left is taken out step by step. Its p-value is the share of draws
    in which the largest deviation among those left, by chance alone, is at least as large; and never below that of one taken
    out before it. The last one has 1.
    """
    loss = -compared.better * compared.value
    noise = (-compared.better * (compared.drawn - compared.drawn.mean(axis=0))).astype(np.float32)
    found, left, reached = np.ones(len(loss)), np.arange(len(loss)), 0.0
    for many in range(len(loss), 1, -1):
        worst, p = _step(loss[left[:many]], noise[:, :many])
        reached = found[left[worst]] = max(reached, p)
        # the last column takes the place of the one that leaves: what is left stays one block
        left[worst], noise[:, worst] = left[many - 1], noise[:, many - 1]
    return found


def confidence_set(compared: Resampled, confidence: float = 0.95) -> np.ndarray:
    """Mask (M,) of the configurations that are not distinguishable from the best."""
    return p_values(compared) > 1 - confidence


def f1_losses(
    scores: Sequence[np.ndarray],
    labels: np.ndarray,
    best: int,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    shower_id: np.ndarray | None = None,
    signal: int = 1,
    group: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss in F1 (M,) of each configuration against number `best`, and its one-sided upper limit (M,).

    With `group`, as for `averaged`, of the groups' mean F1 against that of group `best`.

    The limit is the quantile of the paired differences with one shower more, of the signal (with more than two classes: of
    the rarest), that the best gets right and the other wrong. So two networks that agree on all of n showers may differ by
    3/n and not by 0, as with the exact limit of a share (Clopper and Pearson, Biometrika 26, 1934, 404). The best one has 0.
    """
    f1, group = METRICS["f1"], np.arange(len(scores)) if group is None else group
    shower, draws = _draws(scores, labels, shower_id, resamples, seed)
    images = len(labels) / (int(shower.max()) + 1)
    more = images * np.random.default_rng([seed, 1]).poisson(1, (resamples, 1))
    place = _place_of_one_more(scores[0].shape[1], labels)

    def drawn(chosen: Sequence[np.ndarray], hit: bool) -> tuple[np.ndarray, np.ndarray]:
        value, found = np.empty(len(chosen)), np.empty((resamples, len(chosen)))
        for part, terms in _terms(f1, chosen, labels, signal):
            value[part] = f1.value(terms.sum(axis=1, dtype=np.float64))
            sums = _products(draws, terms, shower)
            found[:, part] = f1.value(sums + _one_more(place, more, hit=hit, like=sums))
        return value, found

    top = drawn([scores[number] for number in np.flatnonzero(group == best).tolist()], hit=True)[1].mean(
        axis=1, keepdims=True
    )
    value, other = (resampling.means(part, group) for part in drawn(scores, hit=False))
    upper = np.quantile(top - other, confidence, axis=0)
    upper[best] = 0
    return value[best] - value, upper


def cheapest(upper: np.ndarray, tolerance: float, multiply_adds: np.ndarray, parameters: np.ndarray) -> int:
    """The configuration with the fewest multiply-adds, then parameters, then loss, whose upper limit is within the tolerance.

    `upper` (M,): limits of the loss in F1 against the best, which has 0 and so is chosen where no other will do. The loss is
    measured against the luckiest on these showers, which makes it larger than it is; the choice among many makes it smaller.
    """
    allowed = np.flatnonzero(upper <= tolerance)
    return min(allowed.tolist(), key=lambda one: (multiply_adds[one], parameters[one], upper[one], one))


def _step(loss: np.ndarray, noise: np.ndarray) -> tuple[int, float]:
    """The place of the worst of m by T_max, and the share of draws whose largest deviation is at least as large."""
    deviation = noise - noise.mean(axis=1, keepdims=True)
    error = np.sqrt(np.einsum("rm,rm->m", deviation, deviation, dtype=np.float64) / len(noise))
    above = loss - loss.mean()
    # a configuration without error against the mean is equal to it in every draw
    scale = np.divide(1, error, out=np.zeros_like(error), where=error > 1e-12)
    statistic = above * scale
    worst = int(statistic.argmax())
    largest = (deviation * scale.astype(np.float32)).max(axis=1)
    return worst, float((largest >= statistic[worst] * (1 - 1e-6)).mean())


def _metric(name: str) -> Metric:
    if name not in METRICS:
        raise DataError(f"Metric {name!r} given to compare configurations by, allowed are {sorted(METRICS)}.")
    return METRICS[name]


def _draws(
    scores: Sequence[np.ndarray], labels: np.ndarray, shower_id: np.ndarray | None, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The number of each image's shower (N,) and all draws (R, S) of showers, after a look at the scores' shapes."""
    for number, one in enumerate(scores):
        if one.shape != (len(labels), scores[0].shape[1]):
            raise DataError(
                f"Scores number {number} have shape {one.shape}, expected {(len(labels), scores[0].shape[1])}: "
                "only configurations with scores on the same showers can be compared."
            )
    shower = resampling.numbered(len(labels), shower_id)
    return shower, np.concatenate(list(resampling.draws(int(shower.max()) + 1, resamples, seed)))


def _terms(metric: Metric, scores: Sequence[np.ndarray], labels: np.ndarray, signal: int):
    """Yield a slice of configurations and their terms (J, N, m) as float32."""
    step = max(1, CHUNK // len(labels))
    for start in range(0, len(scores), step):
        part = slice(start, min(start + step, len(scores)))
        logits = np.stack(scores[part])
        if not np.isfinite(logits).all():
            raise DataError(
                f"Scores that are not finite among numbers {part.start} to {part.stop - 1}: a trial that diverged cannot "
                "be compared; leave it out."
            )
        yield part, metric.terms(logits, labels, signal).astype(np.float32)


def _products(draws: np.ndarray, terms: np.ndarray, shower: np.ndarray) -> np.ndarray:
    """Sums (J, R, m) of terms (J, N, m) over the images of drawn showers."""
    return np.stack([draws @ resampling.sums(term, shower) for term in terms])


def _classes(logits: np.ndarray, signal: int) -> list[int]:
    """The signal with two classes, all with more."""
    return [signal] if logits.shape[-1] == 2 else list(range(logits.shape[-1]))


def _f1_terms(logits: np.ndarray, labels: np.ndarray, signal: int) -> np.ndarray:
    """Per class (hits, predicted + true)."""
    predicted = logits.argmax(axis=2).T
    found = []
    for one in _classes(logits, signal):
        true = (labels == one)[:, None]
        found += [(predicted == one) & true, (predicted == one) + true.astype(np.int8)]
    return np.stack([term.astype(np.float32) for term in found])


def _f1_value(sums: np.ndarray) -> np.ndarray:
    """Mean over classes of 2 hits / (predicted + true); 0 for a class that is neither there nor predicted."""
    hits, both = (sums[place::2].astype(np.float64) for place in (0, 1))
    return np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0).mean(axis=0)


def _place_of_one_more(classes: int, labels: np.ndarray) -> int:
    """Among the classes of `_f1_terms`, that of the shower which `f1_losses` adds."""
    return 0 if classes == 2 else int(np.bincount(labels, minlength=classes).argmin())


def _one_more(place: int, times: np.ndarray, hit: bool, like: np.ndarray) -> np.ndarray:
    """What a shower of a class, drawn `times` (R, 1), adds to the sums (J, R, m) of one that recognises it, or does not."""
    added = np.zeros_like(like)
    added[2 * place] = times * hit
    added[2 * place + 1] = times * (1 + hit)
    return added


def _accuracy_terms(logits: np.ndarray, labels: np.ndarray, signal: int) -> np.ndarray:
    """(correct, 1)."""
    correct = (logits.argmax(axis=2) == labels).T
    return np.stack([correct, np.ones_like(correct)])


def _share(sums: np.ndarray) -> np.ndarray:
    return sums[0] / sums[1]


def _loss_terms(logits: np.ndarray, labels: np.ndarray, signal: int) -> np.ndarray:
    """(cross-entropy, 1)."""
    logits = logits.astype(np.float64)
    loss = np.logaddexp.reduce(logits, axis=2) - logits[:, np.arange(len(labels)), labels]
    return np.stack([loss.T, np.ones_like(loss.T)])


def _auc_terms(logits: np.ndarray, labels: np.ndarray, signal: int) -> np.ndarray:
    """Per class (placement of the positives, positives, placement of the negatives − area, negatives).

    The placement of a positive is the share of negatives below it, that of a negative the share of positives above it.
    """
    from scipy.stats import rankdata

    found = []
    for one in _classes(logits, signal):
        positive = labels == one
        score = np.stack([log_odds(each, one) for each in logits])
        n_positive, n_negative = positive.sum(), (~positive).sum()
        if not n_positive or not n_negative:
            raise DataError("ROC AUC asked of showers of one class, needed are two: compare by loss or f1.")
        ranks = rankdata(score, axis=1)
        place = np.zeros_like(ranks)
        place[:, positive] = (ranks[:, positive] - rankdata(score[:, positive], axis=1)) / n_negative
        place[:, ~positive] = 1 - (ranks[:, ~positive] - rankdata(score[:, ~positive], axis=1)) / n_positive
        area = place[:, positive].mean(axis=1, keepdims=True)
        for group, centred in ((positive, place), (~positive, place - area)):
            found += [np.where(group, centred, 0).T, np.repeat(group[:, None], len(logits), axis=1)]
    return np.stack(found)


def _auc_value(sums: np.ndarray) -> np.ndarray:
    above, positive, change, negative = (sums[place::4].astype(np.float64) for place in range(4))
    return (above / positive + change / negative).mean(axis=0)


METRICS = {
    "f1": Metric(terms=_f1_terms, value=_f1_value, better=HIGHER),
    "accuracy": Metric(terms=_accuracy_terms, value=_share, better=HIGHER),
    "loss": Metric(terms=_loss_terms, value=_share, better=LOWER),
    "roc_auc": Metric(terms=_auc_terms, value=_auc_value, better=HIGHER),
}
