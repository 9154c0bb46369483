"""What a temperature has changed, before and after, on the same draws."""

import numpy as np
import pytest

from cascada.statistics import calibrated, calibration, metrics


def exact(number, seed=1):
    """Logits (N, 2) that are exactly calibrated, and labels drawn from them."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (number, 2))
    return logits, (metrics.softmax(logits).cumsum(axis=1) < random.random((number, 1))).sum(axis=1)


@pytest.fixture(scope="module")
def found():
    """A network three times too confident, and the temperature 3 that mends it."""
    logits, labels = exact(3000)
    options = {"signal": 1, "resamples": 200, "confidence": 0.95, "seed": 1, "shower_id": np.arange(3000)}
    return logits, labels, calibrated.figures(3 * logits, logits, labels, **options)


def test_values_are_those_of_the_metrics(found):
    logits, labels, content = found
    for side, one in (("before", 3 * logits), ("after", logits)):
        p = metrics.softmax(one)
        assert content[side]["loss"]["value"] == pytest.approx(metrics.log_loss(one, labels))
        assert content[side]["brier"]["value"] == pytest.approx(calibration.brier(p, labels))
        assert content[side]["ece"]["value"] == pytest.approx(calibration.calibration_error(p, labels))


def test_a_temperature_that_helps_is_seen_to_help(found):
    content = found[2]
    for name in ("loss", "brier", "ece"):
        one = content["differences"][name]
        assert one["value"] == pytest.approx(content["after"][name]["value"] - content["before"][name]["value"])
        assert one["low"] < one["value"] < one["high"] < 0
    after, before = content["after"]["ece"], content["before"]["ece"]
    assert after["value"] < after["high_if_calibrated"] and before["value"] > 3 * before["high_if_calibrated"]
    assert before["low"] < before["value"] < before["high"]


def test_the_picture_is_on_the_diagonal_afterwards(found):
    content = found[2]
    inside = {
        side: sum(row["low"] <= row["mean"] <= row["high"] for row in content[side]["reliability"])
        for side in ("before", "after")
    }
    assert inside["after"] >= 9 and inside["before"] <= 3
    assert sum(row["images"] for row in content["after"]["reliability"]) == 3000


def test_the_interval_of_a_difference_is_paired(found):
    content = found[2]
    width = {name: one["loss"]["high"] - one["loss"]["low"] for name, one in content.items()}
    assert width["differences"] < width["before"]


def test_under_weights_every_figure_is_that_of_the_weights():
    """By hand: four showers, all given 0.9 before and 0.8 after, right in three quarters of the weight."""
    labels, weight = np.array([1, 1, 1, 0]), np.array([1.0, 1.5, 0.5, 1.0])
    before, after = (np.tile([0, np.log(odds)], (4, 1)) for odds in (9, 4))
    options = {"signal": 1, "resamples": 100, "confidence": 0.95, "seed": 1, "shower_id": np.arange(4)}
    found = calibrated.figures(before, after, labels, weight=weight, **options)
    for side, p in (("before", 0.9), ("after", 0.8)):
        one = found[side]
        assert one["ece"]["value"] == pytest.approx(p - 0.75)
        assert one["brier"]["value"] == pytest.approx(0.75 * (1 - p) ** 2 + 0.25 * p**2)
        assert one["loss"]["value"] == pytest.approx(-0.75 * np.log(p) - 0.25 * np.log(1 - p))
        (row,) = one["reliability"]
        assert (row["mean"], row["value"], row["images"]) == (pytest.approx(p), pytest.approx(0.75), 4)
        assert row["low"] < 0.2 and row["high"] == pytest.approx(1, abs=0.01)  # 16 / 4.5: worth three showers
    assert found["differences"]["ece"]["value"] == pytest.approx(-0.1)


def test_equal_weights_give_the_values_without_weights(found):
    logits, labels, content = found
    options = {"signal": 1, "resamples": 50, "confidence": 0.95, "seed": 1, "shower_id": np.arange(3000)}
    one = calibrated.figures(3 * logits, logits, labels, weight=np.full(3000, 2.0), **options)
    for side in ("before", "after", "differences"):
        for name in ("loss", "brier", "ece"):
            assert one[side][name]["value"] == pytest.approx(content[side][name]["value"]), (side, name)
    for row, other in zip(one["after"]["reliability"], content["after"]["reliability"], strict=True):
        assert row["value"] == pytest.approx(other["value"]) and row["low"] <= other["low"] + 1e-9


def test_the_change_of_the_calibration_error_allows_that_what_is_left_is_chance():
    """By hand: 0.02 that exact probabilities would show as well may be 0; 0.1 may not."""
    before = {"value": 0.10, "low": 0.08, "high": 0.12, "high_if_calibrated": 0.03}
    after = {"value": 0.02, "low": 0.01, "high": 0.03, "high_if_calibrated": 0.03}
    change = calibrated._change(before, after)
    assert change["value"] == pytest.approx(-0.08)
    assert change["low"] == pytest.approx(-0.08 - np.hypot(0.02, 0.02))
    assert change["high"] == pytest.approx(-0.08 + np.hypot(0.01, 0.02))
