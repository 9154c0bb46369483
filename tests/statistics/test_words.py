"""What was frozen, in words."""

import pytest

from cascada.statistics.words import networks, quadrature_sum, spread, temperature, uncertainties

FITTED = {"value": 0.8283, "low": 0.6893, "high": 0.9952, "fitted_on": {"showers": {"iron": 300, "proton": 301}}}


def test_one_network_is_named_by_its_seed_and_several_as_their_mean():
    assert networks(7) == "seed 7"
    assert networks(7, [1, 2]) == "mean of the seeds 1 and 2"
    assert networks(7, [1, 2, 9]) == "mean of the seeds 1, 2 and 9"


def test_a_temperature_stands_with_its_interval_and_its_showers():
    assert temperature(FITTED | {"at_limit": False}) == "0.8283 [0.6893, 0.9952], fitted on 601 validation showers"
    assert temperature(FITTED | {"at_limit": True}) == "1, as 601 validation showers do not fix one"


def test_a_spread_that_rounds_to_zero_is_not_none():
    assert spread(0.00123, 2) == "± 0.0012 (2 seeds)"
    assert spread(0.00004, 3) == spread(0.0, 3) == "± less than 0.0001 (3 seeds)"


def test_systematics_have_a_total_where_there_are_several():
    one = {"value": 0.99, "low": 0.98, "high": 0.995}
    sets = {
        name: {"what": name, "roc_auc": {"difference": one | {"value": value}}}
        for name, value in (("a", 0.003), ("b", -0.004))
    }
    assert quadrature_sum([each["roc_auc"]["difference"] for each in sets.values()]) == pytest.approx(0.005)
    text = uncertainties({"roc_auc": one, "also": sets}, 0.95, 100)
    assert text.endswith("under b (b), together 0.0050 (quadrature sum; correlations are not known).")
    assert "together" not in uncertainties({"roc_auc": one, "also": {"a": sets["a"]}}, 0.95, 100)
