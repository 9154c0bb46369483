"""Labels that leak are found, whoever carries them: a variable, a third class, showers in both splits."""

import h5py
import numpy as np
import pytest
from probing import measure, recipe, well_behaved
from sklearn.metrics import roc_auc_score

from cascada.behaviour.probes import PROBES
from cascada.behaviour.probes.shuffled_labels import area_of_shuffled, deal, deviation_by_chance
from cascada.behaviour.settings import LIMITS, Settings
from cascada.behaviour.subject import Subject
from cascada.data.format import new_events
from cascada.statistics import metrics


def test_a_leak_of_the_total_energy_is_found(showers):
    images, events = showers
    brighter = images * np.where(events["label"] == 1, 3, 1).astype(np.float32)[:, None, None, None]
    assert measure("total_energy", well_behaved, showers, images=brighter) == {"total_energy_auc": False}


def test_a_leak_of_the_core_is_found(showers):
    events = showers[1].copy()
    events["core_x"] *= np.where(events["label"] == 1, 0.1, 1)
    assert measure("core_offset", well_behaved, showers, events=events) == {"core_offset_auc": False}
    events["core_x"] = np.nan
    assert measure("core_offset", well_behaved, showers, events=events) == {}


def three_classes(images, events, brighter):
    """The same showers in three classes, each with its own factor on the energies."""
    events = events.copy()
    events["label"] = np.arange(len(events)) % 3
    return images * np.array(brighter, np.float32)[events["label"]][:, None, None, None], events


def test_a_leak_between_two_of_three_classes_is_not_diluted_by_the_third(showers):
    images, events = three_classes(*showers, (1, 2, 4))
    subject = Subject(well_behaved, images, events, Settings(bootstrap=100), classes=("a", "b", "c"))
    (found,) = PROBES["total_energy"](subject)
    energy, label = images.sum(axis=(1, 2, 3), dtype=float), events["label"]
    pairs = {(a, b): energy[np.isin(label, (a, b))] for a, b in ((0, 1), (0, 2), (1, 2))}
    areas = {pair: roc_auc_score(label[np.isin(label, pair)] == pair[1], values) for pair, values in pairs.items()}
    assert [row["value"] for row in found.details] == pytest.approx(list(areas.values()))
    assert found.value == pytest.approx(areas[0, 2]) and "of a and c, the two classes" in found.meaning
    assert areas[0, 2] > 0.75 > roc_auc_score(label == 1, energy)  # the gate would have missed it
    assert [row["at"] for row in found.details] == ["a and b", "a and c", "b and c"]
    # of the largest: never below the interval of any pair
    assert all(found.low >= row["low"] and found.high >= row["high"] for row in found.details)


def test_chance_of_three_classes_is_not_underestimated():
    random, events = np.random.default_rng(3), new_events(150)
    events["label"] = np.repeat([0, 1, 2], 50)
    areas = []
    for _ in range(400):
        score = random.random((150, 3))
        areas.append(metrics.roc_auc(score, random.permutation(events["label"])))
    assert np.std(areas) < deviation_by_chance(events) == pytest.approx((151 / 12 / 50 / 100) ** 0.5)


@pytest.mark.training
def test_shuffled_labels_cannot_be_told(data):
    settings = Settings(bootstrap=20, limits=LIMITS)
    subject = Subject.read(data, well_behaved, settings, recipe(data, epochs=1))
    (found,) = PROBES["shuffled_labels"](subject)
    assert len(found.details) == 8  # as many as forty showers need, or the most
    # 8 trainings on 40 validation showers: 0.5 ± 0.03
    assert found.value < 0.13 and found.low < 0.03


@pytest.mark.training
def test_showers_in_both_splits_are_found_by_shuffled_labels(data, tmp_path):
    leaky = tmp_path / "train.h5"
    leaky.write_bytes(data.read_bytes())
    with h5py.File(leaky, "r+") as file:
        events = file["events"][:]
        validation = np.flatnonzero(events["split"] == 1)
        for row, source in zip(validation, np.flatnonzero(events["split"] == 0), strict=False):
            file["images"][row] = file["images"][source]
            events["shower_id"][row], events["label"][row] = events["shower_id"][source], events["label"][source]
        file["events"][:] = events
    assert area_of_shuffled(recipe(leaky, epochs=25), 1000, seed=1) > 0.8
    assert area_of_shuffled(recipe(data, epochs=25), 1000, seed=1) < 0.75


def test_chance_counts_showers():
    events = new_events(400)
    events["label"] = np.arange(400) % 2
    assert deviation_by_chance(events) == pytest.approx((401 / 12 / 200**2) ** 0.5)
    events["shower_id"] = np.arange(400) % 100
    assert (
        deviation_by_chance(events) == deviation_by_chance(events[:100]) > 1.9 * deviation_by_chance(new_copy(events))
    )
    assert deviation_by_chance(events[::2]) == np.inf


def new_copy(events):
    """The same with a shower for every image."""
    again = events.copy()
    again["shower_id"] = np.arange(len(events))
    return again


def test_labels_are_dealt_by_shower():
    one, other = new_events(6), new_events(4)
    one["shower_id"], other["shower_id"] = [0, 0, 1, 2, 3, 4], [4, 5, 6, 7]
    one["label"], other["label"] = [0, 0, 1, 0, 1, 1], [1, 0, 1, 0]
    for seed in range(20):
        first, second = deal([one, other], seed)
        assert first[0] == first[1] and first[5] == second[0]
        assert sum([first[0], *first[2:5], *second]) == 4  # as many of each class
    assert len({tuple(deal([one, other], seed)[0]) for seed in range(20)}) > 5
