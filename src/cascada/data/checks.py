"""Checks of a data set that are pure functions of numbers: distances between spectra, leaks of the label, doubles."""

import itertools
from collections.abc import Mapping
from functools import cache

import numpy as np

from cascada.core.classes import Primaries, codes
from cascada.data.format import SPLITS
from cascada.statistics.metrics import auc

# yardsticks of surrogate data: total energy alone reaches an AUC of 0.72
LARGEST_AUC_OF_TOTAL_ENERGY = 0.75
LARGEST_AUC_OF_CORE_OFFSET = 0.55
LARGEST_IMBALANCE = 0.1


def ks_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Largest distance between two empirical distribution functions (Kolmogorov and Smirnov)."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(one, other, method="asymp").statistic)  # its exact p-value, not used here, would take long


def ks_limit(one: int, other: int, level: float = 0.01) -> float:
    """The distance that two samples of one distribution exceed with probability `level` (asymptotic).

    `one`, `other`: numbers of independent events. Images of one shower share its energy, so that they count as one: a p-value of
    scipy's `ks_2samp` would count them all.
    """
    from scipy.stats import kstwobign

    return float(kstwobign.isf(level) * np.sqrt((one + other) / (one * other)))


def separation(values: np.ndarray, labels: np.ndarray) -> tuple[float | None, tuple[int, int] | None]:
    """AUC of one variable, folded to at least 0.5, for the two classes that it separates best, and their labels.

    Pooled, classes hide from each other: what tells iron from helium tells neither from the two together. None where it
    is not known.
    """
    known = np.isfinite(values)
    values, labels = values[known], labels[known]
    found = [(_area(values, labels, pair), pair) for pair in pairs(labels)]
    return max(found, key=lambda one: one[0], default=(None, None))


def pairs(labels: np.ndarray) -> list[tuple[int, int]]:
    """Every two of the labels that there are, the smaller first."""
    return list(itertools.combinations(np.unique(labels).tolist(), 2))


def _area(values: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> float:
    rows = np.isin(labels, pair)
    area = auc(values[rows], labels[rows] == pair[1])
    return max(area, 1 - area)


def compare_spectra(
    energies: np.ndarray, labels: np.ndarray, showers: np.ndarray
) -> tuple[float, float, tuple[int, int]]:
    """KS distance of energies (N,), its limit at 1 % and the labels of the two classes for which their ratio is largest."""
    found = []
    for pair in pairs(labels):
        one, other = (labels == label for label in pair)
        limit = ks_limit(*(len(np.unique(showers[mine])) for mine in (one, other)))
        found.append((ks_distance(energies[one], energies[other]), limit, pair))
    return max(found, key=lambda one: one[0] / one[1])


def class_imbalance(counts: dict[str, int]) -> float:
    """Relative difference between the largest and the mean class."""
    mean = sum(counts.values()) / len(counts)
    return max(counts.values()) / mean - 1


def counts_by_primary(events: np.ndarray, classes: Mapping[str, Primaries]) -> dict[str, dict[str, dict[str, int]]]:
    """Images of each class, primary (CORSIKA code) and split, those of a primary that no shower has included."""
    return {
        name: {
            str(code): {
                split: int(((events["primary"] == code) & (events["split"] == number)).sum())
                for split, number in SPLITS.items()
            }
            for code in codes(primaries)
        }
        for name, primaries in classes.items()
    }


def fingerprints(images: np.ndarray) -> np.ndarray:
    """Return a number, uint64 (n,), for the content of each image, any array (n, ...) of 4-byte values; 0 for an empty one.

    A sum with random weights: ten times cheaper than a cryptographic hash, and equal for different images by chance only
    (2^-64 a pair, whatever nature or a copy makes of them).
    """
    words = np.ascontiguousarray(images).reshape(len(images), -1).view("<u4")
    return words.astype(np.uint64) @ _weights(words.shape[1])


@cache
def _weights(number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 2**64, number, np.uint64, endpoint=False)


def repeated(prints: np.ndarray, splits: np.ndarray) -> int:
    """Number of images whose content stands in more than one split. Empty images (fingerprint 0) do not count."""
    values, of_image = np.unique(prints, return_inverse=True)
    first, last = (np.full(len(values), edge) for edge in (127, -128))
    np.minimum.at(first, of_image, splits)
    np.maximum.at(last, of_image, splits)
    return int(((first != last) & (values != 0))[of_image].sum())
