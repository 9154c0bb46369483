"""A gate looks at its interval too: passed, undecided, failed; what stops publishing; the interval of a maximum."""

import numpy as np
import pytest

from cascada.behaviour.settings import Settings
from cascada.behaviour.subject import Measurement, Subject
from cascada.data.format import new_events
from cascada.statistics.verdicts import AT_LEAST, AT_MOST, conclusion, judge, say, stopping


@pytest.mark.parametrize(
    ("sense", "significant", "value", "kept", "verdict"),
    [  # the interval is value ± 0.2, the threshold 1
        (AT_MOST, False, 0.8, True, "passed"), (AT_MOST, False, 0.9, True, "undecided"),
        (AT_MOST, False, 1.1, False, "undecided"), (AT_MOST, False, 1.3, False, "failed"),
        (AT_LEAST, False, 1.2, True, "passed"), (AT_LEAST, False, 1.1, True, "undecided"),
        (AT_LEAST, False, 0.9, False, "undecided"), (AT_LEAST, False, 0.7, False, "failed"),
        (AT_MOST, True, 1.1, True, "passed"), (AT_MOST, True, 1.4, False, "failed"), (AT_LEAST, True, 0.9, True, "passed"),
        (AT_MOST, False, np.nan, False, "failed"), (AT_LEAST, True, np.nan, False, "failed"),
    ],
)  # fmt: skip
def test_value_and_interval_against_a_threshold(sense, significant, value, kept, verdict):
    found = judge(value, value - 0.2, value + 0.2, sense, 1.0, significant)
    assert found == {"kept": kept, "verdict": verdict}


@pytest.mark.parametrize("sense", [AT_MOST, AT_LEAST])
def test_a_value_without_an_interval_passes_nothing(sense):
    assert judge(1.0, np.nan, np.nan, sense, 1.0) == {"kept": True, "verdict": "undecided"}


def probe(name, value, severity="gate"):
    one = {"name": name, "value": value, "low": value - 0.2, "high": value + 0.2, "sense": AT_MOST, "threshold": 1.0}
    return one | {"severity": severity} | judge(value, one["low"], one["high"], AT_MOST, 1.0)


PROBES = [
    probe("a", 0.5),
    probe("b", 0.9),
    probe("c", 1.1),
    probe("d", 1.3),
    probe("e", 1.3, "warn"),
    probe("f", 0.9, "warn"),
]


def test_what_stops_publishing():
    assert stopping(PROBES) == ["c", "d"]
    assert stopping(PROBES, "refuse") == ["b", "c", "d"]


def test_the_conclusion_names_every_group():
    assert conclusion(PROBES) == (
        "passes 1 of 4 gates; failed: d; undecided (the value misses its threshold): c; undecided (the value is within the threshold, "
        "but its interval crosses it): b; warnings failed: e; warnings undecided (the value is within the threshold, but its interval "
        "crosses it): f"
    )
    assert conclusion(PROBES[:1]) == "passes all 1 gates"
    assert say(PROBES[1]) == "b 0.9 [0.7, 1.1], at most 1"
    assert say(PROBES[1] | {"low": None}) == "b 0.9 [?, 1.1], at most 1"


def subject(number, **settings):
    return Subject(lambda images: images, np.zeros((number, 1, 1, 1)), new_events(number), Settings(**settings))


def test_the_interval_is_that_of_the_maximum():
    """Four cases of one true share, independent of each other: their maximum lies above any one of them, and so does its interval."""
    random = np.random.default_rng(3)
    number, share, repetitions, inside = 400, 0.05, 200, 0
    for _ in range(repetitions):
        cases = random.random((number, 4)) < share
        found = subject(number, bootstrap=200).largest(cases, share=True)
        assert found["value"] == cases.mean(axis=0).max() and found["low"] <= found["value"] <= found["high"]
        worst = subject(number, bootstrap=200).interval(cases[:, cases.mean(axis=0).argmax()], share=True)
        assert found["high"] >= worst["high"] or found["high"] == pytest.approx(worst["high"], abs=0.003)
        inside += found["low"] <= share <= found["high"]
    assert inside / repetitions > 0.9


def test_the_maximum_is_bootstrapped_and_not_its_row():
    """Two cases that flip in turn: whichever a resample favours, the larger one counts."""
    cases = np.stack([np.arange(100) % 2 == 0, np.arange(100) % 2 == 1], axis=1)
    found = subject(100, bootstrap=2000).largest(cases)
    row = subject(100, bootstrap=2000).interval(cases[:, 0])
    assert found["value"] == row["value"] == 0.5
    assert found["low"] == 0.5 > row["low"] and found["high"] > row["high"]


def test_no_flip_is_no_certainty():
    found = subject(1200, bootstrap=50).largest(np.zeros((1200, 7)), share=True)
    assert found["value"] == found["low"] == 0 and found["high"] == pytest.approx(0.0025, abs=1e-4)  # 1 − 0.05^(1/1200)


def test_a_case_that_is_no_number_is_the_largest():
    found = subject(10, bootstrap=10).largest(np.array([[0.1, np.nan]] * 10))
    one = Measurement(name="x", meaning="", **found)
    assert np.isnan(found["value"]) and judge(one.value, one.low, one.high, one.sense, 1.0)["verdict"] == "failed"
