"""The numbers of a test under a stated spectrum, beside those of the showers as simulated."""

import numpy as np
import pytest
from sklearn import metrics as reference

from cascada.core.errors import DataError
from cascada.data.format import new_events
from cascada.statistics import metrics
from cascada.testing.report import report

SETTINGS = {"bootstrap": 100, "confidence": 0.95, "seed": 1}


def sample(number=600, seed=1, separation=1.4):
    """Logits (N, 2) and events, log-uniform in energy, of a classifier that is better at high energies."""
    random = np.random.default_rng(seed)
    events = new_events(number)
    events["label"] = random.integers(0, 2, number)
    events["true_energy"] = np.exp(random.uniform(8, 11, number))
    events["muons"] = random.poisson(events["true_energy"] / 100)
    better = np.log(events["true_energy"]) - 7.5
    score = random.normal(0, 1, number) + separation * better * (events["label"] - 0.5)
    return np.stack([-score, score], axis=1), events


def weights(events, index=-2.7):
    return events["true_energy"].astype(float) ** (index + 1)


@pytest.fixture(scope="module")
def content():
    logits, events = sample()
    worse = logits + np.random.default_rng(3).normal(0, 2, logits.shape)
    return report(logits, events, {"worse": worse}, SETTINGS | {"spectrum_index": -2.7})


def test_weighted_values_agree_with_scikit_learn(content):
    logits, events = sample()
    found, weight, labels = content["spectrum"], weights(events), events["label"]
    probability, predicted = metrics.softmax(logits), logits.argmax(axis=1)
    expected = {
        "f1": reference.f1_score(labels, predicted, sample_weight=weight),
        "accuracy": reference.accuracy_score(labels, predicted, sample_weight=weight),
        "roc_auc": reference.roc_auc_score(labels, logits[:, 1], sample_weight=weight),
        "loss": reference.log_loss(labels, probability, sample_weight=weight),
        "brier": reference.brier_score_loss(labels, probability[:, 1], sample_weight=weight),
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value), name
        assert found[name]["low"] < value < found[name]["high"]
        assert found[name]["value"] != pytest.approx(content[name]["value"], rel=1e-3), name
    matrix = np.array(found["confusion_matrix"]["value"])
    counted = reference.confusion_matrix(labels, predicted, sample_weight=weight)
    np.testing.assert_allclose(matrix / matrix.sum(), counted / counted.sum())


def test_the_effective_number_is_kish_s(content):
    weight = weights(sample()[1])
    assert content["spectrum"]["effective_showers"] == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert content["spectrum"]["index"] == -2.7 and content["spectrum"]["simulated"] == -1
    assert sum(content["spectrum"]["effective_of_class"].values()) < 0.6 * len(weight)


def test_fewer_effective_showers_make_wider_intervals(content):
    for name in ("f1", "accuracy", "roc_auc"):
        width, under = (one[name]["high"] - one[name]["low"] for one in (content, content["spectrum"]))
        assert under > 1.2 * width, name


def test_bins_curves_and_baselines_are_weighted_too(content):
    logits, events = sample()
    section, weight, predicted = content["spectrum"], weights(events), logits.argmax(axis=1)
    edges = [row["low_gev"] for row in section["energy_bins"]] + [section["energy_bins"][-1]["high_gev"]]
    which = np.digitize(events["true_energy"], edges) - 1
    for number, row in enumerate(section["energy_bins"]):
        mine = which == number
        right = np.average((predicted == events["label"])[mine], weights=weight[mine])
        assert row["accuracy"]["value"] == pytest.approx(right)
        assert row["showers"] < row["images"]  # worth fewer than there are
    assert section["background_efficiency"]["value"] > 1.2 * content["background_efficiency"]["value"]
    difference = section["baselines"]["worse"]["roc_auc"]["difference"]
    found = section["roc_auc"]["value"] - section["baselines"]["worse"]["roc_auc"]["value"]
    assert difference["value"] == pytest.approx(found) and difference["low"] > 0
    assert section.keys() >= {"calibration", "profiles", "of_class", "merit_factor", "q_factor", "ece"}


def test_the_shares_in_bins_of_what_varies_are_weighted_with_intervals_of_the_weights(content):
    logits, events = sample()
    right, weight, muons = logits.argmax(axis=1) == events["label"], weights(events), events["muons"].astype(float)
    for row, plain in zip(content["spectrum"]["bins"]["muons"]["rows"], content["bins"]["muons"]["rows"], strict=True):
        last = row is content["spectrum"]["bins"]["muons"]["rows"][-1]
        inside = (muons >= row["from"]) & ((muons < row["to"]) | last)
        assert (row["from"], row["images"]) == (plain["from"], inside.sum())
        assert row["value"] == pytest.approx(np.average(right[inside], weights=weight[inside]))
        assert row["low"] < row["value"] <= row["high"] and row["showers"] < plain["showers"]
        assert row["high"] - row["low"] > plain["high"] - plain["low"]


def test_the_simulated_spectrum_gives_the_unweighted_values():
    logits, events = sample()
    content = report(logits, events, {}, SETTINGS | {"spectrum_index": -2.0, "simulated_index": -2.0})
    for name in ("f1", "accuracy", "roc_auc", "loss", "brier", "ece", "merit_factor"):
        assert content["spectrum"][name]["value"] == pytest.approx(content[name]["value"]), name
    assert content["spectrum"]["effective_showers"] == pytest.approx(len(events))


def test_without_an_error_the_limit_is_the_exact_one_for_the_effective_number():
    logits, events = sample(200)
    logits = 9 * np.eye(2)[events["label"]]
    section = report(logits, events, {}, SETTINGS | {"spectrum_index": -2.7})["spectrum"]
    worth = int(section["effective_showers"])
    assert section["accuracy"]["low"] == pytest.approx(0.05 ** (1 / worth))
    smaller = int(min(section["effective_of_class"].values()))
    assert section["roc_auc"]["low"] == pytest.approx(0.05 ** (1 / smaller))
    assert (
        0.9 < section["f1"]["low"] < section["accuracy"]["low"]
    )  # an error counts once among all, twice among a class
    assert section["f1"]["high"] == section["accuracy"]["high"] == 1
    assert section["background_efficiency"]["high"] > 1 - 0.05 ** (1 / 100)  # no survivor of fewer than 100


def test_the_unweighted_numbers_do_not_know_of_it(content):
    logits, events = sample()
    worse = logits + np.random.default_rng(3).normal(0, 2, logits.shape)
    plain = report(logits, events, {"worse": worse}, SETTINGS)
    assert {name: value for name, value in content.items() if name not in ("spectrum", "settings")} == {
        name: value for name, value in plain.items() if name != "settings"
    }


def test_showers_without_energy_are_refused():
    logits, events = sample(50)
    events["true_energy"][3] = np.nan
    with pytest.raises(DataError, match=r"testing.spectrum_index -2.7: 1 of 50 showers have no true energy above 0"):
        report(logits, events, {}, SETTINGS | {"spectrum_index": -2.7})
