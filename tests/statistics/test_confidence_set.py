"""The set that is not distinguishable from the best, and the cheapest that is good enough."""

import time

import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.statistics import bootstrap, metrics, resampling
from cascada.statistics.confidence_set import averaged, cheapest, confidence_set, f1_losses, p_values, resampled


def networks(separations, showers, classes=2, seed=1, shared=0.7):
    """Logits (M, N, K) of networks that see the same showers with partly the same noise, and labels (N,)."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, showers)
    common = random.normal(0, shared**0.5, (showers, classes))
    own = random.normal(0, (1 - shared) ** 0.5, (len(separations), showers, classes))
    lift = np.eye(classes)[labels] * np.asarray(separations)[:, None, None]
    return (common + own + lift).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["f1", "accuracy", "loss", "roc_auc"])
def test_values_are_those_of_the_metrics(name, classes):
    scores, labels = networks([1.0, 2.0, 3.0], 400, classes)
    found = resampled(scores, labels, name, resamples=10)
    np.testing.assert_allclose(found.value, [metrics.evaluate(one, labels)[name] for one in scores], rtol=1e-6)
    assert found.best == 2


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("name", "rtol"), [("f1", 1e-6), ("accuracy", 1e-6), ("loss", 1e-5), ("roc_auc", 6e-3)])
def test_each_draw_is_the_metric_of_the_showers_drawn(name, rtol, classes):
    scores, labels = networks([1.0, 2.0], 600, classes)
    shower = np.arange(600) // 3 * 7  # three images each
    found = resampled(scores, labels, name, resamples=20, seed=5, shower_id=shower)
    counts = np.concatenate(list(resampling.draws(200, 20, 5)))
    for row, drawn in zip(counts.astype(int), found.drawn, strict=True):
        images = np.repeat(np.arange(600), np.repeat(row, 3))
        expected = [metrics.evaluate(one[images], labels[images])[name] for one in scores]
        np.testing.assert_allclose(drawn, expected, rtol=rtol)


def test_what_is_clearly_worse_is_out_and_equals_stay():
    scores, labels = networks([1.0, 2.0, 2.0, 2.0, 2.0, 0.2], 2000)
    for name in ("f1", "loss", "roc_auc"):
        inside = confidence_set(resampled(scores, labels, name))
        assert inside.tolist() == [False, True, True, True, True, False], name


def test_two_configurations_are_compared_as_by_a_paired_test():
    """With two, T_max is the paired difference over its standard error, one-sided."""
    scores, labels = networks([1.5, 1.6], 1500, seed=3)
    compared = resampled(scores, labels, "loss", resamples=4000)
    loss = np.stack([np.logaddexp.reduce(one, axis=1) - one[np.arange(1500), labels] for one in scores])
    difference = loss[0] - loss[1]
    from scipy.stats import norm

    statistic = abs(difference.mean()) / (difference.std() / 1500**0.5)
    assert p_values(compared).min() == pytest.approx(2 * norm.sf(statistic), abs=0.02)
    assert p_values(compared).max() == 1


def test_images_of_one_shower_are_drawn_together():
    """The same 300 showers with 10 identical images each say no more than 300 showers."""
    scores, labels = networks([1.5, 1.8], 300, seed=4)
    once = p_values(resampled(scores, labels, "loss", resamples=4000)).min()
    ten = [np.repeat(one, 10, axis=0) for one in scores]
    many = np.repeat(labels, 10)
    together = p_values(resampled(ten, many, "loss", resamples=4000, shower_id=np.repeat(np.arange(300), 10))).min()
    apart = p_values(resampled(ten, many, "loss", resamples=4000)).min()
    assert together == pytest.approx(once, abs=0.02)
    assert apart < once / 3


def test_equal_networks_have_p_one_and_the_same_seed_the_same_bits():
    scores, labels = networks([1.5], 300)
    twins = np.concatenate([scores, scores])
    np.testing.assert_array_equal(p_values(resampled(twins, labels, "f1")), [1, 1])
    three, labels = networks([1.5, 1.6, 1.4], 300)
    first, again = (p_values(resampled(three, labels, "f1", seed=2)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_networks_that_agree_on_n_showers_may_differ_by_three_in_n():
    scores, labels = networks([3.0], 1000)
    twins = np.concatenate([scores, scores])
    loss, upper = f1_losses(twins, labels, 0, resamples=20_000)
    np.testing.assert_array_equal(loss, [0, 0])
    assert upper[0] == 0
    assert upper[1] == pytest.approx(3 / 1000, rel=0.1)


def test_limits_of_the_loss_hold_the_difference_of_two_networks():
    scores, labels = networks([2.0, 1.6, 0.5], 4000, 3)
    loss, upper = f1_losses(scores, labels, 0)
    probability = [metrics.softmax(one) for one in scores]
    difference = bootstrap.difference(*(bootstrap.f1(probability[k], labels) for k in (0, 1)))
    plain = bootstrap.intervals({"d": difference}, 4000, 1000, 0.9, 3)["d"]
    assert loss[1] == pytest.approx(plain["value"])
    assert upper[1] == pytest.approx(plain["high"], rel=0.1)
    assert loss[2] > loss[1]
    assert upper[2] > upper[1] > loss[1]


def test_seeds_are_averaged_on_the_same_draws():
    """Two seeds of a configuration with another one between them: the mean of each draw, and its distance from the best."""
    scores, labels = networks([2.0, 1.5, 2.4], 800)
    each, group = resampled(scores, labels, "f1"), np.array([1, 0, 1])
    both = averaged(each, group)
    np.testing.assert_allclose(both.drawn, np.stack([each.drawn[:, 1], each.drawn[:, [0, 2]].mean(axis=1)], axis=1))
    np.testing.assert_allclose(both.value, [each.value[1], each.value[[0, 2]].mean()])
    loss, upper = f1_losses(scores, labels, 1, group=group)
    assert loss == pytest.approx([both.value[1] - both.value[0], 0]) and upper[1] == 0
    assert upper[0] == pytest.approx(np.quantile(both.drawn[:, 1] - both.drawn[:, 0], 0.95), abs=3 / 800)
    alone, single = f1_losses(scores[:2], labels, 0), f1_losses(scores[:2], labels, 0, group=np.array([0, 1]))
    np.testing.assert_array_equal(alone, single)


def test_the_cheapest_that_is_good_enough():
    upper = np.array([0.0, 0.001, 0.0019, 0.0021, 0.001])
    multiply_adds, parameters = np.array([9, 5, 5, 1, 5]), np.array([1, 7, 3, 1, 3])
    assert (
        cheapest(upper, 0.002, multiply_adds, parameters) == 4
    )  # of two that cost the same, the one with the lower limit
    assert cheapest(upper, 0.0005, multiply_adds, parameters) == 0  # none but the best
    assert cheapest(upper, 0.0025, multiply_adds, parameters) == 3


def test_what_cannot_be_compared_is_refused():
    scores, labels = networks([1.0, 2.0], 100)
    with pytest.raises(DataError, match=r"'f2' given .* allowed are \['accuracy', 'f1', 'loss', 'roc_auc'\]"):
        resampled(scores, labels, "f2")
    with pytest.raises(DataError, match=r"number 1 have shape \(99, 2\), expected \(100, 2\)"):
        resampled([scores[0], scores[1][:99]], labels, "f1")
    scores[1, 3, 0] = np.nan
    with pytest.raises(DataError, match="diverged"):
        resampled(scores, labels, "f1")
    with pytest.raises(DataError, match="one class"):
        resampled(scores[:1], np.zeros(100, int), "roc_auc")


def test_a_hundred_configurations_take_no_time():
    scores, labels = networks(np.linspace(1.8, 2.0, 100), 3000)
    start = time.process_time()
    assert confidence_set(resampled(scores, labels, "f1"))[-1]
    assert time.process_time() - start < 20  # measured: about 1 s
