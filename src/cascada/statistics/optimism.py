"""How much too good the best of N looks on the showers that it was chosen on, and what is left of it. NumPy alone.

Of many equals, the one that these showers happen to favour wins, and its metric on the same showers is too high. The whole
selection is repeated on draws of the showers, from stored scores, without any training (Tsamardinos, Greasidou and Borboudakis,
Machine Learning 107, 2018, 1895, bootstrap a selection so). In a draw the winner's metric exceeds its metric on all showers: the
optimism of that draw (Efron, JASA 78, 1983, 316).

A draw starts from measured metrics, which already scatter by the noise of one sample, and adds that of another. So a winner owes
less of its lead to either one, and the mean optimism comes out too small, for N equals by a factor 1/√2. By how much is seen one
level further down: each draw takes the place of the sample, and its winner is corrected by draws of its own. The factor by which
these corrections fall short of what is known there is applied to that of the sample, and their spread is that of the result
(double bootstrap; Hall and Martin, Biometrika 75, 1988, 661). No new draws are needed: the noise of one is added to another.

All of it on the scale of √error, where the noise of a count does not depend on its size: the winner of equals shows the fewest
errors, and with them less noise than it has. What bias and coverage are left is measured by toys (docs/testing.md).
The estimate of Tsamardinos et al., the winner's metric on the showers that were not drawn, is right for equals, but where the
candidates differ it blames a search for having chosen from fewer showers.

The choice of a checkpoint among epochs is replayed only as far as scores of several epochs are stored as candidates.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics.bootstrap import clopper_pearson
from cascada.statistics.confidence_set import LOWER, Resampled

Choose = Callable[[np.ndarray], np.ndarray]  # errors (R, C) of C candidates → the chosen one's number (R,)
ROUNDS = 50  # draws that correct each draw
MOST_SHORT = 2**0.5  # that of equals
TINY = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """`raw`: the metric of the chosen one on the showers it was chosen on; `value` without the optimism, with its interval."""

    chosen: int
    raw: float
    optimism: float
    value: float
    low: float
    high: float


def lowest(errors: np.ndarray) -> np.ndarray:
    """The plain choice: the candidate with the lowest error."""
    return errors.argmin(axis=1)


def promotions(rungs: Sequence[np.ndarray], kept: Sequence[int]) -> Choose:
    """Replay of successive halving, with the lowest error of the last rung chosen; arguments as for `survivors`."""
    return lambda errors: rungs[-1][survivors(errors, rungs, kept).argmin(axis=1)]


def survivors(errors: np.ndarray, rungs: Sequence[np.ndarray], kept: Sequence[int]) -> np.ndarray:
    """Errors (R, M) at the last rung of the configurations that reach it in each row, infinite for all others.

    `errors` (R, C): of all candidates. `rungs`: per rung, for each configuration (M,) the number of the candidate that holds its
    scores at that budget, −1 where it was not trained so far. `kept`: how many go on after each rung but the last. In a draw a
    configuration may be promoted that was not in truth: it has no scores at the next rung, and the next best that has takes
    its place.
    """
    if len(kept) != len(rungs) - 1:
        raise DataError(f"{len(kept)} numbers of promotions given for {len(rungs)} rungs, expected {len(rungs) - 1}.")
    alive = np.ones((len(errors), len(rungs[0])), bool)
    for rung, following, many in zip(rungs, rungs[1:], kept, strict=False):
        error = np.where(alive & (rung >= 0) & (following >= 0), errors[:, rung], np.inf)
        alive = np.zeros_like(alive)
        np.put_along_axis(alive, error.argsort(axis=1, kind="stable")[:, :many], True, axis=1)
    return np.where(alive & (rungs[-1] >= 0), errors[:, rungs[-1]], np.inf)


def corrected(
    candidates: Resampled, choose: Choose = lowest, confidence: float = 0.95, chosen: int | None = None
) -> Corrected:
    """Return the metric of the chosen candidate without the optimism of the choice.

    `candidates` are all that the selection looked at: configurations, at several budgets where `choose` replays promotions;
    `chosen`: which one the selection took, if rounding may have decided otherwise than `choose` does. The interval is that of
    the metric of the chosen network on other showers, at the confidence given; of one without any error it reaches down to the
    exact limit of a share.
    """
    root, drawn = (np.sqrt(_errors(part, candidates.better)) for part in (candidates.value[None], candidates.drawn))
    chosen = int(choose(root)[0]) if chosen is None else chosen
    mean, low, high = _correction(root[0], drawn - drawn.mean(axis=0), choose, confidence)
    raw, value, low, high = (
        float(_metric(max(root[0, chosen] + more, 0) ** 2, candidates.better)) for more in (0, mean, high, low)
    )
    if candidates.better == LOWER:
        low, high = high, low
    elif raw == 1:  # draws of showers without an error have none
        low = min(low, 1 - clopper_pearson(0, candidates.showers, confidence)[1])
    return Corrected(chosen=chosen, raw=raw, optimism=raw - value, value=value, low=low, high=high)


def _errors(values: np.ndarray, better: int) -> np.ndarray:
    """What is the smaller, the better, and never below 0: a loss, or what a metric lacks to 1."""
    return np.maximum(values if better == LOWER else 1 - values, 0)


def _metric(error: float, better: int) -> float:
    return error if better == LOWER else 1 - error


def _correction(root: np.ndarray, noise: np.ndarray, choose: Choose, confidence: float) -> tuple[float, float, float]:
    """What to add to the winner's √error: in the mean, and at either end of the interval.

    `root` (C,) is measured, `noise` (R, C) that of the draws.
    """
    own = _gains(root + noise, noise, choose)
    # the sample replaced by each draw: its winner is too good by `own`, and is corrected by the mean gain of other draws
    others = np.mean([_gains(root + noise + other, other, choose) for other in _others(noise)], axis=0)
    short = float(np.clip(own.mean() / max(others.mean(), TINY), 1, MOST_SHORT))
    mean, spread = short * own.mean(), (own - short * others).std()
    away = NormalDist().inv_cdf((1 + confidence) / 2) * spread
    return mean, mean - away, mean + away


def _gains(roots: np.ndarray, noise: np.ndarray, choose: Choose) -> np.ndarray:
    """By how much its own noise (R, C) lowers the √error of each row's winner: (R,)."""
    return -noise[np.arange(len(noise)), choose(roots)]


def _others(noise: np.ndarray) -> Iterator[np.ndarray]:
    """The noise of other draws for each draw, ROUNDS times."""
    for step in range(1, min(ROUNDS, len(noise) - 1) + 1):
        yield np.roll(noise, step, axis=0)
