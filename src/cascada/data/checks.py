"""Checks of a data set that are pure functions of numbers: distances between spectra, leaks of the label, doubles."""

from functools import cache

import numpy as np

from cascada.metrics import auc

# yardsticks of surrogate data: total energy alone reaches an AUC of 0.72
LARGEST_AUC_OF_TOTAL_ENERGY = 0.75
LARGEST_AUC_OF_CORE_OFFSET = 0.55
LARGEST_IMBALANCE = 0.1


def ks_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Largest distance between two empirical distribution functions (Kolmogorov and Smirnov)."""
    values = np.concatenate([one, other])
    return float(
        np.abs(
            np.searchsorted(np.sort(one), values, "right") / len(one)
            - np.searchsorted(np.sort(other), values, "right") / len(other)
        ).max()
    )


def ks_limit(one: int, other: int, level: float = 0.01) -> float:
    """The distance that two samples of one distribution exceed with probability `level` (asymptotic).

    `one`, `other`: numbers of independent events. Images of one shower share its energy, so that they count as one.
    """
    return float(np.sqrt(-np.log(level / 2) / 2 * (one + other) / (one * other)))


def separation(values: np.ndarray, labels: np.ndarray) -> float | None:
    """AUC of one variable for class 1 against the rest, folded to at least 0.5; None where it cannot be known."""
    known = np.isfinite(values)
    area = auc(values[known], labels[known] == 1)
    return None if np.isnan(area) else max(area, 1 - area)


def class_imbalance(counts: dict[str, int]) -> float:
    """Relative difference between the largest and the mean class."""
    mean = sum(counts.values()) / len(counts)
    return max(counts.values()) / mean - 1


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
