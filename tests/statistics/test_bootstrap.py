"""Statistics of weights agree with those of the showers drawn, and intervals cover what they should."""

import numpy as np
import pytest

from cascada.data.format import new_events
from cascada.statistics import bootstrap, metrics
from cascada.statistics.names import METRICS


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


def test_showers_are_numbered_by_their_first_image():
    assert bootstrap.number_showers(np.array([7, 3, 7, 9, 3])).tolist() == [0, 1, 0, 2, 1]
    # one image each, in whatever order: every draw stays what it was
    assert bootstrap.number_showers(np.array([9, 1, 5])).tolist() == [0, 1, 2]


def plain_interval(statistic, number, resamples, confidence, seed):
    """The percentile bootstrap as it is written in textbooks, of a statistic of rows."""
    random, tail = np.random.default_rng(seed), (1 - confidence) / 2
    drawn = [statistic(random.integers(0, number, number)) for _ in range(resamples)]
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return {"value": statistic(np.arange(number)), "low": low, "high": high}


def test_an_interval_is_the_textbook_s(sample):
    p, y = sample
    found = bootstrap.intervals({"f1": bootstrap.f1(p, y)}, len(y), 200, 0.9, 3)["f1"]
    plain = plain_interval(lambda rows: metrics.f1(p[rows], y[rows]), len(y), 200, 0.9, 3)
    for name in ("value", "low", "high"):
        assert found[name] == pytest.approx(plain[name])


def test_images_of_one_shower_are_drawn_together():
    """Weights agree with the rows drawn; showers are of different size."""
    random = np.random.default_rng(6)
    shower, values = random.integers(0, 40, 130), random.normal(0, 1, 130)
    found = bootstrap.intervals({"mean": bootstrap.mean(values)}, 130, 300, 0.9, 5, shower)["mean"]
    numbers = bootstrap.number_showers(shower)
    rows = [np.flatnonzero(numbers == one) for one in range(numbers.max() + 1)]
    plain = plain_interval(
        lambda drawn: values[np.concatenate([rows[i] for i in drawn])].mean(), len(rows), 300, 0.9, 5
    )
    for name in ("value", "low", "high"):
        assert found[name] == pytest.approx(plain[name])


def test_copies_of_a_shower_tell_nothing_new(sample):
    p, y = sample

    def width(copies, shower_id):
        p_, y_ = np.tile(p, (copies, 1)), np.tile(y, copies)
        statistics = {
            "f1": bootstrap.f1(p_, y_),
            "auc": bootstrap.roc_auc(p_, y_),
            "brier": bootstrap.brier(p_, y_),
        }
        found = bootstrap.intervals(statistics, len(y_), 1000, 0.95, 1, shower_id)
        return np.array([one["high"] - one["low"] for one in found.values()])

    single, images = width(1, None), np.arange(4 * len(y))
    assert width(1, np.random.default_rng(1).permutation(len(y))).tolist() == single.tolist()
    np.testing.assert_allclose(width(4, images % len(y)), single, rtol=0.03)
    np.testing.assert_allclose(width(4, images), single / 2, rtol=0.15)


def test_exact_intervals_count_showers():
    assert bootstrap.clopper_pearson(20, 400, 0.95, 100) == bootstrap.clopper_pearson(5, 100, 0.95)
    assert bootstrap.clopper_pearson(400, 400, 0.95, 100) == bootstrap.clopper_pearson(100, 100, 0.95)
    assert bootstrap.clopper_pearson(0, 400, 0.95, 100) == bootstrap.clopper_pearson(0, 100, 0.95)
    assert bootstrap.clopper_pearson(3, 100, 0.95, 100) == bootstrap.clopper_pearson(3, 100, 0.95)
    low, high = bootstrap.clopper_pearson(1, 400, 0.95, 100)  # a quarter of a shower
    assert 0 <= low < 1 / 400 < bootstrap.clopper_pearson(0, 100, 0.95)[1] < high
    share = {"value": 1.0, "low": 1.0, "high": 1.0}
    assert bootstrap.exact(share, 40, 0.95, 10) == bootstrap.exact(share, 10, 0.95)


def test_validation_of_an_export_draws_showers(sample):
    from cascada.export import write as exporting

    p, y = sample

    def widths(copies, shower_id):
        events = new_events(copies * len(y))
        events["label"], events["shower_id"] = np.tile(y, copies), shower_id
        settings = {"bootstrap": 300, "confidence": 0.95, "seed": 1}
        found = exporting._with_intervals(np.log(np.tile(p, (copies, 1))), events, settings)
        return np.array([found[name]["high"] - found[name]["low"] for name in METRICS])

    single, images = widths(1, np.arange(len(y))), np.arange(4 * len(y))
    np.testing.assert_allclose(widths(4, images % len(y)), single, rtol=0.03)
    np.testing.assert_allclose(widths(4, images), single / 2, rtol=0.25)


@pytest.mark.parametrize(
    ("count", "number", "low", "high"),
    [(0, 100, 0.0, 0.02951), (5, 100, 0.01643, 0.11283), (50, 100, 0.39832, 0.60168), (100, 100, 0.97049, 1.0)],
)
def test_exact_intervals(count, number, low, high):
    """Clopper and Pearson (1934); tables of the binomial distribution."""
    assert bootstrap.clopper_pearson(count, number, 0.95) == pytest.approx((low, high), abs=2e-5)
