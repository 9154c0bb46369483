"""How each class's test showers spread over bins of the score: templates for a composition, with their scatter. NumPy."""

from dataclasses import dataclass

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics import resampling

FEWEST = 30  # showers of a class in the templates, and of the set
BINS = 5  # of the probability of each predicted class
FEWEST_IN_BIN = 60  # showers of all classes' templates
EMPTY = 0.1  # showers that stand for none in a bin of a template: none of n is no proof, and more would bias


@dataclass(frozen=True, kw_only=True, slots=True)
class Binning:
    """Bins of probabilities: for each predicted class the inner edges of its doubt (`doubts`), the surest bin first."""

    edges: tuple[tuple[float, ...], ...]

    @property
    def number(self) -> int:
        return sum(len(one) + 1 for one in self.edges)

    @property
    def predicted(self) -> np.ndarray:
        """The class (B,) that is predicted in each bin."""
        return np.repeat(np.arange(len(self.edges)), [len(one) + 1 for one in self.edges])

    def place(self, probability: np.ndarray) -> np.ndarray:
        """Number (N,) of the bin of each of probabilities (N, K)."""
        predicted, doubt = doubts(probability)
        found, first = np.zeros(len(probability), np.int64), 0
        for label, edges in enumerate(self.edges):
            inside = predicted == label
            found[inside] = first + np.searchsorted(edges, doubt[inside], side="right")
            first += len(edges) + 1
        return found

    def count(self, probability: np.ndarray) -> np.ndarray:
        """Showers (B,) in each bin."""
        return np.bincount(self.place(probability), minlength=self.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """Shares (K, B) of each class in each bin, and their variances (K, B)."""

    shares: np.ndarray
    variances: np.ndarray


def doubts(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The predicted class (N,) and its doubt (N,), the probability that is left for the others, of probabilities (N, K).

    Near a probability of 1, steps of 32 bits are so coarse that two libraries' rounding would move whole bins; a small doubt is as
    exact as any other number.
    """
    predicted = probability.argmax(axis=1)
    others = np.arange(probability.shape[1]) != predicted[:, None]
    return predicted, np.where(others, probability, 0).sum(axis=1, dtype=np.float64)


def binning(probability: np.ndarray, bins: int = BINS) -> Binning:
    """Bins that hold about equally many of the test's showers (N, K) of each predicted class; the labels are not looked at."""
    (predicted, doubt), edges = doubts(probability), []
    for label in range(probability.shape[1]):
        own = doubt[predicted == label]
        many = int(np.clip(len(own) // FEWEST_IN_BIN, 1, bins))
        inner = np.quantile(own, np.arange(1, many) / many) if many > 1 else []
        edges.append(tuple(float(edge) for edge in np.unique(inner)))
    return Binning(edges=tuple(edges))


def estimate(
    probability: np.ndarray,
    labels: np.ndarray,
    bins: Binning,
    weights: np.ndarray | None = None,
    shower_id: np.ndarray | None = None,
) -> Templates:
    """Templates from the test's predictions (N, K), weighted to the spectrum of the unknown showers."""
    classes = probability.shape[1]
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    shower, cells = resampling.numbered(len(labels), shower_id), np.eye(bins.number)[bins.place(probability)]
    shares, variances = np.empty((2, classes, bins.number))
    for label in range(classes):
        own = labels == label
        showers = len(np.unique(shower[own]))
        if showers < FEWEST:
            raise DataError(
                f"{showers} test showers of class {label} given, needed are {FEWEST}: no composition can be measured."
            )
        of_shower = resampling.sums(weight[own, None] * cells[own], resampling.numbered(own.sum(), shower[own]))
        shares[label], variances[label] = _shares(of_shower.sum(axis=0), (of_shower**2).sum(axis=0))
    return Templates(shares=shares, variances=variances)


def _shares(sums: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (B,) and their variances of the weights in each bin; EMPTY showers of the mean weight where there are none."""
    mean = squares.sum() / sums.sum()
    none = sums <= 0
    sums, squares = np.where(none, EMPTY * mean, sums), np.where(none, EMPTY * mean**2, squares)
    return sums / sums.sum(), squares / sums.sum() ** 2
