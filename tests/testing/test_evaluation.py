"""One opening of the sealed showers: its files, its line in the ledger, what a second selection needs."""

import json
import re

import h5py
import numpy as np
import pytest
import torch
from showers import small_dataset

from cascada import baselines
from cascada.core.errors import DataError
from cascada.core.files import sha256, write_json
from cascada.models import Design
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.testing import evaluation, ledger, mistakes

SETTINGS = {"bootstrap": 50, "confidence": 0.95, "seed": 1}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Sealed data, baselines, and two selections of untrained networks."""
    folder = tmp_path_factory.mktemp("testing")
    train, test = small_dataset(folder, showers=80)
    baselines.train_baselines(train, folder / "models.npz", folder / "baselines.json")
    for seed in (1, 2):
        torch.manual_seed(seed)
        hyperparameters = {
            "channels": (2, 2),
            "hidden": (4,),
            "transform": "log1p",
            "threshold": 0.01,
            "normalize": True,
        }
        design = Design.of("lenet", hyperparameters)
        images = torch.rand(8, 1, 80, 80)
        model = Classifier(
            fit_transform(images, "log1p", 0.01, True), design.build(1, 2), design=design,
            channels=["energy"], class_names=["iron", "proton"],
        )  # fmt: skip
        torch.save(model.checkpoint(), folder / f"{seed}.pt")
        about = {
            "configuration": f"lenet-0000000{seed}",
            "seed": seed,
            "epochs": 1,
            "checkpoint_sha256": sha256(folder / f"{seed}.pt"),
        }
        write_json(folder / f"{seed}.json", about)
    return folder, test


def run(prepared, seed, **settings):
    folder, test = prepared
    return evaluation.test_model(
        best=folder / f"{seed}.json", checkpoint=folder / f"{seed}.pt", test=test, train=folder / "train.h5",
        baselines=folder / "models.npz",
        metrics_file=folder / "metrics.json", predictions=folder / "predictions.h5",
        mistakes_file=folder / "mistakes.h5", settings=SETTINGS | settings,
    )  # fmt: skip


@pytest.fixture
def opened(prepared):
    """Sealed data without a ledger."""
    ledger.path_of(prepared[1]).unlink(missing_ok=True)
    return prepared


def test_outputs_of_an_opening(opened):
    content, folder = run(opened, 1), opened[0]
    assert json.loads((folder / "metrics.json").read_text())["opening"]["number"] == 1
    with h5py.File(folder / "predictions.h5") as file, h5py.File(opened[1]) as test:
        for name in ("event_id", "shower_id"):
            assert np.array_equal(file[name][:], test["events"][name])
        assert np.array_equal(file["label"][:], test["events"]["label"])
        for name in baselines.NAMES:
            right = (file[f"baselines/{name}/probability"][:].argmax(axis=1) == file["label"][:]).mean()
            assert right == pytest.approx(content["baselines"][name]["accuracy"]["value"])
        right = (file["probability"][:].argmax(axis=1) == file["label"][:]).mean()
        assert right == pytest.approx(content["accuracy"]["value"])
        assert not file.attrs["reopened"]


def test_mistakes_are_left_with_all_that_a_picture_needs(opened):
    run(opened, 1)
    folder, test = opened
    with (
        h5py.File(folder / "mistakes.h5") as file,
        h5py.File(folder / "predictions.h5") as all_,
        h5py.File(test) as sealed,
    ):
        rows = file["row"][:]
        answer = all_["probability"][:].argmax(axis=1)
        assert 0 < len(rows) <= mistakes.SHOWN and (answer[rows] != all_["label"][:][rows]).all()
        for place, row in enumerate(rows):
            np.testing.assert_array_equal(file["images"][place], sealed["images"][row])
            for name in mistakes.OF_SHOWER:
                np.testing.assert_array_equal(file[name][place], sealed["events"][name][row])
            np.testing.assert_allclose(file["probability"][place], all_["probability"][row])
            for name in baselines.NAMES:
                theirs = all_[f"baselines/{name}/probability"][row]
                np.testing.assert_allclose(file[f"baselines/{name}"][place], theirs)
        assert (np.abs(file["occlusion"][:]).max(axis=(1, 2)) > 0).all()
        assert "mistakes" not in all_


def test_the_same_selection_may_be_tested_again_and_is_recorded(opened):
    run(opened, 1)
    second = run(opened, 1)["opening"]
    found = ledger.read(opened[1])
    assert second | {"ledger": []} == {
        "number": 2, "selections": 1, "reopened": False, "other_bits": False, "ledger": [],
    }  # fmt: skip
    assert second["ledger"][0] == found[0] and second["ledger"][1].items() <= found[1].items()
    run(opened, 1)
    assert len(ledger.read(opened[1])) == 3


def test_the_result_stays_in_the_ledger(opened):
    """Snakemake removes metrics.json before it starts the rule that is refused."""
    content = run(opened, 1)
    assert ledger.read(opened[1])[0]["result"] == {name: content[name] for name in ("f1", "accuracy", "roc_auc")}
    with pytest.raises(
        DataError, match=re.escape(f"with f1 {content['f1']['value']:.4f} [{content['f1']['low']:.4f}, ")
    ):
        run(opened, 2)


def test_another_selection_is_refused_before_the_data_are_read(opened, monkeypatch):
    run(opened, 1)
    monkeypatch.setattr(evaluation, "predict", lambda *_: pytest.fail("the sealed showers were read"))
    with pytest.raises(DataError, match=r"for another selection: lenet-00000001, seed 1, .*`testing: reopen: true`"):
        run(opened, 2)
    assert len(ledger.read(opened[1])) == 1


def test_another_selection_with_the_flag_is_marked(opened):
    run(opened, 1)
    content = run(opened, 2, reopen=True)
    assert content["opening"]["reopened"] and content["opening"]["selections"] == 2
    with h5py.File(opened[0] / "predictions.h5") as file:
        assert file.attrs["reopened"]
    # going back to the first is a choice between the two, after both were seen
    assert run(opened, 1)["opening"]["reopened"]


def test_other_sealed_data_are_another_seal(opened):
    run(opened, 1)
    entry = ledger.read(opened[1])[0] | dict.fromkeys(ledger.SEALS, "0" * 64)
    ledger.path_of(opened[1]).write_text(json.dumps(entry) + "\n")
    assert not run(opened, 2)["opening"]["reopened"]


def test_a_checkpoint_that_is_not_the_frozen_one_is_refused(opened):
    folder, test = opened
    write_json(folder / "3.json", json.loads((folder / "1.json").read_text()))
    (folder / "3.pt").write_bytes((folder / "2.pt").read_bytes())
    with pytest.raises(DataError, match="is not the one frozen"):
        run(opened, 3)
    assert not ledger.path_of(test).exists()


def test_a_damaged_ledger_is_not_ignored(opened):
    ledger.path_of(opened[1]).write_text("{half\n")
    with pytest.raises(DataError, match="a line is not JSON"):
        run(opened, 1)
