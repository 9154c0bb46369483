"""Drift: nothing moves under chance alone, what moved is found and named, and CBPE is right while the calibration holds."""

import numpy as np
import pytest

from cascada.statistics import drift

RNG = np.random.default_rng(5)
KNOWN = drift.reference(RNG.normal(3.0, 0.4, 2000))


@pytest.mark.parametrize("showers", [200, 1000, 5000])
def test_chance_alone_is_steady_and_is_what_is_foretold(showers):
    rng = np.random.default_rng(showers)
    found = [drift.compare(rng.normal(3.0, 0.4, showers), KNOWN) for _ in range(60)]
    assert all(one["state"] == "steady" for one in found)
    assert np.mean([one["psi"] for one in found]) == pytest.approx(found[0]["by_chance"], rel=0.5)


@pytest.mark.parametrize(("mean", "deviation", "state"), [(3.2, 0.4, "moved"), (3.4, 0.4, "far"), (3.0, 0.8, "far")])
def test_what_has_moved_is_found_and_told(mean, deviation, state):
    moved = drift.compare(RNG.normal(mean, deviation, 1000), KNOWN)
    assert moved["state"] == state
    (sentence,) = drift.sentences({"total_energy": moved}, 1000)
    assert sentence.startswith("total_energy has moved") and f"→ {moved['mean']:.4g}" in sentence
    assert drift.sentences({"total_energy": moved}, drift.LEAST - 1) == []


def test_distances_have_their_known_sizes():
    values = RNG.normal(3.4, 0.4, 20_000)
    moved = drift.compare(values, KNOWN)
    assert moved["wasserstein"] == pytest.approx(1.0, abs=0.05) and moved["shift"] == pytest.approx(1.0, abs=0.05)
    assert moved["ks"] == pytest.approx(0.383, abs=0.03)  # 2 Φ(1/2) − 1


def test_the_index_is_that_of_the_formula_for_two_bins():
    known = drift.reference(np.repeat([0.0, 1.0], 500))
    index, _ = drift.stability_index(np.repeat([0.0, 1.0], [800, 200]), known)
    assert index == pytest.approx((0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5), rel=0.02)


def test_a_quantity_without_spread_does_not_divide_by_zero():
    moved = drift.compare(np.zeros(300), drift.reference(np.zeros(500)))
    assert moved["state"] == "steady" and moved["shift"] == 0.0


def test_performance_is_foretold_without_labels():
    rng = np.random.default_rng(2)
    signal = rng.beta(0.6, 0.6, 200_000)
    labels = rng.random(len(signal)) < signal  # calibrated by construction
    expected = drift.expected_performance(np.stack([1 - signal, signal], axis=1), 1)
    chosen = signal > 0.5
    true = {
        "accuracy": (chosen == labels).mean(),
        "f1": 2 * (chosen & labels).sum() / (2 * (chosen & labels).sum() + (chosen != labels).sum()),
    }
    for name, value in true.items():
        assert expected[name] == pytest.approx(value, abs=0.004)
    assert expected["accuracy_error"] == pytest.approx(
        np.sqrt(true["accuracy"] * (1 - true["accuracy"]) / len(signal)), rel=0.2
    )


@pytest.mark.parametrize(("showers", "shape"), [(200, 0.6), (2000, 0.6), (500, 3.0)])
def test_the_errors_of_what_is_foretold_are_how_far_the_truth_lies_from_it(showers, shape):
    rng = np.random.default_rng(3)
    signal = rng.beta(shape, shape / 2, showers)
    expected = drift.expected_performance(np.stack([1 - signal, signal], axis=1), 1)
    chosen, labels = signal > 0.5, rng.random((4000, showers)) < signal
    right = (labels & chosen).sum(axis=1)
    f1, accuracy = 2 * right / (chosen.sum() + labels.sum(axis=1)), (labels == chosen).mean(axis=1)
    assert expected["f1"] == pytest.approx(f1.mean(), abs=0.002)
    assert expected["f1_error"] == pytest.approx(f1.std(), rel=0.06)
    assert expected["accuracy_error"] == pytest.approx(accuracy.std(), rel=0.06)


def test_nothing_is_foretold_wrongly_where_all_or_nothing_is_signal():
    for value, f1 in ((0.0, 0.0), (1.0, 1.0)):
        signal = np.full(300, value)
        expected = drift.expected_performance(np.stack([1 - signal, signal], axis=1), 1)
        assert (expected["f1"], expected["f1_error"], expected["accuracy"]) == (f1, 0.0, 1.0)


def test_a_report_says_what_it_rests_on():
    window = {"total_energy": RNG.normal(3.4, 0.4, 300), "unknown": np.zeros(300)}
    found = drift.report(window, {"total_energy": KNOWN}, np.full((300, 2), 0.5), 1)
    assert found["enough"] and list(found["moved"]) == ["total_energy"] and len(found["sentences"]) == 1
    assert drift.report({}, {"total_energy": KNOWN}, np.empty((0, 2)), 1)["expected"] is None
