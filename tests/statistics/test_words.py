"""What was frozen, in words."""

from cascada.statistics.words import networks, temperature

FITTED = {"value": 0.8283, "low": 0.6893, "high": 0.9952, "fitted_on": {"showers": {"iron": 300, "proton": 301}}}


def test_one_network_is_named_by_its_seed_and_several_as_their_mean():
    assert networks(7) == "seed 7"
    assert networks(7, [1, 2]) == "mean of the seeds 1 and 2"
    assert networks(7, [1, 2, 9]) == "mean of the seeds 1, 2 and 9"


def test_a_temperature_stands_with_its_interval_and_its_showers():
    assert temperature(FITTED | {"at_limit": False}) == "0.8283 [0.6893, 0.9952], fitted on 601 validation showers"
    assert temperature(FITTED | {"at_limit": True}) == "1, as 601 validation showers do not fix one"
