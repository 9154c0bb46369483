"""Means and rank correlations with intervals: against scipy, and their coverage on toys."""

import math

import numpy as np
import pytest
from scipy import stats

from cascada.statistics import effects


def test_the_mean_has_students_interval():
    values = [0.9, 0.92, 0.95, 0.91]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert effects.mean(values) == pytest.approx({"value": np.mean(values), "low": low, "high": high})
    one = effects.mean([0.9])
    assert one["value"] == 0.9 and math.isnan(one["low"]) and math.isnan(one["high"])


def test_a_rank_correlation_is_spearmans_and_stays_within_its_interval():
    x, y = [1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 4, 3, 6, 5, 8, 7]
    found = effects.rank_correlation(x, y)
    assert found["value"] == pytest.approx(stats.spearmanr(x, y).statistic)
    half = 1.959964 * math.sqrt((1 + found["value"] ** 2 / 2) / 5)
    assert math.atanh(found["high"]) - math.atanh(found["value"]) == pytest.approx(half, rel=1e-5)
    perfect = effects.rank_correlation(x, x)
    assert perfect["value"] == 1 and 0.9 < perfect["low"] <= perfect["high"] <= 1


@pytest.mark.parametrize("x, y", [([1, 2, 3, 4], [1, 2, 3, 4]), ([1] * 8, range(8)), (range(8), [2] * 8)])
def test_of_few_or_constant_values_there_is_no_correlation(x, y):
    assert effects.rank_correlation(list(x), list(y)) is None


def test_intervals_of_correlations_cover_the_truth():
    """Of normal pairs, whose Spearman's ρ follows from Pearson's: 6/π · asin(r/2). 600 toys: ± 0.9 % at 95 %."""
    generator, covered = np.random.default_rng(3), 0
    truth = 6 / math.pi * math.asin(0.5 / 2)
    for _ in range(600):
        pairs = generator.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 30)
        found = effects.rank_correlation(pairs[:, 0], pairs[:, 1])
        covered += found["low"] <= truth <= found["high"]
    assert 0.92 < covered / 600 < 0.98
