"""A stated spectrum: weights, what a sample is worth under them, metrics with intervals."""

import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.statistics import bootstrap, metrics, weights


def log_uniform(number, seed=1):
    return 10 ** np.random.default_rng(seed).uniform(3.4, 4.8, number)


def scored(number, classes=2, seed=1):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, number)
    return metrics.softmax(random.normal(0, 1, (number, classes)) + 2 * np.eye(classes)[labels]), labels


def test_a_log_uniform_sample_becomes_the_spectrum_asked_for():
    energy = log_uniform(400_000)
    weight = weights.spectrum_weights(energy, -2.7)
    assert weight.mean() == pytest.approx(1)
    edges = np.geomspace(10**3.4, 10**4.8, 6)
    share = np.histogram(energy, edges, weights=weight)[0] / len(energy)
    integral = -np.diff(edges**-1.7)
    np.testing.assert_allclose(share, integral / integral.sum(), rtol=0.03)


def test_another_simulated_spectrum():
    energy = log_uniform(1000)
    np.testing.assert_allclose(weights.spectrum_weights(energy, -2.7, -2.7), 1)
    np.testing.assert_allclose(weights.spectrum_weights(energy, -3, -2), weights.spectrum_weights(1000 * energy, -2))


def test_effective_number():
    assert weights.effective_number(np.ones(50)) == pytest.approx(50)
    assert weights.effective_number(np.array([1.0, 0, 0])) == pytest.approx(1)
    weight = weights.spectrum_weights(log_uniform(400_000), -2.7)
    span = np.log(10**1.4)  # ⟨w⟩² / ⟨w²⟩ of E^−1.7 over 1.4 decades, by hand
    expected = ((1 - np.exp(-1.7 * span)) / (1.7 * span)) ** 2 / ((1 - np.exp(-3.4 * span)) / (3.4 * span))
    assert weights.effective_number(weight) / len(weight) == pytest.approx(expected, rel=0.01)
    assert weights.effective_number(np.ones(50), np.arange(50) // 5) == pytest.approx(10)


@pytest.mark.parametrize("classes", [2, 3])
def test_whole_weights_are_repeated_showers(classes):
    p, y = scored(200, classes)
    times = np.random.default_rng(3).integers(1, 4, 200)
    repeated = [np.repeat(part, times, axis=0) for part in (p, y)]
    found = weights.intervals(weights.statistics_of(p, y), times.astype(float), resamples=20)
    for name, plain in weights.statistics_of(*repeated).items():
        assert found[name]["value"] == pytest.approx(plain(np.ones((1, times.sum())))[0]), name


def test_equal_weights_give_the_plain_interval():
    p, y = scored(2000)
    found = weights.intervals(weights.statistics_of(p, y), np.ones(2000))
    plain = bootstrap.intervals(weights.statistics_of(p, y), 2000, 2000, 0.95, 1)
    for name in ("f1", "accuracy", "roc_auc", "brier"):
        assert found[name]["value"] == pytest.approx(plain[name]["value"])
        width = plain[name]["high"] - plain[name]["low"]
        for end in ("low", "high"):
            assert found[name][end] == pytest.approx(plain[name][end], abs=0.12 * width), name


def test_the_interval_of_a_share_is_the_exact_one():
    """18 errors of 1200: a skewed share, which percentiles put too low."""
    correct = (np.arange(1200) >= 18).astype(float)
    found = weights.intervals({"share": bootstrap.mean(correct)}, np.ones(1200), resamples=20_000)["share"]
    low, high = bootstrap.clopper_pearson(1182, 1200, 0.95)
    assert found["low"] == pytest.approx(low, abs=0.0006)
    assert found["high"] == pytest.approx(high, abs=0.0006)


def test_the_interval_of_a_calibration_error_is_about_what_chance_has_not_added():
    """Of an exact network it reaches down to 0, though the value is far above; and influences give the draws' spread."""
    random = np.random.default_rng(2)
    p = metrics.softmax(random.normal(0, 1.5, (800, 2)))
    labels = (random.random(800) < p[:, 1]).astype(int)
    found = weights.intervals(weights.statistics_of(p, labels), np.ones(800))["ece"]
    assert found["low"] < 0.01 < found["value"]
    accuracy = weights.statistics_of(p, labels)["accuracy"]
    influence = weights.influences(accuracy, np.arange(800))
    share = accuracy(np.ones((1, 800)))[0]
    assert (influence**2).sum() ** 0.5 == pytest.approx((share * (1 - share) / 800) ** 0.5, rel=0.01)


def test_weights_and_shared_showers_widen_the_interval():
    p, y = scored(2000)
    weight = weights.spectrum_weights(log_uniform(2000), -2.7)
    statistics = {"accuracy": weights.statistics_of(p, y)["accuracy"]}
    width = {}
    for name, weight_, shower in (
        ("plain", np.ones(2000), None),
        ("weighted", weight, None),
        ("shared", np.ones(2000), np.argsort(np.argsort(p.max(axis=1))) // 4),
    ):
        found = weights.intervals(statistics, weight_, shower_id=shower)["accuracy"]
        width[name] = found["high"] - found["low"]
    expected = (2000 / weights.effective_number(weight)) ** 0.5
    assert width["weighted"] / width["plain"] == pytest.approx(expected, rel=0.1)
    assert width["shared"] > width["plain"]


def test_groups_have_the_skewness_of_showers(monkeypatch):
    weight = weights.spectrum_weights(log_uniform(4000), -4)
    statistic = weights.weighted(bootstrap.mean(scored(4000)[0][:, 1]), weight)
    skewness = []
    for groups in (4000, 1000):
        monkeypatch.setattr(weights, "GROUPS", groups)
        influence = weights.influences(statistic, np.arange(4000))
        skewness.append((influence**3).sum() / (influence**2).sum() ** 1.5)
    assert skewness[1] == pytest.approx(skewness[0], abs=0.02)


def test_what_has_no_spectrum_is_refused():
    with pytest.raises(DataError, match="index nan given"):
        weights.spectrum_weights(log_uniform(3), np.nan)
    with pytest.raises(DataError, match="2 of 3 showers have no true energy above 0"):
        weights.spectrum_weights(np.array([1.0, 0, np.nan]), -2.7)
