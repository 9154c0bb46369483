"""Statistics of weights agree with those of the showers drawn, and intervals cover what they should."""

import numpy as np
import pytest

from cascada import bootstrap, metrics


@pytest.fixture(params=[2, 3])
def sample(request):
    random = np.random.default_rng(request.param)
    labels = random.integers(0, request.param, 300)
    logits = random.normal(0, 1, (300, request.param)).round(1)  # rounded: ties
    logits[np.arange(300), labels] += 1
    return metrics.softmax(logits), labels


def check(statistic, plain, number):
    """A statistic of weights is the plain one of the showers, each repeated as often as it was drawn."""
    random = np.random.default_rng(1)
    drawn = [random.integers(0, number, number) for _ in range(5)]
    weights = np.stack([np.bincount(rows, minlength=number) for rows in drawn]).astype(float)
    np.testing.assert_allclose(statistic(weights), np.stack([plain(rows) for rows in drawn]), rtol=1e-9)


def test_f1_accuracy_matrix_and_auc(sample):
    p, y = sample
    check(bootstrap.f1(p, y), lambda i: metrics.f1(p[i], y[i]), len(y))
    check(bootstrap.roc_auc(p, y), lambda i: metrics.roc_auc(p[i], y[i]), len(y))
    check(bootstrap.confusion_matrix(p, y), lambda i: metrics.confusion_matrix(p[i], y[i]), len(y))
    correct = (p.argmax(axis=1) == y).astype(float)
    check(bootstrap.mean(correct), lambda i: metrics.accuracy(p[i], y[i]), len(y))


def test_of_a_part_of_the_showers(sample):
    p, y = sample
    chosen = np.arange(len(y)) % 3 == 0
    check(bootstrap.f1(p, y, chosen), lambda i: metrics.f1(p[i][chosen[i]], y[i][chosen[i]]), len(y))
    check(bootstrap.mean(p[:, 0], chosen), lambda i: p[i, 0][chosen[i]].mean(), len(y))


@pytest.mark.parametrize("digits", [1, 9])
def test_background_efficiency(digits):
    random = np.random.default_rng(2)
    y = random.random(200) < 0.5
    score = (random.normal(0, 1, 200) + y).round(digits)

    def plain(rows):
        s, b = score[rows][y[rows]], score[rows][~y[rows]]
        cut = max(c for c in np.unique(s) if (s >= c).mean() >= 0.5)
        return np.array([[(b >= cut).mean(), (s >= cut).mean()]])

    check(bootstrap.background_efficiency(score, y, [0.5]), plain, 200)


def test_an_interval_of_a_mean_has_the_right_width():
    values = np.random.default_rng(1).normal(0, 1, 400)
    found = bootstrap.intervals({"mean": bootstrap.mean(values)}, 400, 2000, 0.95, seed=1)["mean"]
    assert found["value"] == pytest.approx(values.mean())
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    one = {"mean": bootstrap.mean(np.arange(50.0))}
    first, same, other = (bootstrap.intervals(one, 50, 60, 0.9, seed)["mean"]["low"] for seed in (1, 1, 2))
    assert first == same != other
    monkeypatch.setattr(bootstrap, "CELLS", 200)
    assert bootstrap.intervals(one, 50, 60, 0.9, 1)["mean"]["low"] == first


def test_what_cannot_be_known_is_nan():
    nowhere = bootstrap.means(np.ones(4), np.array([[True, False]] * 4))
    found = bootstrap.intervals({"means": nowhere}, 4, 10, 0.9, 1)["means"]
    assert found["value"][0] == 1 and np.isnan([found["value"][1], found["low"][1], found["high"][1]]).all()
    assert np.isnan(bootstrap.auc(np.ones(3), np.ones(3, bool))(np.ones((1, 3)))).all()


@pytest.mark.parametrize(
    ("count", "number", "low", "high"),
    [(0, 100, 0.0, 0.02951), (5, 100, 0.01643, 0.11283), (50, 100, 0.39832, 0.60168), (100, 100, 0.97049, 1.0)],
)
def test_exact_intervals(count, number, low, high):
    """Clopper and Pearson (1934); tables of the binomial distribution."""
    assert bootstrap.clopper_pearson(count, number, 0.95) == pytest.approx((low, high), abs=2e-5)
