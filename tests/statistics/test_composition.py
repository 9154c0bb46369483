"""Fractions of classes in a set of unknown showers, and when they are refused."""

import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.statistics import composition, metrics, mixture, templates, weights


def scored(labels, classes, seed, separation=2.0):
    random = np.random.default_rng(seed)
    return metrics.softmax(random.normal(0, 1, (len(labels), classes)) + separation * np.eye(classes)[labels])


def sealed(classes, each=2000, seed=1, separation=2.0):
    labels = np.repeat(np.arange(classes), each)
    return scored(labels, classes, seed, separation), labels


def mixed(fractions, number, seed=7, separation=2.0):
    labels = np.random.default_rng(seed).choice(len(fractions), number, p=fractions)
    return scored(labels, len(fractions), seed + 1, separation)


@pytest.mark.parametrize("fractions", [(0.3, 0.7), (0.97, 0.03), (0.5, 0.3, 0.2), (0.1, 0.2, 0.3, 0.4)])
def test_fractions_are_found(fractions):
    p, labels = sealed(len(fractions))
    bins = templates.binning(p)
    by = templates.estimate(p, labels, bins)
    found = composition.fit(bins.count(mixed(fractions, 3000)), by)
    assert found.fractions.sum() == pytest.approx(1)
    assert (np.abs(found.fractions - fractions) < 4 * found.expected_error).all()
    assert (found.low <= found.fractions).all() and (found.fractions <= found.high).all()
    width = (found.high - found.low) / 3.92
    np.testing.assert_allclose(width, found.expected_error, rtol=0.25)
    assert found.p_value > 0.001
    assert composition.refusals(found) == []


def test_a_pure_set_ends_at_the_edge():
    p, labels = sealed(2)
    bins = templates.binning(p)
    found = composition.fit(bins.count(mixed((1.0, 0.0), 1000)), templates.estimate(p, labels, bins))
    assert found.fractions[0] == pytest.approx(1, abs=0.03)
    assert found.high[0] == pytest.approx(1, abs=1e-6)
    assert 0.9 < found.low[0] < 1


def test_the_gradient_is_that_of_the_deviance():
    p, labels = sealed(3, 100)
    bins = templates.binning(p)
    by, observed = templates.estimate(p, labels, bins), bins.count(mixed((0.2, 0.3, 0.5), 200))
    here = np.array([0.3, 0.3, 0.4])
    _, gradient = mixture.deviance(here, observed, by)
    for k, step in enumerate(np.eye(3) * 1e-6):
        change = mixture.deviance(here + step, observed, by)[0] - mixture.deviance(here - step, observed, by)[0]
        assert gradient[k] == pytest.approx(change / 2e-6, rel=1e-4)


def test_exact_templates_give_the_poisson_deviance():
    by = templates.Templates(shares=np.array([[0.8, 0.2], [0.3, 0.7]]), variances=np.full((2, 2), 1e-12))
    observed, fractions = np.array([60, 40]), np.array([0.5, 0.5])
    expected = np.array([55.0, 45.0])
    plain = 2 * (expected - observed + observed * np.log(observed / expected)).sum()
    assert mixture.deviance(fractions, observed, by)[0] == pytest.approx(plain, rel=1e-6)


def test_few_template_showers_widen_the_interval():
    width = {}
    for each in (100, 10_000):
        p, labels = sealed(2, each)
        bins = templates.binning(p, 3)
        found = composition.fit(bins.count(mixed((0.5, 0.5), 5000)), templates.estimate(p, labels, bins))
        width[each] = found.high[0] - found.low[0]
    assert width[100] > 2 * width[10_000]


def test_the_scatter_of_the_fractions_is_the_error_that_is_expected():
    """With few test showers, whose shares sum to 1: bins taken for independent would give 1.4 times as much."""
    fractions, errors = [], []
    for seed in range(200):
        p, labels = sealed(2, 150, 10 + seed)
        bins = templates.binning(p)
        by, observed = templates.estimate(p, labels, bins), bins.count(mixed((0.3, 0.7), 2000, 1000 + seed))
        best, _ = mixture.minimum(observed, by)
        fractions.append(best[0])
        errors.append(composition.expected_error(by, best, 2000)[0])
    assert np.std(fractions) == pytest.approx(np.mean(errors), rel=0.15)  # three standard errors of 200
    assert np.mean(fractions) == pytest.approx(0.3, abs=0.005)


def test_a_foreign_primary_is_refused():
    p, labels = sealed(2)
    bins = templates.binning(p)
    by = templates.estimate(p, labels, bins)
    middle = metrics.softmax(np.random.default_rng(3).normal(0, 0.3, (1000, 2)))  # between the two classes
    reasons = composition.refusals(composition.fit(bins.count(middle), by))
    assert len(reasons) == 1
    assert "fit no mixture" in reasons[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("classes", "each"), [(2, 200), (2, 20_000), (3, 2000)])
def test_templates_that_are_alike_are_refused(classes, each, seed):
    p, labels = sealed(classes, each, seed, separation=0)
    bins = templates.binning(p)
    found = composition.fit(
        bins.count(mixed([1 / classes] * classes, 100_000, separation=0)), templates.estimate(p, labels, bins)
    )
    assert "cannot tell the classes apart" in composition.refusals(found)[0]


def test_two_of_three_classes_alike_are_refused():
    random = np.random.default_rng(1)
    labels = np.repeat(np.arange(3), 3000)
    seen = np.minimum(labels, 1)  # the third looks like the second
    p = metrics.softmax(random.normal(0, 1, (9000, 3)) + 2 * np.eye(3)[seen])
    bins = templates.binning(p)
    found = composition.fit(bins.count(p[::3]), templates.estimate(p, labels, bins))
    assert "cannot tell" in composition.refusals(found)[0]


def test_too_few_showers_are_refused():
    p, labels = sealed(2, 29)
    with pytest.raises(DataError, match="29 test showers of class 0 given, needed are 30"):
        templates.estimate(p, labels, templates.binning(p))
    p, labels = sealed(2, 30)
    bins = templates.binning(p)
    by = templates.estimate(p, labels, bins)
    with pytest.raises(DataError, match="29 showers given, needed are 30"):
        composition.fit(bins.count(p[:29]), by)
    with pytest.raises(DataError, match="15 test showers"):  # 30 images of 15
        templates.estimate(p, labels, bins, shower_id=np.arange(60) // 2)


def test_templates_are_shares_with_the_variance_of_weights():
    p, labels = sealed(2, 1000, separation=1)
    bins = templates.binning(p)
    weight = weights.spectrum_weights(10 ** np.random.default_rng(5).uniform(3.4, 4.8, 2000), -2.7)
    by = templates.estimate(p, labels, bins, weight)
    np.testing.assert_allclose(by.shares.sum(axis=1), 1)
    place, own = bins.place(p), labels == 1
    expected = [weight[own & (place == b)].sum() for b in range(bins.number)]
    assert min(expected) > 0
    np.testing.assert_allclose(by.shares[1], np.array(expected) / sum(expected))
    worth = by.shares[1].sum() ** 2 / by.variances[1].sum()
    assert worth == pytest.approx(weights.effective_number(weight[own]))
    doubled = templates.estimate(
        np.repeat(p, 2, axis=0), np.repeat(labels, 2), bins, np.repeat(weight, 2), np.repeat(np.arange(2000), 2)
    )
    np.testing.assert_allclose(doubled.variances, by.variances)


def test_no_test_shower_in_a_bin_is_no_proof_that_there_is_none():
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.3, 0.7], [0.1, 0.9]])
    bins = templates.Binning(edges=((0.2,), (0.2,)))
    by = templates.estimate(np.repeat(p, 40, axis=0), np.repeat([0, 0, 1, 1], 40), bins)
    np.testing.assert_allclose(by.shares[0] * 80.2, [40, 40, 0.1, 0.1])
    np.testing.assert_allclose(by.variances[0] * 80.2**2, [40, 40, 0.1, 0.1])


def test_bins_hold_about_equally_many_and_all_are_counted():
    p, _ = sealed(3, 500)
    bins = templates.binning(p)
    count = bins.count(p)
    assert bins.number == 15
    assert count.sum() == 1500
    assert count.min() > 60
    few = templates.binning(p[:50])
    assert few.count(p[:50]).sum() == 50


def test_saturated_probabilities_fall_into_one_bin():
    p = np.repeat(np.eye(2), 100, axis=0)
    bins = templates.binning(p)
    assert (np.sort(bins.count(p))[-2:] == 100).all()
    found = composition.fit(bins.count(p[50:]), templates.estimate(p, np.repeat([0, 1], 100), bins))
    assert found.fractions[0] == pytest.approx(1 / 3, abs=0.01)


def test_rounding_moves_no_shower_from_bin_to_bin():
    """Of a network that is sure of itself, where probabilities of 32 bits take a handful of values below 1."""
    logits = np.random.default_rng(1).normal(16, 1, 2000) * np.where(np.arange(2000) < 1000, 1, -1)
    exact = 1 / (1 + np.exp(np.stack([-logits, logits], axis=1)))
    stored, other = exact.astype(np.float32), (exact * (1 + 1e-7)).astype(np.float32)
    assert len(np.unique(stored.max(axis=1))) < 50
    bins = templates.binning(stored)
    assert bins.number == 10 and bins.predicted.tolist() == [0] * 5 + [1] * 5
    np.testing.assert_allclose(bins.count(other), bins.count(stored), atol=1)
    assert bins.place(stored)[logits.argmax()] == 0 and bins.place(stored)[logits.argmin()] == 5  # the surest


def test_other_templates_shift_the_fractions():
    p, labels = sealed(2, 5000)
    bins = templates.binning(p)
    by, observed = templates.estimate(p, labels, bins), bins.count(mixed((0.4, 0.6), 4000))
    other, _ = sealed(2, 5000, seed=9, separation=1.6)
    shifts = composition.systematics(observed, by, {"same": by, "model": templates.estimate(other, labels, bins)})
    np.testing.assert_allclose(shifts["same"], 0, atol=1e-6)
    assert abs(shifts["model"]).max() > 0.005
    np.testing.assert_allclose(shifts["model"].sum(), 0, atol=1e-6)
    found = composition.fit(observed, by)
    low, high = composition.total_interval(found, shifts)
    assert (low < found.low).all() and (high > found.high).all()
    np.testing.assert_allclose(composition.total_interval(found, {}), [found.low, found.high])


def test_the_higher_the_auc_the_smaller_the_error_of_a_fraction():
    """What is measured before use, the AUC, goes with what is wanted: a composition."""
    areas, errors = [], []
    for separation in (0.2, 0.4, 0.8, 1.6, 3.2):
        p, labels = sealed(2, 20_000, separation=separation)
        by = templates.estimate(p, labels, templates.binning(p))
        areas.append(metrics.auc(metrics.log_odds(p), labels == 1))
        errors.append(composition.expected_error(by, np.array([0.5, 0.5]), 500)[0])
    assert np.all(np.diff(areas) > 0) and np.all(np.diff(errors) < 0)
    assert errors[0] > 5 * errors[-1] > 5 * 0.5 / 500**0.5 / 1.01  # that of counting, where every shower is known
