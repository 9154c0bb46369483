"""Behaviour under a stated spectrum, beside that of the showers as simulated."""

import json

import numpy as np
import pytest
from probing import SETTINGS, well_behaved

from cascada.behaviour import runner
from cascada.behaviour.comparing import separation, worst_case
from cascada.behaviour.settings import LIMITS, Limit
from cascada.behaviour.subject import Measurement, Subject
from cascada.core.files import write_json
from cascada.report.behaviour_page import write_behaviour_page

STATED = {"spectrum_index": -2.7, "simulated_index": -1.0}


@pytest.fixture
def subject(showers):
    found = Subject(well_behaved, *showers, SETTINGS)
    about = runner._weigh(found, STATED)
    assert about["spectrum"]["effective_showers"] < 80 < len(found.events)
    return found


def weight(subject):
    return subject.events["true_energy"].astype(float) ** -1.7


def test_a_mean_and_a_worst_case_are_weighted(subject):
    values = (subject.events["true_energy"] < 8000).astype(float)  # low energies count for more
    found = subject.interval(values, share=True)
    expected = np.average(values, weights=weight(subject))
    assert found["weighted"]["value"] == pytest.approx(expected) and expected > found["value"] + 0.1
    assert found["weighted"]["low"] < expected < found["weighted"]["high"]
    worst = worst_case(subject, {"one": values, "none": 0 * values}, name="flips", meaning="", share=True)
    assert worst.weighted["value"] == pytest.approx(expected) and worst.value == found["value"]


def test_a_share_of_nothing_has_the_exact_limit_for_the_effective_number(subject):
    found = subject.interval(np.zeros(len(subject.events)), share=True)
    assert found["high"] == pytest.approx(1 - 0.05 ** (1 / 120))
    assert found["weighted"]["high"] > 1.3 * found["high"]


def test_a_leak_is_weighted(subject):
    energy = subject.events["true_energy"].astype(float)
    found = separation(subject, energy, "energy")
    assert found["weighted"]["low"] <= found["weighted"]["value"] <= found["weighted"]["high"]
    assert found["weighted"]["value"] != pytest.approx(found["value"])


def test_each_result_has_a_verdict_of_its_own():
    one = {"value": 0.05, "low": 0.04, "high": 0.06}
    found = Measurement(name="flips", meaning="", value=0.01, low=0.0, high=0.02, weighted=one).judged(Limit(0.03))
    assert found["verdict"] == "passed" and found["weighted"] == one | {"verdict": "failed", "kept": False}
    assert "weighted" not in Measurement(name="flips", meaning="", value=0.01, low=0.0, high=0.02).judged(Limit(0.03))


def test_gates_are_weighted_in_a_run_and_the_page_shows_both(showers, subject, tmp_path):
    plain = runner.run(Subject(well_behaved, *showers, SETTINGS), tmp_path / "plain.xml")
    judged = runner.run(subject, tmp_path / "behaviour.xml")
    assert [{k: v for k, v in one.items() if k not in ("weighted", "details")} for one in judged] == [
        {k: v for k, v in one.items() if k != "details"} for one in plain
    ]
    weighted = {one["name"] for one in judged if "weighted" in one}
    assert weighted >= {
        "symmetry_change",
        "core_shift_8m_flips",
        "noise_auc",
        "total_energy_auc",
        "accuracy_fall_with_energy",
    }
    assert not weighted & {"odd_images_not_finite", "batch_size_change"} and weighted <= set(LIMITS)
    content = {
        "probes": judged, "warnings": [], "surrogate": True, "conclusion": "passes", "configuration": "lenet-00000001", "seed": 1,
        "showers": 120, "confidence": 0.95, "provenance": {}, "classes": ["iron", "proton"], "signal": "proton",
        "spectrum": {"index": -2.7, "simulated": -1.0, "effective_showers": 61.2},
    }  # fmt: skip
    write_json(tmp_path / "behaviour.json", content)
    write_behaviour_page(tmp_path / "behaviour.json", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    one = next(
        one for one in json.loads((tmp_path / "behaviour.json").read_text())["probes"] if one["name"] == "noise_auc"
    )
    assert "under E^-2.7" in text and f"{one['weighted']['value']:.4f} [" in text and "worth 61 of" in text
