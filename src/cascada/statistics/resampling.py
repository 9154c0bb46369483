"""Draws of showers with replacement, shared by all comparisons on stored scores. NumPy and SciPy, arrays in, numbers out.

A draw of S showers is a row of counts: how often each shower was drawn. What is computed from sums over images needs the sums
of each shower once; every draw is then a row of one matrix product. Showers are drawn, not images: images that were made from
one shower with several cores are no independent events (cluster bootstrap; Field and Welsh, 2007).
"""

from collections.abc import Iterator

import numpy as np

from cascada.statistics.bootstrap import number_showers

CELLS = 4_000_000  # of a block of draws: 32 MB while it is drawn


def numbered(images: int, shower_id: np.ndarray | None) -> np.ndarray:
    """Number (N,) of each image's shower, from 0; without `shower_id` each image is a shower of its own."""
    return np.arange(images) if shower_id is None else number_showers(np.asarray(shower_id))


def draws(showers: int, resamples: int, seed: int | list[int]) -> Iterator[np.ndarray]:
    """Blocks (R, S) of counts as float32: row by row how often each of S showers was drawn in S drawings."""
    random = np.random.default_rng(seed)
    step = max(1, CELLS // max(showers, 1))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = random.integers(0, showers, (rows, showers))
        drawn += showers * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * showers).reshape(rows, showers).astype(np.float32)


def sums(values: np.ndarray, shower: np.ndarray) -> np.ndarray:
    """Sums (S, …) over the images of each shower of values (N, …), for showers numbered from 0."""
    number = int(shower.max(initial=-1)) + 1
    if number == len(values):
        return values
    order = np.argsort(shower, kind="stable")
    return np.add.reduceat(values[order], np.flatnonzero(np.diff(shower[order], prepend=-1)), axis=0)


def means(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Means (…, G) over the members of each group of values (…, M)."""
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    return np.add.reduceat(values[..., order], first, axis=-1) / np.bincount(group)
