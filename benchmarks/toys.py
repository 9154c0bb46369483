"""Toys: simulated scores with known truth, to see whether intervals cover and corrections correct.

python -m benchmarks.toys                 # 2,000 of each kind, some nine minutes of a processor
python -m benchmarks.toys --number 200    # as in the tests

The scores are no showers: a score is a separation, with its sign given by the label, plus normal noise, part of which all
networks share. So the metrics' true values follow from the normal distribution. Prints the table of docs/testing.md, and ends
with 1 if a goal is missed.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import norm

from cascada.statistics import calibration, composition, metrics, resampling, templates, weights
from cascada.statistics.confidence_set import cheapest, confidence_set, f1_losses, resampled
from cascada.statistics.optimism import corrected

SHOWERS = 1200
SHARED = 0.7  # of the noise
TOLERANCE = 0.002
EQUAL = np.full(60, 0.985)  # F1 of each configuration
NEAR = np.linspace(0.975, 0.987, 60)
FEW = np.array([0.985, 0.98, 0.975])
SPREAD = np.linspace(0.9, 0.985, 30)
INDEX = -2.7
COMPOSITIONS: tuple[tuple[tuple[float, ...], int, int, float | None], ...] = (
    # true fractions, test showers of each class, unknown showers, spectrum
    ((0.3, 0.7), 2000, 500, None),
    ((0.3, 0.7), 150, 2000, None),
    ((0.95, 0.05), 2000, 500, None),
    ((0.3, 0.7), 1500, 1000, INDEX),
    ((0.5, 0.3, 0.2), 1000, 500, None),
)
SEEDS = 20  # of the draws: they depend on it and on the number of showers alone, and take half of the time, so they are kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    measured: str
    goal: str
    kept: bool


@contextmanager
def kept_draws() -> Iterator[None]:
    original = resampling.draws
    resampling.draws = lru_cache(2 * SEEDS)(lambda *given: list(original(*given)))
    try:
        yield
    finally:
        resampling.draws = original


def margin(number: int) -> float:
    """How far a coverage may be from 0.95: 0.015, which is three standard errors of 2,000 toys; more with fewer."""
    return max(0.015, 3 * (0.95 * 0.05 / number) ** 0.5)


def covers(what: str, inside: np.ndarray) -> Row:
    """Inside (T,): a two-sided interval held the truth."""
    rate, off = inside.mean(), margin(len(inside))
    goal = f"{0.95 - off:.3f} to {0.95 + off:.3f}"
    return Row(what=what, measured=share(inside), goal=goal, kept=bool(abs(rate - 0.95) <= off))


def holds(what: str, inside: np.ndarray) -> Row:
    """Inside (T,): a one-sided limit, or a set, held the truth; more often is no fault."""
    rate, least = inside.mean(), 0.95 - margin(len(inside))
    return Row(what=what, measured=share(inside), goal=f"at least {least:.3f}", kept=bool(rate >= least))


def share(inside: np.ndarray) -> str:
    """A share of toys with its standard error."""
    return f"{inside.mean():.4f} ± {(inside.mean() * (1 - inside.mean()) / len(inside)) ** 0.5:.4f}"


def networks(f1: np.ndarray, random: np.random.Generator, showers: int = SHOWERS) -> tuple[np.ndarray, np.ndarray]:
    """Logits (M, N, 2) of networks that see the same showers, calibrated, with these true F1, and labels (N,).

    With as many showers of either class, and as many errors in either, the F1 is the accuracy, Φ(separation).
    """
    labels, separation = random.integers(0, 2, showers), norm.ppf(f1)[:, None]
    noise = SHARED**0.5 * random.normal(size=showers) + (1 - SHARED) ** 0.5 * random.normal(size=(len(f1), showers))
    half = separation * (separation * (2 * labels - 1) + noise)
    return np.stack([-half, half], axis=2), labels


def confidence_sets(number: int) -> Iterator[Row]:
    for name in ("f1", "loss", "roc_auc"):
        best, every = np.empty((2, number), bool)
        for toy in range(number):
            random = np.random.default_rng([1, toy])
            scores, labels = networks(NEAR[::3], random)
            best[toy] = confidence_set(resampled(scores, labels, name, seed=toy % SEEDS))[-1]
            scores, labels = networks(EQUAL[:20], random)
            every[toy] = confidence_set(resampled(scores, labels, name, seed=toy % SEEDS)).all()
        yield holds(f"confidence set by {name} holds the true best of 20", best)
        yield holds(f"confidence set by {name} holds all of 20 equals", every)


def limits_of_losses(number: int) -> Iterator[Row]:
    """With multiply-adds that rise with the F1, so that the cheapest rule is tempted by what is worst."""
    above, near = np.empty((2, number), bool)
    for toy in range(number):
        scores, labels = networks(np.array([0.985, 0.982]), np.random.default_rng([2, toy]))
        above[toy] = f1_losses(scores, labels, 0, seed=toy % SEEDS)[1][1] >= 0.003
        true = NEAR[::6]
        scores, labels = networks(true, np.random.default_rng([3, toy]), 8000)
        best = resampled(scores, labels, "f1", resamples=2).best
        _, upper = f1_losses(scores, labels, best, seed=toy % SEEDS)
        near[toy] = true.max() - true[cheapest(upper, TOLERANCE, true, true)] <= TOLERANCE
    yield holds("upper limit of the loss in F1 of one network against another", above)
    yield holds("cheapest of 10, 8,000 showers: its true F1 is within the tolerance of the true best's", near)


def optimisms(number: int) -> Iterator[Row]:
    for what, true in (("60 equals", EQUAL), ("60 near ones", NEAR), ("30 spread ones", SPREAD), ("3", FEW)):
        raw, left, inside = np.empty(number), np.empty(number), np.empty(number, bool)
        for toy in range(number):
            scores, labels = networks(true, np.random.default_rng([4, toy]))
            found = corrected(resampled(scores, labels, "f1", seed=toy % SEEDS))
            raw[toy], left[toy] = found.raw - true[found.chosen], found.value - true[found.chosen]
            inside[toy] = found.low <= true[found.chosen] <= found.high
        yield bias(f"F1 of the best of {what}", raw, left)
        yield (holds if true is EQUAL or true is NEAR else covers)(
            f"interval of the corrected F1, best of {what}", inside
        )


def bias(what: str, raw: np.ndarray, left: np.ndarray) -> Row:
    """Raw and corrected metrics (T,) less the truth."""
    error = left.std(ddof=1) / len(left) ** 0.5
    counts = raw.mean() > 2 * raw.std(ddof=1) / len(raw) ** 0.5
    text = f"{left.mean():+.5f} ± {error:.5f} of {raw.mean():+.5f}"
    # with few toys, what their own scatter may hide is allowed
    kept = not counts or abs(left.mean()) < raw.mean() / 3 + (3 * error if len(raw) < 2000 else 0)
    return Row(
        what=f"{what}: bias after and before the correction", measured=text, goal="below a third", kept=bool(kept)
    )


def weighted(number: int) -> Iterator[Row]:
    energy, p, labels = spectral(1_000_000, np.random.default_rng(5))
    whole = np.ones((1, len(labels))) * weights.spectrum_weights(energy, INDEX)
    true = {name: float(one(whole)[0]) for name, one in weights.statistics_of(p, labels).items()}
    inside = {name: np.empty(number, bool) for name in true}
    for toy in range(number):
        energy, p, labels = spectral(SHOWERS, np.random.default_rng([6, toy]))
        weight = weights.spectrum_weights(energy, INDEX)
        found = weights.intervals(weights.statistics_of(p, labels), weight, resamples=1000, seed=toy % SEEDS)
        for name, one in found.items():
            inside[name][toy] = one["low"] <= true[name] <= one["high"]
    for name, covered in inside.items():
        yield covers(f"{name} under E^{INDEX}", covered)


def spectral(number: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies, log-uniform, probabilities of a network that is the better, the higher the energy, and too sure; labels."""
    energy, labels = 10 ** random.uniform(3.4, 4.8, number), random.integers(0, 2, number)
    separation = 1 + (np.log10(energy) - 3.4)
    half = 2 * separation * (separation * (2 * labels - 1) + random.normal(size=number))
    return energy, metrics.softmax(np.stack([-half, half], axis=1)), labels


def clustered(number: int) -> Iterator[Row]:
    """Four images of each of 300 showers, which share seven tenths of their noise."""
    inside, shower = np.empty(number, bool), np.repeat(np.arange(300), 4)
    for toy in range(number):
        random = np.random.default_rng([7, toy])
        labels = random.integers(0, 2, 300)[shower]
        noise = SHARED**0.5 * random.normal(size=300)[shower] + (1 - SHARED) ** 0.5 * random.normal(size=1200)
        half = 2 * labels - 1 + noise
        p = metrics.softmax(np.stack([-half, half], axis=1))
        statistic = {"accuracy": weights.statistics_of(p, labels)["accuracy"]}
        found = weights.intervals(statistic, np.ones(1200), resamples=1000, seed=toy % SEEDS, shower_id=shower)[
            "accuracy"
        ]
        inside[toy] = found["low"] <= norm.cdf(1) <= found["high"]
    yield covers("accuracy of 4 images of each of 300 showers", inside)


def calibrations(number: int) -> Iterator[Row]:
    inside, within, moved = np.empty(number, bool), np.empty(number, bool), np.empty(number)
    for toy in range(number):
        (logits,), labels = networks(np.array([0.95]), np.random.default_rng([8, toy]), 600)
        found = calibration.fit_temperature(2.5 * logits, labels)
        inside[toy] = found.low <= 2.5 <= found.high
        area = [
            metrics.auc(metrics.log_odds(one), labels == 1) for one in (logits, calibration.scaled(logits, found.value))
        ]
        moved[toy] = abs(area[1] - area[0])
        p = metrics.softmax(logits)
        within[toy] = (
            calibration.calibration_error(p, labels) <= calibration.by_chance(p, toys=400, seed=toy % SEEDS)["high"]
        )
    yield covers("temperature, 600 showers", inside)
    yield covers("calibration error of an exact network is below what chance makes of it (95 %)", within)
    yield Row(
        what="largest change of the AUC by the temperature", measured=f"{moved.max():g}", goal="0", kept=not moved.any()
    )


def compositions(number: int) -> Iterator[Row]:
    for fractions, each, showers, index in COMPOSITIONS:
        inside, fits = np.empty((number, len(fractions)), bool), np.empty(number, bool)
        for toy in range(number):
            found = composed(np.array(fractions), each, showers, index, np.random.default_rng([9, toy]))
            inside[toy] = (found.low <= fractions) & (fractions <= found.high)
            fits[toy] = found.p_value >= composition.LEAST_P
        what = f"{showers} showers as {fractions}, {each} test showers of each class" + (
            f", E^{index}" if index else ""
        )
        for label in range(1 if len(fractions) == 2 else len(fractions)):
            yield covers(f"fraction of class {label}: {what}", inside[:, label])
        refused, most = (1 - fits).mean(), composition.LEAST_P + 3 * (0.01 / number) ** 0.5
        yield Row(
            what=f"refused for its fit: {what}",
            measured=f"{refused:.4f}",
            goal=f"at most {most:.3f}",
            kept=bool(refused <= most),
        )


def composed(
    fractions: np.ndarray, each: int, showers: int, index: float | None, random: np.random.Generator
) -> composition.Composition:
    """A composition with templates of its own; with an index, test showers are log-uniform and the unknown ones are not."""
    labels = np.repeat(np.arange(len(fractions)), each)
    energy = log_uniform(len(labels), random)
    weight = None if index is None else weights.spectrum_weights(energy, index)
    p = seen(labels, energy, len(fractions), random)
    bins = templates.binning(p)
    unknown = random.choice(len(fractions), showers, p=fractions)
    energy = log_uniform(showers, random) if index is None else power_law(showers, index, random)
    observed = bins.count(seen(unknown, energy, len(fractions), random))
    return composition.fit(observed, templates.estimate(p, labels, bins, weight))


def seen(labels: np.ndarray, energy: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
    separation = (1 + (np.log10(energy) - 3.4))[:, None]
    return metrics.softmax(random.normal(0, 1, (len(labels), classes)) + separation * np.eye(classes)[labels])


def log_uniform(number: int, random: np.random.Generator) -> np.ndarray:
    return 10 ** random.uniform(3.4, 4.8, number)


def power_law(number: int, index: float, random: np.random.Generator) -> np.ndarray:
    """Energies between the same ends, dN/dE ∝ E^index."""
    low, high = (10 ** (end * (index + 1)) for end in (3.4, 4.8))
    return (low + random.random(number) * (high - low)) ** (1 / (index + 1))


KINDS: dict[str, Callable[[int], Iterator[Row]]] = {
    "confidence_sets": confidence_sets,
    "limits_of_losses": limits_of_losses,
    "optimisms": optimisms,
    "weighted": weighted,
    "clustered": clustered,
    "calibrations": calibrations,
    "compositions": compositions,
}


def rows(kind: str, number: int) -> Iterator[Row]:
    with kept_draws():
        yield from KINDS[kind](number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.toys", description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=2000, help="of toys of each kind")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    arguments = parser.parse_args()
    start, kept = time.time(), True
    print("| what | measured | goal | |\n|---|---|---|---|")
    for kind in arguments.kinds:
        for row in rows(kind, arguments.number):
            kept &= row.kept
            print(f"| {row.what} | {row.measured} | {row.goal} | {'kept' if row.kept else '**missed**'} |", flush=True)
    print(f"\n{arguments.number} toys of each kind, {(time.time() - start) / 60:.0f} minutes", file=sys.stderr)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
