"""Temperature, calibration error and what chance makes of it, reliability."""

import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.statistics import bootstrap, calibration, metrics


def exact(number, classes=2, seed=1, strength=2.0):
    """Logits (N, K) that are exactly calibrated, and labels drawn from them."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, strength, (number, classes))
    return logits, (metrics.softmax(logits).cumsum(axis=1) < random.random((number, 1))).sum(axis=1)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_temperature_is_found(classes):
    logits, labels = exact(20_000, classes)
    found = calibration.fit_temperature(2.5 * logits, labels)
    assert found.low < 2.5 < found.high
    assert found.value == pytest.approx(2.5, rel=0.04)
    assert not found.at_limit


def test_no_other_temperature_has_a_lower_loss():
    logits, labels = exact(3000, 3)
    best = calibration.fit_temperature(logits * 3, labels).value
    loss = [metrics.log_loss(calibration.scaled(logits * 3, t), labels) for t in (best * 0.99, best, best * 1.01)]
    assert loss[1] < min(loss[0], loss[2])


def test_derivatives_are_those_of_the_loss():
    logits, labels = exact(50, 3)
    step = 1e-4
    down, here, up = (calibration.losses(logits / np.exp(x), labels) for x in (-step, 0, step))
    slope, curvature = calibration._derivatives(logits, labels)
    np.testing.assert_allclose(slope, (up - down) / (2 * step), atol=1e-6)
    np.testing.assert_allclose(curvature, (up - 2 * here + down) / step**2, atol=1e-5)


def test_the_auc_of_two_classes_stays():
    logits, labels = exact(5000)
    logits = (20 * logits).astype(np.float32)  # so confident that single precision has ties
    found = calibration.fit_temperature(logits, labels)
    before, after = (
        metrics.auc(metrics.log_odds(one), labels == 1) for one in (logits, calibration.scaled(logits, found.value))
    )
    assert before == after
    assert (logits.argmax(axis=1) == calibration.scaled(logits, found.value).argmax(axis=1)).all()


def test_weights_count_as_repeated_showers():
    logits, labels = exact(500)
    times = np.random.default_rng(2).integers(1, 4, 500)
    one = calibration.fit_temperature(logits, labels, times.astype(float))
    many = calibration.fit_temperature(np.repeat(logits, times, axis=0), np.repeat(labels, times))
    assert one.value == pytest.approx(many.value, rel=1e-5)
    assert one.high - one.low > many.high - many.low  # they are 500 showers, not 1,000
    p = metrics.softmax(logits)
    for measure in (calibration.brier, calibration.calibration_error):
        assert measure(p, labels, times.astype(float)) == pytest.approx(
            measure(np.repeat(p, times, axis=0), np.repeat(labels, times))
        )


def test_images_of_one_shower_say_the_same():
    logits, labels = exact(500)
    once = calibration.fit_temperature(logits, labels)
    four = [np.repeat(part, 4, axis=0) for part in (logits, labels)]
    together = calibration.fit_temperature(*four, shower_id=np.repeat(np.arange(500), 4))
    assert (together.low, together.high) == pytest.approx((once.low, once.high))
    assert calibration.fit_temperature(*four).low > once.low


def test_measures_agree_with_the_bootstrap_statistics():
    for classes in (2, 3):
        logits, labels = exact(400, classes)
        p, whole = metrics.softmax(logits), np.ones((1, 400))
        assert calibration.brier(p, labels) == pytest.approx(bootstrap.brier(p, labels)(whole)[0])
        right = (p.argmax(axis=1) == labels).astype(float)
        plain = bootstrap.calibration_error(p.max(axis=1), right)
        assert calibration.calibration_error(p, labels) == pytest.approx(plain(whole)[0])


def test_chance_alone_makes_a_calibration_error():
    logits, labels = exact(1000)
    p = metrics.softmax(logits)
    chance = calibration.by_chance(p)
    assert calibration.calibration_error(p, labels) < chance["high"]
    assert 0.01 < chance["mean"] < chance["high"] < 0.06
    assert calibration.calibration_error(metrics.softmax(3 * logits), labels) > 2 * chance["high"]
    drawn = [
        calibration.calibration_error(p, (np.random.default_rng(k).random(1000) < p[:, 1]) * 1) for k in range(300)
    ]
    assert chance["mean"] == pytest.approx(np.mean(drawn), rel=0.05)
    assert chance["high"] == pytest.approx(np.quantile(drawn, 0.95), rel=0.1)


def test_reliability_of_an_exact_network():
    logits, labels = exact(5000)
    rows = calibration.reliability(metrics.softmax(logits), labels, bins=10)
    assert sum(row["images"] for row in rows) == 5000
    assert [row["from"] for row in rows] == pytest.approx(np.arange(10) / 10)
    assert sum(row["low"] <= row["mean"] <= row["high"] for row in rows) >= 9
    assert all(row["from"] <= row["mean"] <= row["to"] for row in rows)


def test_images_of_one_shower_are_no_further_evidence():
    logits, labels = exact(400)
    p, shower = metrics.softmax(logits), np.arange(400)
    four, of_four, which = (np.repeat(one, 4, axis=0) for one in (p, labels, shower))
    assert calibration.reliability(four, of_four, shower_id=which)[0] == pytest.approx(
        calibration.reliability(p, labels)[0] | {"images": 4 * calibration.reliability(p, labels)[0]["images"]}
    )
    one, apart = calibration.by_chance(p), calibration.by_chance(four)
    together = calibration.by_chance(four, shower_id=which)
    assert together["mean"] == pytest.approx(one["mean"], rel=0.05) and apart["mean"] < 0.7 * one["mean"]


def test_an_ensemble_is_the_mean_probability():
    logits = np.random.default_rng(1).normal(0, 30, (3, 50, 4)).astype(np.float32)
    mean = np.mean([metrics.softmax(one) for one in logits], axis=0)
    np.testing.assert_allclose(np.exp(calibration.ensemble_logits(logits)), mean, atol=1e-12)


def test_an_ensemble_of_exact_networks_is_too_timid_until_it_is_scaled():
    """Each sees the truth through noise of its own: their mean probability knows more than it says."""
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, 8000)
    seen = (2 * labels - 1) + random.normal(0, 1.5, (5, 8000))
    logits = np.stack([-seen, seen], axis=2) / 1.5**2
    pooled = calibration.ensemble_logits(logits)
    found = calibration.fit_temperature(pooled, labels)
    assert found.high < 0.8
    p = metrics.softmax(calibration.scaled(pooled, found.value))
    assert calibration.calibration_error(p, labels) < calibration.calibration_error(metrics.softmax(pooled), labels) / 2


def test_a_temperature_that_the_showers_do_not_fix():
    logits = np.eye(2)[[0, 1] * 20] * 3
    found = calibration.fit_temperature(logits, np.array([0, 1] * 20))
    assert (found.value, found.low, found.high) == (0.05, 0.05, 20)  # all are right: the more confident, the better
    assert found.at_limit
    worse_than_chance = calibration.fit_temperature(-logits, np.array([0, 1] * 20))
    assert worse_than_chance.value == 20
    assert worse_than_chance.at_limit
    with pytest.raises(DataError, match="diverged"):
        calibration.fit_temperature(logits * np.nan, np.array([0, 1] * 20))
