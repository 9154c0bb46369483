"""`cascada drift`: the showers that a model was validated on have not moved, others have, and that is said."""

import json
import shutil

import h5py
import numpy as np
import pytest

from cascada.cli import main
from cascada.core.files import read_json, write_json
from cascada.data.format import Header, SourceRow, create, new_events, open_showers
from cascada.data.quantities import QUANTITIES


@pytest.fixture
def validation(results):
    with open_showers(results / "dataset/train.h5") as file:
        return file["images"][:][file["events"]["split"] == 1]


def predictions(model, images, folder, name="out.h5"):
    source = folder / "showers.h5"
    events = new_events(len(images))
    events["primary"], events["true_energy"] = 14, 50_000.0
    with create(source, Header()) as writer:
        writer.append(images, events)
        writer.write_sources([SourceRow(file="made", sha256="", kind="surrogate", events=len(images))])
    assert main(["predict", str(model), str(source), "-o", str(folder / name), "--force"]) == 0
    return folder / name


def judged(model, images, folder, capsys):
    path = predictions(model, images, folder)
    capsys.readouterr()
    status = main(["drift", str(model), str(path), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_predictions_carry_what_drift_is_judged_by(results, validation, tmp_path):
    with h5py.File(predictions(results / "model", validation, tmp_path)) as file:
        assert set(QUANTITIES) <= set(file) and len(file["radius"]) == len(validation)


def test_what_it_was_validated_on_is_steady(results, validation, tmp_path, capsys):
    many = np.concatenate([validation] * (1 + 400 // len(validation)))
    status, found = judged(results / "model", many, tmp_path, capsys)
    assert status == 0 and found["enough"] and found["sentences"] == []
    assert set(found["moved"]) == {*QUANTITIES, "probability"} and "only the inputs" in found["assumption"]


def test_a_detector_that_sees_twice_the_energy_is_told(results, validation, tmp_path, capsys):
    many = np.concatenate([validation] * (1 + 400 // len(validation)))
    status, found = judged(results / "model", 5 * many, tmp_path, capsys)
    assert status == 4 and found["moved"]["total_energy"]["state"] == "far"
    assert found["moved"]["occupancy"]["state"] == "steady"
    assert any(sentence.startswith("total_energy has moved far") for sentence in found["sentences"])


def test_too_few_showers_are_not_judged(results, validation, tmp_path, capsys):
    path = predictions(results / "model", 5 * validation[:20], tmp_path)
    assert main(["drift", str(results / "model"), str(path)]) == 0
    assert "too few" in capsys.readouterr().out


def test_what_cannot_be_compared_is_a_sentence(results, validation, tmp_path, capsys):
    path = predictions(results / "model", validation[:3], tmp_path)
    older = tmp_path / "older"
    shutil.copytree(results / "model", older)
    content = read_json(older / "model.json")
    content.pop("reference")
    write_json(older / "model.json", content)
    other = tmp_path / "other"
    shutil.copytree(results / "model", other)
    (other / "model.onnx").write_bytes(b"another")
    for model, file, word in (
        (older, path, "without a reference"),
        (other, path, "another model"),
        (results / "model", tmp_path / "none", "not a file"),
    ):
        assert main(["drift", str(model), str(file)]) == 1
        assert word in capsys.readouterr().err
