"""What is frozen of a choice: a trial as it is, the mean of several, a temperature fitted on half of the validation showers."""

import json
import shutil
from pathlib import Path

import frozen
import numpy as np
import pytest
import torch

from cascada.core.errors import CascadaError, DataError
from cascada.core.files import read_json, sha256, write_json
from cascada.data.loading import Showers
from cascada.models.classifier import Classifier, load_classifier
from cascada.models.selected import load_selected
from cascada.selection import calibrating, stored
from cascada.statistics import calibration, metrics

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return frozen.train_trials(tmp_path_factory.mktemp("trained") / "results")


@pytest.fixture
def copied(trained, tmp_path):
    """A copy that a test may damage; the manifest names the copied scores."""
    results = shutil.copytree(trained, tmp_path / "results")
    text = (results / "search/scores.json").read_text()
    (results / "search/scores.json").write_text(text.replace(str(trained), str(results)))
    return results


def known(results):
    """The members' scores (S, N, K), and labels, numbers of showers, names of the classes and the label of the signal."""
    found = stored.read(results / "search/scores.json", results / "dataset/train.h5", [])
    return np.stack(found.logits), (found.labels, found.shower_id, found.classes, found.signal)


def test_by_default_the_trials_own_checkpoint_is_copied(trained, tmp_path):
    best = frozen.select(trained, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == Path(best["checkpoint"]).read_bytes()
    assert type(load_selected(tmp_path / "checkpoint.pt")) is Classifier
    assert (
        not {"members", "calibration"} & best.keys()
        and best["parameters"] == read_json(frozen.metrics_files(trained)[0])["parameters"]
    )


def test_the_temperature_is_fitted_on_half_of_the_validation_showers(trained, tmp_path):
    best = frozen.select(trained, tmp_path, calibration="temperature")
    logits, (labels, shower, *_) = known(trained)
    mine, half = logits[best["seed"] - 1], calibrating.fitting_half(shower, labels)
    found = best["calibration"]
    expected = calibration.fit_temperature(mine[half], labels[half])
    assert not found["at_limit"] and found["value"] == pytest.approx(expected.value, rel=1e-6)
    assert (found["low"], found["high"]) == (expected.low, expected.high) and abs(np.log(found["value"])) > 0.1
    for side, one in (("before", mine), ("after", mine / found["value"])):
        assert found[side]["loss"]["value"] == pytest.approx(metrics.log_loss(one[~half], labels[~half]), rel=1e-6)
    assert found["fitted_on"]["images"] == half.sum() and found["compared_on"]["images"] == (~half).sum()
    assert found["after"]["loss"]["value"] < found["before"]["loss"]["value"]
    assert float(load_selected(tmp_path / "checkpoint.pt").temperature) == found["value"]
    assert best["checkpoint_sha256"] == sha256(tmp_path / "checkpoint.pt")


def test_an_ensemble_has_all_seeds_and_the_temperature_of_their_mean(trained, tmp_path):
    best = frozen.select(trained, tmp_path, ensemble=True, calibration="temperature")
    assert [one["seed"] for one in best["members"]] == [1, 2]
    for one in best["members"]:
        assert one["checkpoint_sha256"] == sha256(one["checkpoint"])
    logits, (labels, shower, *_) = known(trained)
    half = calibrating.fitting_half(shower, labels)
    pooled = calibration.ensemble_logits(logits)
    assert best["calibration"]["value"] == pytest.approx(
        calibration.fit_temperature(pooled[half], labels[half]).value, rel=1e-6
    )
    model = load_selected(tmp_path / "checkpoint.pt")
    images = Showers(trained / "dataset/train.h5", "validation").images()
    assert best["selection"]["why_this_seed"] == "the mean of the seeds 1 and 2, as selection.ensemble asks for."
    assert best["parameters"] == sum(weights.numel() for weights in model.parameters())
    members = [load_classifier(one["checkpoint"]) for one in best["members"]]
    with torch.inference_mode():
        mean = torch.stack([one(images).softmax(1) for one in members]).mean(0)
        expected = (mean.log() / best["calibration"]["value"]).softmax(1)
        torch.testing.assert_close(model(images).softmax(1), expected, atol=1e-6, rtol=0)


def test_an_ensemble_alone_needs_no_scores(trained, tmp_path):
    best = frozen.select(trained, tmp_path, ensemble=True)
    assert "calibration" not in best and load_selected(tmp_path / "checkpoint.pt").temperature is None


def test_the_same_choice_gives_the_same_bytes(trained, tmp_path):
    for name in ("one", "other"):
        frozen.select(trained, tmp_path / name, ensemble=True, calibration="temperature")
    assert (tmp_path / "one/checkpoint.pt").read_bytes() == (tmp_path / "other/checkpoint.pt").read_bytes()


def test_halves_are_of_whole_showers_and_hold_every_class():
    shower = np.repeat([9, 3, 5, 7, 1, 4, 8, 2], [1, 3, 2, 1, 1, 2, 1, 4])
    labels = np.isin(shower, [9, 3, 7, 2]) * 1
    half = calibrating.fitting_half(shower, labels)
    assert set(shower[half]) == {2, 7} | {1, 5} and set(shower[~half]) == {3, 9} | {4, 8}
    order = np.random.default_rng(1).permutation(len(shower))
    assert (calibrating.fitting_half(shower[order], labels[order]) == half[order]).all()


def test_a_temperature_that_the_showers_do_not_fix_stays_1(trained):
    _, about = known(trained)
    found = calibrating.calibrate(np.eye(2)[about[0]] * 4, *about, frozen.SETTINGS)
    assert found["value"] == 1.0 and found["at_limit"] and found["before"]["ece"] == found["after"]["ece"]
    assert any("it stays 1" in text for text in calibrating.warnings(found))


def test_fewer_than_thirty_showers_of_a_class_are_warned_of():
    found = {"fitted_on": {"showers": {"iron": 29, "proton": 30}}, "at_limit": False}
    (said,) = calibrating.warnings(found)
    assert said == "selection.calibration: only 29 showers of iron fit the temperature; at least 30 are wanted."


def test_a_half_without_a_class_is_refused(trained):
    logits, (_, shower, *about) = known(trained)
    labels = np.ones(40, int)
    labels[0] = 0
    with pytest.raises(DataError, match="fewer than two of the class iron, and each half needs one"):
        calibrating.calibrate(logits[0][:40], labels, shower[:40], *about, frozen.SETTINGS)


def test_scores_that_are_missing_or_of_other_showers_are_refused(copied, tmp_path):
    path = copied / "search/scores.json"
    manifest = read_json(path)
    lost = manifest["trials"][1]
    write_json(path, manifest | {"showers_sha256": "0" * 64})
    with pytest.raises(DataError, match=r"of other validation showers than .* or in another order"):
        frozen.select(copied, tmp_path, ensemble=True, calibration="temperature")
    write_json(path, manifest | {"trials": [manifest["trials"][0], lost | {"path": None}]})
    with pytest.raises(DataError, match=r"no scores of lenet-0123abcd, seed 2, 2 epochs, which completed"):
        frozen.select(copied, tmp_path, ensemble=True, calibration="temperature")
    write_json(path, manifest)
    with open(lost["path"], "r+b") as file:
        file.seek(200)
        file.write(b"\0\1")
    with pytest.raises(DataError, match=r"scores\.npy: has changed since"):
        frozen.select(copied, tmp_path, ensemble=True, calibration="temperature")
    assert not (tmp_path / "best.json").exists() and not (tmp_path / "checkpoint.pt").exists()


def test_an_ensemble_with_a_seed_that_diverged_is_refused(copied, tmp_path):
    path = copied / "trials/lenet-0123abcd/seed-2/epochs-2/metrics.json"
    path.write_text(json.dumps(read_json(path) | {"status": "diverged"}))
    with pytest.raises(
        CascadaError,
        match=r"ensemble: lenet-0123abcd cannot be averaged, as its seed\(s\) 2 \(diverged\) left no network",
    ):
        frozen.select(copied, tmp_path, ensemble=True)
    assert not (tmp_path / "best.json").exists()
