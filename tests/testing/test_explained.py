"""Which share of the network's lead a physicist's variables explain."""

import numpy as np
import pytest
from sklearn import metrics as reference

from cascada.baselines import PHYSICS, SIMPLEST
from cascada.data.format import new_events
from cascada.statistics.bootstrap import intervals
from cascada.testing import explained
from cascada.testing.report import report

SETTINGS = {"bootstrap": 100, "confidence": 0.95, "seed": 1}


def shares(network, physics, simple, number=1000, copies=1):
    """The report's share, of three classifiers whose scores separate the classes by so many standard deviations."""
    random, events = np.random.default_rng(1), new_events(number)
    events["label"], events["true_energy"] = np.arange(number) % 2, np.geomspace(2500, 63000, number)
    noise = random.normal(0, 1, (4, number))
    logits = [
        np.stack([-score, score], axis=1)
        for score in ((events["label"] - 0.5) * d + (noise[0] + one) / 2**0.5 for d, one in
                      zip((network, physics, simple), noise[1:], strict=True))
    ]  # fmt: skip
    rows = np.tile(np.arange(number), copies)
    again = events[rows]
    again["shower_id"] = rows
    found = report(logits[0][rows], again, {SIMPLEST: logits[2][rows], PHYSICS: logits[1][rows]}, SETTINGS)
    return found["explained"]["share"], logits, events["label"]


def test_the_share_is_the_ratio_of_the_leads():
    share, (network, physics, simple), labels = shares(3, 2.5, 1.5)
    auc = [reference.roc_auc_score(labels, one[:, 1]) for one in (network, physics, simple)]
    assert share["roc_auc"]["value"] == pytest.approx((auc[1] - auc[2]) / (auc[0] - auc[2]))
    assert share["roc_auc"]["lead"]["value"] == pytest.approx(auc[0] - auc[2])
    f1 = [reference.f1_score(labels, one.argmax(axis=1)) for one in (network, physics, simple)]
    assert share["f1"]["value"] == pytest.approx((f1[1] - f1[2]) / (f1[0] - f1[2]))
    for one in share.values():
        assert one["low"] < one["value"] < one["high"]


@pytest.mark.parametrize("expected", [0, 1])
def test_all_of_it_and_nothing(expected):
    _, (network, _, simple), labels = shares(3, 2.5, 1.5)
    statistics = {SIMPLEST: simple, PHYSICS: network if expected else simple}
    found = intervals(explained.statistics(network, statistics, labels, 1), len(labels), 50, 0.95, 1)
    for one in found.values():
        assert [one[part] for part in ("value", "low", "high")] == pytest.approx([expected] * 3)


def test_copies_of_a_shower_do_not_narrow_the_interval():
    one, four = (shares(3, 2.5, 1.5, 300, copies)[0]["roc_auc"] for copies in (1, 4))
    assert four["high"] - four["low"] == pytest.approx(one["high"] - one["low"], rel=0.02)


def test_without_a_lead_there_is_no_share():
    share, _, _ = shares(1.5, 3, 1.5, 300)
    assert [share["f1"][part] for part in ("value", "low", "high")] == [None] * 3
    assert share["f1"]["lead"]["low"] < 0
    events = new_events(60)
    events["label"], events["true_energy"] = np.arange(60) % 2, np.geomspace(2500, 63000, 60)
    assert report(np.eye(2)[events["label"]], events, {}, SETTINGS)["explained"] is None


def test_under_weights_the_share_is_that_of_the_weighted_leads():
    """By hand: of eight equal parts of the weight the simplest is right in four, the variables in six, the network in all."""
    weight, labels = np.array([[4.0, 2.0, 1.0, 1.0]]), np.array([0, 1, 0, 1])
    right = {"network": [1, 1, 1, 1], SIMPLEST: [1, 0, 0, 0], PHYSICS: [1, 1, 0, 0]}
    logits = {name: np.eye(2)[np.where(one, labels, 1 - labels)] for name, one in right.items()}
    network = logits.pop("network")
    share = explained.statistics(network, logits, labels, 1)["explained.accuracy"]
    assert share(weight)[0] == pytest.approx((6 / 8 - 4 / 8) / (1 - 4 / 8))
    assert share(np.ones((1, 4)))[0] == pytest.approx((2 / 4 - 1 / 4) / (1 - 1 / 4))
