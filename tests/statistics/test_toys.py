"""Intervals cover and corrections correct: on 200 toys of each kind, and by night on the 2,000 of docs/testing.md."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import toys
from cascada.statistics import metrics

TABLE = (Path(__file__).parents[2] / "docs/testing.md").read_text()
NIGHT = (pytest.mark.nightly, pytest.mark.timeout(3600))  # 2,000: some nine minutes of a processor in all
NUMBERS = (pytest.param(200, marks=pytest.mark.slow), pytest.param(2000, marks=NIGHT))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("kind", toys.KINDS)
def test_goals_are_kept(kind, number):
    found = list(toys.rows(kind, number))
    assert [row for row in found if not row.kept] == []
    assert [row.what for row in found if f"| {row.what} |" not in TABLE] == []  # each has its line in the docs


def test_a_coverage_that_misses_is_seen():
    inside = np.arange(2000) < 1869  # 0.9345
    assert not toys.covers("", inside).kept
    assert not toys.holds("", inside).kept
    assert toys.holds("", np.ones(2000, bool)).kept
    assert not toys.covers("", np.ones(2000, bool)).kept
    assert toys.covers("", np.arange(2000) < 1900).kept
    assert toys.margin(2000) == 0.015
    assert toys.margin(200) == pytest.approx(0.046, abs=0.001)


def test_a_bias_that_is_left_is_seen():
    raw = np.random.default_rng(1).normal(0.006, 0.002, 2000)
    assert toys.bias("", raw, raw - 0.0045).kept
    assert not toys.bias("", raw, raw - 0.0035).kept
    assert not toys.bias("", raw, raw - 0.0085).kept
    assert toys.bias("", raw - 0.006, raw - 0.006).kept  # no optimism, nothing to correct


def test_networks_have_the_f1_that_they_are_said_to_have():
    scores, labels = toys.networks(np.array([0.9, 0.985]), np.random.default_rng(1), 200_000)
    found = [metrics.f1(metrics.softmax(one), labels) for one in scores]
    np.testing.assert_allclose(found, [0.9, 0.985], atol=0.002)
