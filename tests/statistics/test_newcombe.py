"""Intervals of differences from those of their parts."""

import pytest

from cascada.statistics import newcombe


def test_a_difference_of_shares_has_newcombe_s_limits():
    """Table II of Newcombe 1998, case (a): 56/70 less 48/80 has 0.0524 to 0.3339 from Wilson's intervals of the two."""
    one = {"value": 56 / 70, "low": 0.6918, "high": 0.8769}
    other = {"value": 48 / 80, "low": 0.4904, "high": 0.7005}
    assert newcombe.difference(one, other) == pytest.approx({"value": 0.2, "low": 0.0524, "high": 0.3339}, abs=2e-4)


def test_what_has_no_error_still_reaches_to_its_limits():
    perfect, other = {"value": 1, "low": 0.97, "high": 1}, {"value": 1, "low": 0.96, "high": 1}
    assert newcombe.difference(perfect, other) == pytest.approx({"value": 0, "low": -0.03, "high": 0.04})
