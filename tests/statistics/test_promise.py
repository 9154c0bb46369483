"""Whether a test keeps what the validation promised."""

import numpy as np
import pytest

from cascada.statistics.promise import kept, sentences

PROMISED = {"raw": 0.99, "corrected": 0.98, "low": 0.96, "high": 0.985, "confidence": 0.95}
TESTED = {"value": 0.97, "low": 0.95, "high": 0.98}


def chosen(metric="f1", **more):
    return {"metric": metric, "selection": {"why": "It was the best.", "optimism": PROMISED}} | more


def sealed(value, metric="f1"):
    return {metric: {"value": value, "low": value - 0.01, "high": value + 0.01}, "settings": {"confidence": 0.95}}


def test_the_errors_that_face_each_other_count():
    """Below the promise, its lower limit and the test's upper one: 0.02 and 0.01, 1.96 standard errors each."""
    found = kept(PROMISED, TESTED, 0.95)
    assert found["difference"] == pytest.approx(-0.01)
    assert found["standard_errors"] == pytest.approx(0.01 / np.hypot(0.02, 0.01) * 1.96, rel=1e-3)
    assert found["agree"]
    above = kept(PROMISED, TESTED | {"value": 0.99, "low": 0.98}, 0.95)
    assert above["standard_errors"] == pytest.approx(0.01 / np.hypot(0.005, 0.01) * 1.96, rel=1e-3)


def test_an_interval_of_another_confidence():
    """One of 68 % reaches one standard error far."""
    narrow = kept(PROMISED, TESTED | {"high": 0.97 + 0.01 / 1.96}, 0.6827)
    assert narrow["standard_errors"] == pytest.approx(kept(PROMISED, TESTED, 0.95)["standard_errors"], rel=1e-3)


def test_without_any_error_only_equals_agree():
    sure = PROMISED | {"low": 0.98, "high": 0.98}
    assert kept(sure, {"value": 0.98, "low": 0.98, "high": 0.98}, 0.95) == {
        "difference": 0,
        "standard_errors": None,
        "agree": True,
    }
    assert not kept(sure, {"value": 0.9, "low": 0.9, "high": 0.9}, 0.95)["agree"]


def test_of_promises_that_hold_95_in_100_agree():
    random, agreed = np.random.default_rng(1), 0
    for one, other in random.normal(0.9, (0.01, 0.02), (4000, 2)):
        promised = {"corrected": one, "low": one - 0.0196, "high": one + 0.0196, "confidence": 0.95}
        agreed += kept(promised, {"value": other, "low": other - 0.0392, "high": other + 0.0392}, 0.95)["agree"]
    assert agreed / 4000 == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(
    "metric, value, words",
    [
        ("f1", 0.975, "That agrees."), ("f1", 0.7, "the promise was too good"), ("f1", 0.999, "it is better than promised"),
        ("loss", 0.999, "the promise was too good"), ("loss", 0.7, "it is better than promised"),
    ],
)  # fmt: skip
def test_the_sentence_says_in_which_direction(metric, value, words):
    assert words in sentences(chosen(metric), sealed(value, metric))[-1]


def test_another_network_than_the_one_of_the_promise_is_not_judged():
    assert sentences(chosen(members=[1, 2, 3]), sealed(0.7))[-1].endswith("speaks of: the 3 seeds are averaged.")
    assert "calibrated" in sentences(chosen("loss", calibration={"value": 1.1}), sealed(0.7, "loss"))[-1]
    assert "The sealed showers give" in sentences(chosen(calibration={"value": 1.1}), sealed(0.7))[-1]
    assert sentences({"metric": "f1"}, sealed(0.7)) == []
