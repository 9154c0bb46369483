"""Scores of all trials: from their trainings, or afterwards from their checkpoints."""

import json
import shutil

import numpy as np
import pytest
import trials
from showers import small_dataset

from cascada.core.errors import CascadaError, DataError
from cascada.core.files import read_json, write_json
from cascada.training import scoring
from cascada.training.settings import Machine

DIVERGES = {"optimizer": "sgd", "learning_rate": 1e30, "transform": "linear", "normalize": False}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Training data and three trials: a plain one, a symmetric one and one that diverged."""
    folder = tmp_path_factory.mktemp("trained")
    data, _ = small_dataset(folder, showers=300)
    for name, changes in {"plain": {}, "symmetric": {"evaluation": "symmetric"}, "diverged": DIVERGES}.items():
        trials.run(trials.specification(folder / name, data, epochs=2, hyperparameters=changes))
    return folder, data


@pytest.fixture
def folder(trained, tmp_path):
    """A copy, to be changed."""
    for name in ("plain", "symmetric", "diverged"):
        shutil.copytree(trained[0] / name / "trial", tmp_path / name)
    return tmp_path


def score(folder, data, said=None):
    files = [folder / name / "metrics.json" for name in ("plain", "symmetric", "diverged")]
    report = said.append if said is not None else lambda text: None
    found = scoring.score_trials(data, files, folder / "scores.json", Machine(device="cpu"), report)
    assert read_json(folder / "scores.json") == found
    return {entry["path"].split("/")[-2] if entry["path"] else "diverged": entry for entry in found["trials"]}


def as_of_an_earlier_release(folder):
    for name in ("plain", "symmetric", "diverged"):
        (folder / name / "scores.npy").unlink(missing_ok=True)
        content = read_json(folder / name / "metrics.json")
        del content["scores"]
        write_json(folder / name / "metrics.json", content)


def test_scores_of_trainings_are_listed(folder, trained):
    found = score(folder, trained[1])
    for name in ("plain", "symmetric"):
        described = read_json(folder / name / "metrics.json")["scores"]
        assert found[name]["scored"] == "by the training"
        assert (found[name]["sha256"], found[name]["shape"]) == (described["sha256"], described["shape"])
        assert found[name]["epochs"] == 2 and found[name]["seed"] == 7
        assert scoring.load(found[name]).shape == tuple(described["shape"])
    assert found["symmetric"]["multiply_adds"] == 8 * found["plain"]["multiply_adds"] > 0
    assert found["diverged"]["path"] is None and found["diverged"]["status"] == "diverged"


def test_trials_of_an_earlier_release_are_scored_once(folder, trained):
    before = {name: scoring.load(entry) for name, entry in score(folder, trained[1]).items() if entry["path"]}
    as_of_an_earlier_release(folder)
    metrics = {path: path.read_bytes() for path in folder.glob("*/metrics.json")}
    said = []
    found = score(folder, trained[1], said)
    assert len([line for line in said if "scored from its checkpoint" in line]) == 2
    for name, expected in before.items():
        assert found[name]["scored"] == "afterwards"
        np.testing.assert_allclose(scoring.load(found[name]), expected, rtol=1e-4, atol=1e-5)
    assert {path: path.read_bytes() for path in metrics} == metrics
    said.clear()
    assert score(folder, trained[1], said) == found and len(said) == 1


@pytest.mark.parametrize("damage", ["changed", "missing", "cut off"])
def test_a_stale_file_is_noticed_and_made_anew(folder, trained, damage):
    entry = score(folder, trained[1])["plain"]
    expected, path = scoring.load(entry), folder / "plain/scores.npy"
    if damage == "changed":
        np.save(path, expected[::-1])
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"remove search/scores\.json and run again"):
        scoring.load(entry)
    entry = score(folder, trained[1])["plain"]
    assert entry["scored"] == "afterwards"
    np.testing.assert_allclose(scoring.load(entry), expected, rtol=1e-4, atol=1e-5)


def test_another_checkpoint_and_other_data_are_refused(folder, trained, tmp_path):
    as_of_an_earlier_release(folder)
    kept = (folder / "plain/checkpoint.pt").read_bytes()
    (folder / "plain/checkpoint.pt").write_bytes((folder / "diverged/checkpoint.pt").read_bytes())
    with pytest.raises(DataError, match="they are not of one training"):
        score(folder, trained[1])
    (folder / "plain/checkpoint.pt").write_bytes(kept)
    content = json.loads((folder / "plain/metrics.json").read_text())
    write_json(folder / "plain/metrics.json", content | {"data_sha256": "0" * 64})
    with pytest.raises(CascadaError, match="trained on other data"):
        score(folder, trained[1])


def test_a_trial_that_failed_has_no_scores_and_stops_nobody(folder, trained):
    from cascada.training import failures
    from cascada.training.settings import Trial

    given = trials.specification(folder, trained[1], epochs=2) | {"tensorboard": folder, "data": trained[1]}
    failures.write(Trial.of(**(given | {"folder": folder / "plain"})), "out of memory", 0.0, lambda text: None)
    found = score(folder, trained[1])
    assert found["symmetric"]["scored"] == "by the training" and "plain" not in found
    listed = {entry["status"]: entry["path"] for entry in read_json(folder / "scores.json")["trials"]}
    assert listed["failed"] is None and listed["completed"]
