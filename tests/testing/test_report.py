"""The numbers of a test and their intervals."""

import numpy as np
import pytest
from sklearn import metrics as reference

from cascada.data.format import new_events
from cascada.statistics import metrics
from cascada.testing.report import report

SETTINGS = {"bootstrap": 50, "confidence": 0.95, "seed": 1}


def sample(number=600, seed=1):
    """Logits (N, 2) and events of a classifier that is right in three of four cases."""
    random = np.random.default_rng(seed)
    events = new_events(number)
    events["label"] = random.integers(0, 2, number)
    events["true_energy"] = np.exp(random.uniform(8, 11, number))
    events["muons"] = random.poisson(events["true_energy"] / 100)
    score = random.normal(0, 1, number) + 1.4 * events["label"] - 0.7
    return np.stack([-score, score], axis=1), events


BEFORE = {  # there was a choice of the signal: what the same sample gave
    "f1": [0.7914614121510674, 0.7607514880952381, 0.8234027582324795],
    "accuracy": [0.7883333333333333, 0.7633333333333333, 0.815],
    "roc_auc": [0.8716538320498717, 0.8549282483230904, 0.8951544378186846],
    "loss": [0.4561533093715976, 0.4167608032977956, 0.48698721484913926],
    "brier": [0.1473143899088494, 0.1313155794489944, 0.15829151299055397],
    "ece": [0.034107764482695785, 0.0014932550631159697, 0.0667222739022756],
    "merit_factor": [1.1429904947544236, 1.0648630177803164, 1.252122130700639],
    "q_factor": [2.2322023169080016, 1.7525530222946908, 2.969470249102432],
    "background_efficiency": [0.050505050505050504, 0.028539342400537022, 0.08193313765952608],
}


@pytest.fixture(scope="module")
def content():
    logits, events = sample()
    other = logits + np.random.default_rng(3).normal(0, 2, logits.shape)
    return report(logits, events, {"same": logits, "worse": other}, SETTINGS)


def test_values_agree_with_scikit_learn(content):
    logits, events = sample()
    probability, labels = metrics.softmax(logits), events["label"]
    assert content["f1"]["value"] == pytest.approx(reference.f1_score(labels, logits.argmax(axis=1)))
    assert content["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(labels, probability[:, 1]))
    assert content["loss"]["value"] == pytest.approx(reference.log_loss(labels, probability))
    assert content["brier"]["value"] == pytest.approx(reference.brier_score_loss(labels, probability[:, 1]))
    assert content["confusion_matrix"]["value"] == reference.confusion_matrix(labels, logits.argmax(axis=1)).tolist()


def test_two_classes_keep_their_numbers(content):
    for name, values in BEFORE.items():
        assert [content[name][part] for part in ("value", "low", "high")] == pytest.approx(values, rel=1e-12), name


def test_every_value_lies_in_its_interval(content):
    for name in (
        "f1",
        "accuracy",
        "roc_auc",
        "loss",
        "brier",
        "ece",
        "merit_factor",
        "q_factor",
        "background_efficiency",
    ):
        one = content[name]
        assert one["low"] <= one["value"] <= one["high"], name
        assert one["low"] < one["high"], name


def test_background_that_is_left_and_q(content):
    logits, events = sample()
    false, true, _ = reference.roc_curve(events["label"], logits[:, 1], drop_intermediate=False)
    first = np.flatnonzero(true >= 0.5)[0]
    assert content["background_efficiency"]["value"] == pytest.approx(false[first])
    assert content["q_factor"]["value"] == pytest.approx(true[first] / np.sqrt(false[first]))
    assert content["q_factor"]["limit"] is None


def test_without_surviving_background_there_are_limits():
    logits, events = sample(200)
    logits = np.stack([-1, 1] * (2 * events["label"][:, None] - 1), axis=0) * np.abs(logits)  # all right
    found = report(logits, events, {}, SETTINGS)
    number = int((events["label"] == 0).sum())
    limit = 1 - 0.05 ** (1 / number)  # of 0 events of n at 95 % confidence
    assert found["background_efficiency"] | {"value": 0, "limit": "upper"} == found["background_efficiency"]
    assert found["background_efficiency"]["high"] == pytest.approx(limit)
    kept = found["background_efficiency"]["signal_efficiency"]
    assert found["q_factor"]["value"] is None and found["q_factor"]["limit"] == "lower"
    assert found["q_factor"]["low"] == pytest.approx(kept / np.sqrt(limit))


def test_merit_factor_and_calibration(content):
    logits, events = sample()
    score, signal = logits[:, 1] - logits[:, 0], events["label"] == 1
    expected = abs(score[signal].mean() - score[~signal].mean()) / np.sqrt(score[signal].var() + score[~signal].var())
    assert content["merit_factor"]["value"] == pytest.approx(expected, rel=1e-5)
    probability = metrics.softmax(logits)
    confidence, right = probability.max(axis=1), logits.argmax(axis=1) == events["label"]
    which = np.minimum((confidence * 15).astype(int), 14)
    gaps = [abs((right[which == b] - confidence[which == b]).sum()) for b in range(15)]
    assert content["ece"]["value"] == pytest.approx(sum(gaps) / len(right))
    assert sum(row["images"] for row in content["calibration"]) == len(events)


def test_bins_hold_every_shower_once(content):
    total = np.sum([one["confusion_matrix"]["value"] for one in content["energy_bins"]], axis=0)
    assert total.tolist() == content["confusion_matrix"]["value"]
    for profile in content["profiles"].values():
        assert sum(row["images"] for rows in profile.values() for row in rows) == content["images"]


def test_a_perfect_bin_still_has_an_interval():
    logits, events = sample(80)
    logits = np.where(events["label"][:, None] == [0, 1], 1.0, -1.0)
    assert all(one["accuracy"]["low"] < 1 for one in report(logits, events, {}, SETTINGS)["energy_bins"])


def test_differences_are_paired(content):
    same, worse = content["baselines"]["same"], content["baselines"]["worse"]
    assert same["f1"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    found = worse["f1"]["difference"]
    assert found["value"] == pytest.approx(content["f1"]["value"] - worse["f1"]["value"])
    assert 0 < found["low"] < found["value"] < found["high"]


def widths(found):
    """Of every interval of a report but those in bins of quantiles, whose edges copies move."""
    names = ("f1", "accuracy", "roc_auc", "loss", "brier", "ece", "merit_factor", "background_efficiency")
    parts = [found[name] for name in names] + found["calibration"] + found["background_curve"]
    parts += [row[name] for row in found["energy_bins"] for name in ("f1", "accuracy")]
    parts += [found["baselines"]["other"][name]["difference"] for name in ("f1", "loss")]
    return np.array([one["high"] - one["low"] for one in parts] + [found["ece"]["if_calibrated"]])


def test_copies_of_a_shower_do_not_narrow_an_interval():
    logits, events = sample(300)
    other = logits + np.random.default_rng(3).normal(0, 2, logits.shape)
    settings = SETTINGS | {"bootstrap": 400}

    def widths_of(copies, shower_id):
        again = np.tile(events, copies)
        again["shower_id"] = shower_id
        rows = np.tile(np.arange(300), copies)
        found = report(logits[rows], again, {"other": other[rows]}, settings)
        assert (found["images"], found["showers"]) == (300 * copies, len(np.unique(shower_id)))
        for count in ("images", "showers"):
            assert sum(row[count] for row in found["energy_bins"]) == found[count]
        return widths(found)

    images, single = np.arange(1200), widths_of(1, events["shower_id"])
    np.testing.assert_allclose(widths_of(4, images % 300), single, rtol=0.03, atol=1e-9)
    assert np.median(widths_of(4, images) / single) == pytest.approx(0.5, abs=0.06)


@pytest.fixture(scope="module", params=[0, 1, 2])
def three(request):
    """Logits, labels, the signal and the report of three classes of unequal size, the muons of one of them unknown."""
    random = np.random.default_rng(4)
    events = new_events(300)
    events["label"] = random.choice(3, 300, p=[0.5, 0.3, 0.2])
    events["true_energy"], events["muons"] = (
        5000 + np.arange(300),
        np.where(events["label"] == 2, np.nan, np.arange(300)),
    )
    logits = random.normal(0, 1, (300, 3)) * [1, 2, 1.5] + 1.5 * np.eye(3)[events["label"]]
    found = report(logits, events, {"worse": logits / 2}, SETTINGS, ["light", "medium", "heavy"], request.param)
    return logits, events["label"], request.param, found


def test_means_over_three_classes_are_called_so(three):
    logits, labels, signal, found = three
    probability, predicted = metrics.softmax(logits), logits.argmax(axis=1)
    assert found["f1"]["value"] == pytest.approx(reference.f1_score(labels, predicted, average="macro"))
    assert found["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(labels, probability, multi_class="ovr"))
    assert found["signal"] == ["light", "medium", "heavy"][signal]
    assert found["meanings"] == {"f1": "mean over 3 classes", "roc_auc": "mean over 3 classes, each against the rest"}


def test_each_of_three_classes_against_the_rest(three):
    logits, labels, _, found = three
    probability, f1 = metrics.softmax(logits), reference.f1_score(labels, logits.argmax(axis=1), average=None)
    for label, one in enumerate(found["of_class"].values()):
        mine, p = labels == label, probability[:, label]
        assert one["f1"]["value"] == pytest.approx(f1[label])
        assert one["roc_auc"]["value"] == pytest.approx(reference.roc_auc_score(mine, p))
        assert one["brier"]["value"] == pytest.approx(((p - mine) ** 2).mean())
        which = np.minimum((p * 15).astype(int), 14)
        gaps = [abs((mine[which == b] - p[which == b]).sum()) for b in range(15)]
        assert one["ece"]["value"] == pytest.approx(sum(gaps) / len(labels))
        assert all(values["low"] <= values["value"] <= values["high"] for values in one.values())


def test_figures_of_the_signal_are_those_of_its_probability(three):
    logits, labels, signal, found = three
    p, mine = metrics.softmax(logits)[:, signal], labels == signal
    score = np.log(p / (1 - p))
    false, true, _ = reference.roc_curve(mine, score, drop_intermediate=False)
    first = np.flatnonzero(true >= 0.5)[0]
    assert found["background_efficiency"]["value"] == pytest.approx(false[first])
    assert found["background_efficiency"]["background"] == (~mine).sum()
    merit = abs(score[mine].mean() - score[~mine].mean()) / np.sqrt(score[mine].var() + score[~mine].var())
    assert found["merit_factor"]["value"] == pytest.approx(merit)
    for row in found["calibration"]:
        inside = (p >= row["from"]) & (p < row["to"])
        assert (row["images"], row["mean"]) == (inside.sum(), pytest.approx(p[inside].mean()))
        assert row["value"] == pytest.approx(mine[inside].mean())
    for label in range(3):
        rows = found["profiles"]["true_energy"][str(label)]
        mean = sum(row["value"] * row["images"] for row in rows) / (labels == label).sum()
        assert mean == pytest.approx(p[labels == label].mean())
    assert found["profiles"]["muons"]["2"] == [] and found["profiles"]["muons"]["0"]


def test_the_baselines_are_compared_in_the_same_means(three):
    logits, labels, _, found = three
    one = found["baselines"]["worse"]
    assert one["f1"]["value"] == pytest.approx(found["f1"]["value"]) and one["f1"]["difference"]["value"] == 0
    loss = reference.log_loss(labels, metrics.softmax(logits / 2))
    assert one["loss"]["difference"]["value"] == pytest.approx(found["loss"]["value"] - loss)


def test_without_an_error_accuracy_f1_and_auc_have_the_exact_limit():
    """No draw has an error either; of 200 showers up to 1.5 % may be wrong."""
    _, events = sample(200)
    found = report(9 * np.eye(2)[events["label"]], events, {}, SETTINGS)
    limit = 0.05 ** (1 / 200)
    assert found["accuracy"] == {"value": 1, "low": pytest.approx(limit), "high": 1}
    smaller = np.bincount(events["label"]).min()
    for row in found["energy_bins"]:
        assert row["f1"]["low"] < row["accuracy"]["low"] == pytest.approx(0.05 ** (1 / row["showers"]))
    assert found["roc_auc"]["low"] == pytest.approx(0.05 ** (1 / smaller)) and 0.95 < found["f1"]["low"] < limit
