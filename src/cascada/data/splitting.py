"""Split showers into training, validation and test: seeded, stratified, images of one shower together. Pure functions."""

import numpy as np

from cascada.core.errors import DataError
from cascada.data.format import NO_SPLIT, SPLITS

ENERGY_BINS = 10


def split_showers(
    labels: np.ndarray,
    energies: np.ndarray,
    groups: np.ndarray,
    fixed: np.ndarray,
    fractions: dict[str, float],
    seed: int,
) -> np.ndarray:
    """Return the split of each image, int8 (N,).

    `labels` (N,) are classes or `strata`, `energies` (N,) [GeV] and `groups` (N,), whose images stay together. `fixed`
    (N,) holds a split that is decided already, or -1; the fractions of `validation` and `test` are of the groups that are
    not. Inside each class and energy bin, groups in random order are dealt out evenly, so that every split sees every class
    at every energy.
    """
    splits = fixed.astype(np.int8)
    free = np.flatnonzero(fixed == NO_SPLIT)
    _, first, group_of = np.unique(groups[free], return_index=True, return_inverse=True)
    heads = free[first]
    random = np.random.default_rng(seed)
    # energies only order the groups of a class: dealing out neighbours is stratification with the finest bins
    shuffled = random.permutation(len(heads))
    bins = _bins(np.log(energies[heads]))
    order = shuffled[np.lexsort((bins[shuffled], labels[heads][shuffled]))]
    of_group = np.empty(len(heads), np.int8)
    for label in np.unique(labels[heads]):
        mine = order[labels[heads][order] == label]
        of_group[mine] = _deal(len(mine), fractions, random.random())
    splits[free] = of_group[group_of]
    return splits


def strata(events: np.ndarray) -> np.ndarray:
    """Number the primaries of the classes (N,), class by class, so that each primary of a group is in every split.

    With one primary in each class these are the labels.
    """
    return np.unique(events[["label", "primary"]], return_inverse=True)[1]


def _bins(values: np.ndarray) -> np.ndarray:
    edges = np.quantile(values, np.linspace(0, 1, ENERGY_BINS + 1)[1:-1]) if len(values) else []
    return np.digitize(values, edges)


def _deal(number: int, fractions: dict[str, float], offset: float) -> np.ndarray:
    """Spread validation and test evenly over `number` places, with the numbers that the fractions give."""
    dealt = np.full(number, SPLITS["train"], np.int8)
    for name in ("test", "validation"):
        free = np.flatnonzero(dealt == SPLITS["train"])
        share = min(round(number * fractions[name]), len(free))
        places = np.floor((np.arange(share) + offset) * len(free) / max(share, 1)).astype(int)
        dealt[free[places]] = SPLITS[name]
    return dealt


def check_splits(labels: np.ndarray, splits: np.ndarray, classes: list[str]) -> None:
    """Raise DataError where a class has no shower in a split."""
    for name, split in SPLITS.items():
        for label, class_name in enumerate(classes):
            if not np.any((splits == split) & (labels == label)):
                raise DataError(
                    f"No shower of class {class_name!r} in the split {name!r} ({np.sum(labels == label)} in all); "
                    "every class needs at least one in training, validation and test: give more showers of it, larger "
                    "fractions under data.split, or leave the class out of data.classes."
                )
