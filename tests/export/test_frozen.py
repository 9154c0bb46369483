"""An ensemble with a temperature from the selection to the folder that is used: every reader gives the same probabilities."""

import io
import json
import shutil
import zipfile

import frozen
import h5py
import numpy as np
import onnx
import pytest
import torch
from sklearn import metrics as reference

from cascada.behaviour import predictors
from cascada.behaviour.subject import Subject
from cascada.cli import main
from cascada.core.files import read_json, sha256
from cascada.data.loading import Showers
from cascada.export import write as exporting
from cascada.export.card import render
from cascada.export.check import check_export
from cascada.export.probe import read_probe, temperature_between
from cascada.export.verify import verify
from cascada.report import style
from cascada.report.model import write_model_page
from cascada.report.sealed import calibrated, plots
from cascada.report.sealed import content as sealed
from cascada.report.sealed import page as sealed_page
from cascada.statistics import metrics
from cascada.testing import ledger

pytestmark = pytest.mark.training
KINDS = {
    "plain": {},
    "one": {"calibration": "temperature"},
    "mean": {"ensemble": True},
    "both": {"ensemble": True, "calibration": "temperature"},
}
BESIDE = {"spectrum_index": -2.7, "also": {"dead": {"transform": {"dead_cells": 0.3}}}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Selected, tested and, of the last, exported: one folder for each kind."""
    results = frozen.train_trials(tmp_path_factory.mktemp("trained") / "results")
    for name, how in KINDS.items():
        frozen.select(results, results / name, **how)
        frozen.open_seal(results, results / name, **(BESIDE if name == "both" else {}))
    frozen.export(results, results / "both")
    return results


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of the exported folder that a test may damage."""
    return shutil.copytree(trained / "both/model", tmp_path / "model")


def predictions(folder):
    with h5py.File(folder / "predictions.h5") as file:
        return file["probability"][:], file["logits"][:].astype(float), dict(file.attrs)


def test_the_test_knows_the_members_and_the_temperature(trained):
    best, found = (read_json(trained / "both" / name) for name in ("best.json", "metrics.json"))
    assert found["members"] == [1, 2] and found["temperature"] == best["calibration"]
    before = read_json(trained / "mean/metrics.json")
    for name in ("loss", "brier", "ece"):
        assert found["uncalibrated"][name]["value"] == pytest.approx(before[name]["value"], rel=1e-5)
    assert found["loss"]["value"] < before["loss"]["value"]
    assert found["uncalibrated"]["differences"]["loss"]["high"] < 0
    assert predictions(trained / "both")[2]["temperature"] == best["calibration"]["value"]
    assert not {"members", "temperature", "uncalibrated"} & read_json(trained / "plain/metrics.json").keys()


def test_under_a_spectrum_too_it_is_said_what_the_temperature_changes(trained):
    found, (_, logits, _) = read_json(trained / "both/metrics.json"), predictions(trained / "both")
    with h5py.File(trained / "both/predictions.h5") as file:
        label, weight = file["label"][:], file["true_energy"][:].astype(float) ** -1.7
    under = found["spectrum"]
    for one, factor in ((under["uncalibrated"], found["temperature"]["value"]), (under, 1)):
        loss = reference.log_loss(label, metrics.softmax(factor * logits), sample_weight=weight)
        assert one["loss"]["value"] == pytest.approx(loss, rel=1e-5)
    differences = under["uncalibrated"]["differences"]
    for name in ("loss", "brier", "ece"):
        change = under[name]["value"] - under["uncalibrated"][name]["value"]
        assert differences[name]["value"] == pytest.approx(change, rel=1e-6, abs=1e-9)
        assert differences[name]["low"] <= differences[name]["value"] <= differences[name]["high"]
        assert under["uncalibrated"][name]["value"] != pytest.approx(found["uncalibrated"][name]["value"], rel=1e-3)


def test_the_baselines_answer_on_a_set_beside_the_sealed_showers(trained):
    found = read_json(trained / "both/metrics.json")
    with h5py.File(trained / "both/also/dead/predictions.h5") as file:
        theirs = {name: one["probability"][:] for name, one in file["baselines"].items()}
        label = file["label"][:]
    assert theirs.keys() == found["baselines"].keys() == found["also"]["dead"]["baselines"].keys()
    for name, probability in theirs.items():
        one = found["also"]["dead"]["baselines"][name]["f1"]
        assert one["value"] == pytest.approx(reference.f1_score(label, probability.argmax(axis=1)))
        assert one["difference"]["value"] == pytest.approx(one["value"] - found["baselines"][name]["f1"]["value"])


def test_the_auc_of_two_classes_and_one_network_stays(trained):
    plain, one = (read_json(trained / name / "metrics.json") for name in ("plain", "one"))
    assert one["temperature"]["value"] != 1 and one["roc_auc"]["value"] == plain["roc_auc"]["value"]
    assert one["f1"] == plain["f1"] and one["confusion_matrix"] == plain["confusion_matrix"]


def test_predict_gives_the_probabilities_of_the_test(trained, tmp_path):
    arguments = [
        "predict",
        str(trained / "both/model"),
        str(trained / "dataset/test.h5"),
        "-o",
        str(tmp_path / "out.h5"),
    ]
    assert main(arguments) == 0
    with h5py.File(tmp_path / "out.h5") as file:
        found = file["probability"][:]
    expected = predictions(trained / "both")[0]
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=0)
    assert np.abs(found - predictions(trained / "mean")[0]).max() > 0.01  # without the temperature it would be seen


def test_the_mean_is_that_of_the_members(trained):
    members = [
        predictors.from_checkpoint(one["checkpoint"]) for one in read_json(trained / "mean/best.json")["members"]
    ]
    with h5py.File(trained / "dataset/test.h5") as file:
        images = file["images"][:]
    expected = np.mean([one(images) for one in members], axis=0)
    np.testing.assert_allclose(predictions(trained / "mean")[0], expected, atol=1e-6)


def test_the_exports_are_checked_against_what_was_frozen(trained, tmp_path):
    arguments = (trained / "both/checkpoint.pt", trained / "dataset/train.h5", tmp_path / "check.json")
    found = check_export(trained / "both/model", *arguments)
    assert max(value for one in found["largest_differences"].values() for value in one.values()) < 1e-6


def test_behaviour_is_that_of_what_was_frozen(trained):
    predict, folder = predictors.from_checkpoint(trained / "both/checkpoint.pt"), trained / "both/model"
    subject = Subject.read(trained / "dataset/train.h5", predict)
    np.testing.assert_allclose(subject.probability, predictors.from_onnx(folder)(subject.images), atol=1e-6)
    np.testing.assert_allclose(subject.probability, predictors.from_program(folder)(subject.images), atol=1e-6)


def test_the_folder_verifies_and_names_the_temperature(trained, folder, capsys):
    assert main(["verify", str(folder), "--data", str(trained / "dataset")]) == 0
    said, value = capsys.readouterr().out, read_json(trained / "both/best.json")["calibration"]["value"]
    assert f"{value:.4f} in model.onnx, {value:.4f} in model.json" in said and " checks passed" in said


def resum(folder):
    """Write the hashes again, as somebody would who hides a change."""
    names = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    (folder / "SHA256SUMS").write_text("".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def in_graph(folder):
    graph = onnx.load(folder / "model.onnx")
    (found,) = [one for one in graph.graph.initializer if "temperature" in one.name]
    found.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(found) * np.float32(1.02), found.name))
    onnx.save(graph, folder / "model.onnx")


def in_program(folder):
    path = folder / "model.pt2"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = next(json.loads(one) for name, one in content.items() if name.endswith("weights_config.json"))["config"]
    (entry,) = [one["path_name"] for name, one in config.items() if name.endswith("temperature")]
    (name,) = [one for one in content if one.endswith(f"/{entry}")]
    content[name] = (np.frombuffer(content[name], "<f4") * np.float32(1.02)).tobytes()
    with zipfile.ZipFile(path, "w") as archive:
        for one, value in content.items():
            archive.writestr(one, value)


def in_description(folder):
    content = read_json(folder / "model.json")
    content["calibration"]["value"] *= 1.02
    (folder / "model.json").write_text(json.dumps(content))


def left_out(folder):
    content = read_json(folder / "model.json")
    del content["calibration"]
    (folder / "model.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("tamper", "noticed"),
    [
        (in_graph, ["outputs of model.onnx", "temperature"]),
        (in_program, ["outputs of model.pt2"]),
        (in_description, ["temperature"]),
        (left_out, ["temperature"]),
    ],
)
def test_a_tampered_temperature_is_found_also_where_the_hashes_were_written_anew(tamper, noticed, folder):
    tamper(folder)
    assert next(one.name for one in verify(folder) if not one.passed).startswith(("model.", "SHA256"))
    resum(folder)
    assert [one.name for one in verify(folder) if not one.passed] == noticed


def test_the_temperature_is_found_in_the_answers():
    logits = np.random.default_rng(1).normal(0, 8, (30, 3))
    scaled = logits / 1.37
    probability = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
    assert temperature_between(logits + 5, probability.astype("<f4")) == pytest.approx(1.37, rel=1e-5)


def test_the_probe_of_a_model_without_a_temperature_has_no_more_than_before(trained, tmp_path):
    showers = Showers(trained / "dataset/train.h5", "validation")
    model = exporting.load_selected(trained / "plain/checkpoint.pt")
    exporting._write_probe(model, showers, tmp_path)
    assert read_probe(tmp_path)[2] is None
    with h5py.File(tmp_path / "probe.h5") as file:
        assert set(file) == {"images", "probability", "event_id", "label", "true_energy"}


def test_the_card_says_what_was_frozen(trained):
    content = read_json(trained / "both/model/model.json")
    card = (trained / "both/model/MODEL_CARD.md").read_text()
    value = f"{content['calibration']['value']:.4f}"
    costs = (
        f"{content['parameters']:,} parameters and {content['multiply_adds']:,} multiply-adds for each shower in all ("
    )
    assert f"An ensemble of 2 `lenet` networks with {costs}" in card
    assert "Exported: the mean of the seeds 1 and 2, as selection.ensemble asks for." in card
    assert "trained with the seeds 1, 2." in card and f"divided by a temperature of {value} [" in card
    before = f"{content['test']['uncalibrated']['ece']['value']:.4f} ["
    (row,) = [line for line in card.splitlines() if line.startswith("| expected calibration error |")]
    assert (
        row.count("[") == 6 and before in row and "(seed 2)" in card and "| test under E^-2.7, before | after |" in card
    )
    for name in ("parameters", "multiply_adds"):
        assert content[name] == 2 * read_json(trained / "plain/best.json")[name], name
    assert "temperature" not in content["test"]  # it is no metric
    plain = render({name: value for name, value in content.items() if name not in ("members", "calibration")})
    assert "A `lenet` network with" in plain and "temperature" not in plain


def test_pages_and_picture_say_what_was_frozen(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "DPI", 60)
    both = trained / "both"
    sealed_page.write_test_page(both / "metrics.json", tmp_path / "test.html", both / "mistakes.h5", both / "best.json")
    page = (tmp_path / "test.html").read_text()
    assert (
        "mean of the seeds 1 and 2, on" in page and "The temperature: " in page and "the half that did not fit" in page
    )
    assert "1, 2 with a temperature" in page  # the ledger
    test = sealed.read(both / "predictions.h5", both / "metrics.json", both / "mistakes.h5")
    drawing = calibrated.picture(test)
    under = f"{calibrated.SEALED}, under E^-2.7"
    assert [axes.get_title().splitlines()[0] for axes in drawing.axes] == [calibrated.HALF, calibrated.SEALED, under]
    assert page.count(under) == 4  # a row for each metric, and what chance makes of the calibration error
    test.save(plots.PLOTS["calibration"](test), tmp_path / "calibration.png")
    (tmp_path / "check.json").write_text(
        json.dumps({"tolerance": 1e-5, "showers": 3, "largest_differences": {"model.onnx": {"batches of 1": 1e-7}}})
    )
    write_model_page(both / "model", tmp_path / "check.json", tmp_path / "model.html")
    page = (tmp_path / "model.html").read_text()
    assert "mean of the seeds 1 and 2" in page and "What the temperature changes" in page


def test_each_kind_is_a_selection_of_its_own(trained):
    found = ledger.read(trained / "dataset/test.h5")
    assert [(one.get("members"), one.get("calibration")) for one in found] == [
        (None, None), (None, "temperature"), ([1, 2], None), ([1, 2], "temperature"),
    ]  # fmt: skip
    assert read_json(trained / "both/metrics.json")["opening"]["selections"] == 4
    other = found[3] | {"seed": 99, "checkpoint_sha256": "0" * 64}
    assert ledger.same_selection(found[3], other)  # an ensemble has no seed of its own
    assert not ledger.same_selection(found[2], other)
    assert ledger._difference(found[0], found[3]) == (
        f"; this one is mean of the seeds 1 and 2 with a temperature, that one seed {found[0]['seed']} without a temperature"
    )


def test_nothing_but_tensors_and_plain_values_is_read(trained):
    content = torch.load(io.BytesIO((trained / "both/checkpoint.pt").read_bytes()), weights_only=True)
    assert content["format"] == 2 and content["seeds"] == [1, 2] and len(content["state_dicts"]) == 2
