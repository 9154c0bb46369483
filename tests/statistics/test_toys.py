"""Intervals cover and corrections correct, on 200 toys of each kind; `python -m benchmarks.toys` simulates 2,000."""

import numpy as np
import pytest

from benchmarks import toys
from cascada.statistics import metrics

LONG = {"confidence_sets", "limits_of_losses", "optimisms", "weighted"}  # some ten seconds of a processor each


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.nightly if kind in LONG else pytest.mark.slow) for kind in toys.KINDS]
)
def test_goals_are_kept(kind):
    missed = [row for row in toys.rows(kind, 200) if not row.kept]
    assert not missed


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
