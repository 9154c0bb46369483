"""The checks of a data set, against SciPy and against cases whose answer is known."""

import numpy as np
import pytest
from scipy import stats

from cascada.data import checks
from cascada.statistics.metrics import auc

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize("sizes", [(50, 80), (1, 7), (300, 300)])
def test_ks_distance_and_limit_agree_with_scipy(sizes):
    one, other = RANDOM.normal(0, 1, sizes[0]), RANDOM.normal(0.3, 1, sizes[1])
    one[: sizes[0] // 3] = np.round(one[: sizes[0] // 3])  # ties
    assert checks.ks_distance(one, other) == pytest.approx(stats.ks_2samp(one, other).statistic)
    limit, (n, m) = checks.ks_limit(*sizes, level=0.05), sizes
    assert stats.kstwobign.sf(limit * np.sqrt(n * m / (n + m))) == pytest.approx(0.05, abs=1e-4)


def test_equal_spectra_have_no_distance():
    values = RANDOM.normal(0, 1, 20)
    assert checks.ks_distance(values, values[::-1]) == 0
    assert checks.ks_distance(np.zeros(3), np.ones(3)) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 2, 3], 1.0),
        ([3, 2, 1, 0], 1.0),  # folded: a leak in either direction is a leak
        ([1, 1, 1, 1], 0.5),
        ([0, 2, 1, 3], 0.75),
        ([0, np.nan, np.nan, 3], 1.0),
        ([np.nan] * 4, None),
        ([0, 1, np.nan, np.nan], None),
    ],
)
def test_separation_by_one_variable(values, expected):
    pair = None if expected is None else (0, 1)
    assert checks.separation(np.array(values, float), np.array([0, 0, 1, 1])) == (expected, pair)


def test_separation_is_that_of_the_pair_told_apart_best():
    """The second class lies below the third and inside the first: against both together it is told less well."""
    values, labels = np.array([0, 5, 1, 2, 3, 4], float), np.array([0, 0, 1, 1, 2, 2])
    assert checks.separation(values, labels) == (1.0, (1, 2))
    assert auc(-values, labels == 1) == 0.75
    values[4:] = np.nan
    assert checks.separation(values, labels) == (0.5, (0, 1))


def test_spectra_are_compared_by_the_ratio_to_the_limit_not_by_the_distance():
    """Few showers lie far apart by chance; many that lie less far apart do not."""
    random = np.random.default_rng(2)
    many, shifted, few = random.normal(0, 1, 2000), random.normal(0.3, 1, 2000), random.normal(0, 1, 12)
    values, labels = np.concatenate([many, shifted, few]), np.repeat([0, 1, 2], [2000, 2000, 12])
    distance, limit, pair = checks.compare_spectra(values, labels, np.arange(len(values)))
    of_pairs = {(a, b): checks.ks_distance(values[labels == a], values[labels == b]) for a, b in checks.pairs(labels)}
    assert pair == (0, 1) and distance == of_pairs[pair] > limit == checks.ks_limit(2000, 2000)
    assert max(of_pairs, key=of_pairs.get) != pair  # the largest distance is another pair's, and inside its limit


def test_imbalance_is_relative_to_the_mean():
    assert checks.class_imbalance({"iron": 100, "proton": 100}) == 0
    assert checks.class_imbalance({"iron": 50, "proton": 150}) == 0.5


def test_fingerprints_tell_images_apart_and_copies_not():
    images = RANDOM.random((200, 2, 5, 5)).astype(np.float32)
    prints = checks.fingerprints(images)
    assert prints.dtype == np.uint64 and len(set(prints.tolist())) == 200
    assert np.array_equal(checks.fingerprints(images[::-1].copy()), prints[::-1])
    changed = images.copy()
    changed[3, 1, 4, 4] = np.nextafter(changed[3, 1, 4, 4], 1, dtype=np.float32)
    assert np.flatnonzero(checks.fingerprints(changed) != prints).tolist() == [3]
    moved = np.roll(images, 1, axis=3)
    assert not np.isin(checks.fingerprints(moved), prints).any()
    assert checks.fingerprints(np.zeros((1, 2, 5, 5), np.float32)) == 0


@pytest.mark.parametrize(
    ("prints", "splits", "expected"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 2], 0),
        ([1, 2, 1, 4], [0, 0, 2, 2], 2),
        ([1, 1, 1, 4], [0, 1, 2, 2], 3),
        ([1, 1, 3, 4], [0, 0, 1, 2], 0),  # twice in one split is no leak
        ([0, 2, 0, 4], [0, 0, 2, 2], 0),  # empty images
    ],
)
def test_images_in_several_splits_are_counted(prints, splits, expected):
    assert checks.repeated(np.array(prints, np.uint64), np.array(splits, np.int8)) == expected
