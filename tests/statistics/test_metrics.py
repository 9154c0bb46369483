"""Metrics agree with scikit-learn, on ties, on one class alone, and with more classes than two."""

import numpy as np
import pytest
from sklearn import metrics as reference

from cascada.statistics import metrics


@pytest.fixture(params=[2, 3])
def sample(request):
    random = np.random.default_rng(request.param)
    labels = random.integers(0, request.param, 500)
    logits = random.normal(0, 1, (500, request.param)).astype(np.float32).round(1)  # rounded: ties
    logits[np.arange(500), labels] += 1
    return logits, labels


def test_evaluate_agrees_with_scikit_learn(sample):
    logits, labels = sample
    probability, found = metrics.softmax(logits), metrics.evaluate(logits, labels)
    two = logits.shape[1] == 2
    assert found["loss"] == pytest.approx(reference.log_loss(labels, probability))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, logits.argmax(axis=1)))
    average = "binary" if two else "macro"
    assert found["f1"] == pytest.approx(reference.f1_score(labels, logits.argmax(axis=1), average=average))
    score = probability[:, 1] if two else probability
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(labels, score, multi_class="ovr"))


@pytest.mark.parametrize("signal", [0, 1])
def test_with_two_classes_f1_and_auc_are_the_signals(signal):
    random = np.random.default_rng(5)
    labels = (random.random(300) < 0.3).astype(int)
    logits = random.normal(0, 1, (300, 2)) + np.eye(2)[labels]
    found, probability = metrics.evaluate(logits, labels, signal), metrics.softmax(logits)
    assert found["f1"] == pytest.approx(reference.f1_score(labels, logits.argmax(axis=1), pos_label=signal))
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(labels == signal, probability[:, signal]))
    assert found["f1"] != pytest.approx(metrics.evaluate(logits, labels, 1 - signal)["f1"])


def test_with_more_classes_the_signal_changes_no_mean():
    labels = np.arange(90) % 3
    logits = np.random.default_rng(6).normal(0, 1, (90, 3)) + np.eye(3)[labels]
    assert metrics.evaluate(logits, labels, 0) == metrics.evaluate(logits, labels, 2)


def test_confusion_matrix_agrees_with_scikit_learn(sample):
    logits, labels = sample
    expected = reference.confusion_matrix(labels, logits.argmax(axis=1))
    assert np.array_equal(metrics.confusion_matrix(metrics.softmax(logits), labels), expected)


def test_one_class_alone_has_no_auc():
    found = metrics.evaluate(np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([1, 1]))
    assert np.isnan(found["roc_auc"]) and found["accuracy"] == 0.5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_give_no_numbers(bad):
    found = metrics.evaluate(np.array([[bad, 0.0], [0.0, 1.0]]), np.array([0, 1]))
    assert all(np.isnan(value) for value in found.values())


def test_huge_logits_do_not_overflow():
    assert metrics.log_loss(np.array([[1e30, 0.0]], np.float32), np.array([0])) == 0


def test_a_roc_curve_has_a_point_for_every_cut_and_the_area_of_the_ranks():
    random = np.random.default_rng(7)
    positive = random.random(200) < 0.4
    score = (random.normal(0, 1, 200) + positive).round(1)  # rounded: ties
    false, true = metrics.roc_curve(score, positive)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1) and len(false) == len(np.unique(score)) + 1
    assert np.trapezoid(true, false) == pytest.approx(metrics.auc(score, positive))
