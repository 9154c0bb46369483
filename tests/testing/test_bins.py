"""Shares told right in bins of what varies: every shower once, exact intervals, classes apart."""

import numpy as np
import pytest
from scipy.stats import binomtest

from cascada.data.format import new_events
from cascada.testing import bins


def showers(number=600):
    random, events = np.random.default_rng(1), new_events(number)
    events["label"] = np.arange(number) % 2
    events["true_energy"] = np.exp(random.uniform(8, 11, number))
    events["core_x"], events["core_y"] = random.uniform(-30, 30, (2, number))
    events["muons"] = random.poisson(events["true_energy"] / 100 * (1 + events["label"]))
    events["zenith"] = np.radians(random.choice([0, 20, 40], number))
    return events, random.random(number) < 0.8


def found_of(events, right, shower=None, **options):
    number = np.arange(len(events)) if shower is None else shower
    return bins.in_bins(right, events, ["iron", "proton"], number, options.get("confidence", 0.95))


def test_all_that_varies_has_bins_that_hold_every_shower_once():
    events, right = showers()
    found = found_of(events, right)
    assert list(found) == list(bins.VARIABLES)
    for one in found.values():
        assert sum(row["images"] for row in one["rows"]) == len(events)
        told = sum(row["value"] * row["images"] for row in one["rows"] if row["images"])
        assert told == pytest.approx(right.sum())
        for row in one["rows"]:
            assert sum(part["images"] for part in row["classes"].values()) == row["images"]


def test_a_bin_against_a_loop_with_the_exact_interval():
    events, right = showers()
    row = found_of(events, right)["core_distance"]["rows"][2]
    distance = np.hypot(events["core_x"].astype(float), events["core_y"].astype(float))
    inside = (distance >= row["from"]) & (distance < row["to"]) & (events["label"] == 1)
    one, count = row["classes"]["proton"], int(right[inside].sum())
    exact = binomtest(count, int(inside.sum())).proportion_ci(0.95, "exact")
    assert (one["images"], one["value"]) == (inside.sum(), pytest.approx(count / inside.sum()))
    assert (one["low"], one["high"]) == pytest.approx((exact.low, exact.high))


def test_a_few_values_have_a_bin_each():
    events, right = showers()
    rows = found_of(events, right)["zenith"]["rows"]
    angles = np.degrees(events["zenith"].astype(float))
    assert [row["images"] for row in rows] == [(np.abs(angles - angle) < 1).sum() for angle in (0, 20, 40)]


def test_what_does_not_vary_or_is_not_known_is_left_out():
    events, right = showers()
    events["zenith"], events["core_x"] = 0, np.nan
    events["muons"][::2] = np.nan
    found = found_of(events, right)
    assert list(found) == ["true_energy", "muons"]
    assert sum(row["images"] for row in found["muons"]["rows"]) == len(events) // 2
    assert [row["classes"]["iron"]["value"] for row in found["muons"]["rows"]] == [None] * 6  # every second one is iron
    assert found_of(new_events(5), np.ones(5, bool)) == {}


def test_copies_of_a_shower_do_not_narrow_an_interval():
    events, right = showers(300)
    once = found_of(events, right)["true_energy"]["rows"]
    rows = np.tile(np.arange(300), 4)
    four = found_of(events[rows], right[rows], rows)["true_energy"]["rows"]
    for one, other in zip(once, four, strict=True):
        assert (other["images"], other["showers"]) == (4 * one["images"], one["showers"])
        assert (other["low"], other["high"]) == pytest.approx((one["low"], one["high"]))


def test_a_perfect_bin_still_has_an_interval():
    events, _ = showers(60)
    assert all(row["low"] < 1 for row in found_of(events, np.ones(60, bool))["true_energy"]["rows"])


def test_under_weights_a_bin_holds_shares_of_weight():
    """By hand: two angles with four showers each."""
    events = new_events(8)
    events["label"], events["zenith"] = np.tile([0, 0, 1, 1], 2), np.radians(np.repeat([10, 40], 4))
    right = np.array([1, 0, 1, 1, 0, 1, 1, 1], bool)
    weight = np.array([4, 2, 1, 1, 8, 4, 2, 2])
    rows = bins.in_bins(right, events, ["iron", "proton"], np.arange(8), 0.95, weight)["zenith"]["rows"]
    assert [row["value"] for row in rows] == pytest.approx([6 / 8, 8 / 16])
    assert [row["classes"]["iron"]["value"] for row in rows] == pytest.approx([4 / 6, 4 / 12])
    assert [row["showers"] for row in rows] == [2, 2]  # 8² / (16 + 4 + 1 + 1) = 2.9 showers of equal weight
    assert rows[0]["classes"]["proton"] | {"low": None} == {
        "images": 2,
        "showers": 2,
        "value": 1,
        "low": None,
        "high": 1,
    }
    assert rows[0]["classes"]["proton"]["low"] == pytest.approx(0.05**0.5)


def test_under_weights_the_wider_of_the_drawn_and_the_exact_interval_counts():
    events, right = showers(60)
    number, drawn = np.arange(60), {"bins.true_energy": {"low": np.zeros(18), "high": np.full(18, 0.5)}}
    one = bins.in_bins(right, events, ["iron", "proton"], number, 0.95, np.ones(60), drawn)["true_energy"]["rows"]
    plain = bins.in_bins(right, events, ["iron", "proton"], number, 0.95)["true_energy"]["rows"]
    assert [row["low"] for row in one] == [0] * 6 and [row["high"] for row in one] == [row["high"] for row in plain]
