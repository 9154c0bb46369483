"""Exports stand alone: for every model family the folder computes what PyTorch computes, and says what it holds."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from exports import EXPERIMENT, classifier, energies, export_inputs, make_export

from cascada.core.errors import DataError
from cascada.core.files import read_json, sha256, write_json
from cascada.core.notices import SURROGATE
from cascada.export import card as model_card
from cascada.export import folder as exported_folder
from cascada.export import write as exporting
from cascada.export.check import check_export
from cascada.export.graphs import write_graphs
from cascada.export.predict import Model
from cascada.export.program import program
from cascada.models import families

# every family once, with one channel or two, and both transforms
CASES = [
    (family, ("muons", "energy") if index % 2 else ("energy",), "linear" if index // 2 % 2 else "log1p")
    for index, family in enumerate(families())
]


@pytest.mark.parametrize("evaluation", ["plain", "symmetric"])
@pytest.mark.parametrize(("family", "channels", "transform"), CASES)
def test_every_family_exports_with_its_preprocessing_inside(family, channels, transform, evaluation, tmp_path):
    model = classifier(family, channels, transform=transform, evaluation=evaluation)
    write_graphs(model, tmp_path)
    write_json(tmp_path / "model.json", {"format": 1, "input": {"channels": channels}, "output": {"classes": [1, 2]}})
    session, graph = Model(tmp_path, threads=1), program(tmp_path)
    for number in (1, 5):
        images = energies(number, len(channels))
        with torch.inference_mode():
            expected = model(images).softmax(1).numpy()
            np.testing.assert_allclose(graph(images).numpy(), expected, atol=exported_folder.TOLERANCE, rtol=0)
        np.testing.assert_allclose(
            session.probabilities(images.numpy()), expected, atol=exported_folder.TOLERANCE, rtol=0
        )
        np.testing.assert_allclose(expected.sum(1), 1, atol=1e-6)


def test_a_symmetric_export_answers_alike_however_the_shower_is_turned(tmp_path):
    model, images = classifier("lenet", evaluation="symmetric"), energies(6)
    torch.nn.init.normal_(model.network.head[-1].weight, std=0.5)
    write_graphs(model, tmp_path)
    write_json(tmp_path / "model.json", {"format": 1, "input": {"channels": ["energy"]}, "output": {"classes": [1, 2]}})
    session, graph = Model(tmp_path, threads=1), program(tmp_path)
    turned = images.transpose(2, 3).flip(2).contiguous()
    with torch.inference_mode():
        assert (model.plain()(images) - model.plain()(turned)).abs().max() > 0.01  # the network itself does not
        np.testing.assert_allclose(graph(images).numpy(), graph(turned).numpy(), atol=1e-5)
    np.testing.assert_allclose(session.probabilities(images.numpy()), session.probabilities(turned.numpy()), atol=1e-5)


def test_what_a_symmetric_answer_costs_stands_in_the_content_and_in_the_card(exported):
    content = read_json(exported / "model/model.json")
    assert content["evaluation"]["kind"] == "plain" and "rotations" not in model_card.render(content)
    found = exporting._cost(classifier("lenet", evaluation="symmetric"), energies(16))
    taken = found["milliseconds_per_shower"]
    assert found["kind"] == "symmetric" and found["views"] == 8
    assert min(taken.values()) > 0 and set(taken) == {
        "symmetric",
        "plain",
    }  # how long it takes, other processes decide, too
    card = model_card.render(content | {"evaluation": found})
    assert "over the 8 rotations and mirrors" in card and f"{taken['symmetric']:.2g} ms per shower" in card
    assert "rotations" not in model_card.render({key: content[key] for key in content if key != "evaluation"})


def test_graphs_name_their_batch_and_keep_no_trace_of_the_machine(tmp_path):
    import onnx

    model = classifier("lenet")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_graphs(model, tmp_path / name)
    for name in ("model.onnx", "model.pt2"):
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "other" / name).read_bytes()
        assert b".py" not in content and str(tmp_path).encode() not in content
    graph = onnx.load(tmp_path / "one/model.onnx")
    onnx.checker.check_model(graph)
    dimensions = graph.graph.input[0].type.tensor_type.shape.dim
    assert dimensions[0].dim_param == "batch" and [d.dim_value for d in dimensions[1:]] == [1, 80, 80]
    assert {item.key: item.value for item in graph.metadata_props}["classes"] == "iron,proton"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What a selection and a test leave behind, of a tiny network on small showers, and its export."""
    return make_export(tmp_path_factory.mktemp("exported"))


def test_the_folder_is_complete(exported):
    assert {path.name for path in (exported / "model").iterdir()} == set(exported_folder.FILES)
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=exported / "model", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_content_says_what_is_needed_to_use_and_to_judge_the_model(exported):
    content = read_json(exported / "model/model.json")
    assert content["input"]["channels"] == ["energy"] and content["input"]["units"] == ["GeV"]
    assert content["classes"] == {"iron": 5626, "proton": 14} and content["output"]["signal"] == "proton"
    assert content["test"] == {
        "f1": {"value": 0.9, "low": 0.8, "high": 0.95}, "accuracy": {"value": 0.9, "low": 0.8, "high": 0.95},
        "showers": 30, "confidence": 0.95,
    }  # fmt: skip
    validation = content["validation"]["accuracy"]
    assert validation["low"] <= validation["value"] <= validation["high"] and content["validation"]["confidence"] == 0.9
    assert content["data"]["train_sha256"] == sha256(exported / "dataset/train.h5")
    assert {"torch", "onnxruntime"} < content["packages"].keys()
    assert content["provenance"]["export"].keys() >= {"git_commit", "git_dirty", "lock_sha256", "command"}


def test_the_card_shows_surrogate_data_metrics_and_origin(exported):
    card = (exported / "model/MODEL_CARD.md").read_text()
    assert SURROGATE in card and "| f1 (of proton) | " in card and "0.9000 [0.8000, 0.9500]" in card
    assert "## Where it comes from" in card and "Publication" not in card
    assert "10 parameters and 1,234,567 multiply-adds for each shower" in card
    assert "The sealed showers give 0.9000 [0.8000, 0.9500]: -0.0200, 0.6 standard errors. That agrees." in card
    assert (
        "Validation f1 of the exported network: 0.9300 as measured, 0.9200 [0.8800, 0.9500] after correcting for the optimism of the selection."
        in card
    )
    assert "lenet-01234567 has the best mean." in card and "Exported: seed 1 is the only one." in card
    content = read_json(exported / "model/model.json")
    assert "candidates" not in content["selection"] and content["selection"]["optimism"]["raw"] == 0.93
    earlier = {name: value for name, value in content.items() if name not in ("selection", "multiply_adds")}
    assert "optimism of the selection" not in model_card.render(earlier) and "10 parameters (conf" in model_card.render(
        earlier
    )
    content["published"] = {
        "version": "1.2.0", "tag": "model@v1.2.0", "time": "now", "notes": ["Gates were ignored."],
        "behaviour": [{"name": "turned", "value": 0.25, "sense": "at most", "threshold": 0.1, "severity": "gate", "low": 0.2, "high": 0.3, "kept": False, "verdict": "failed"}],
    }  # fmt: skip
    published = model_card.render(content)
    assert (
        "**Gates were ignored.**" in published
        and "| turned | 0.25 [0.2, 0.3] | at most 0.1 | gate | **failed** |" in published
    )


def test_both_exports_are_checked_on_validation_showers(exported, tmp_path):
    arguments = (exported / "selection/checkpoint.pt", exported / "dataset/train.h5", tmp_path / "check.json")
    found = check_export(exported / "model", *arguments)
    assert found["largest_differences"].keys() == {"model.onnx", "model.pt2"} and json.loads(arguments[2].read_text())


def test_an_export_of_other_weights_is_refused(exported, tmp_path):
    other = classifier("lenet")
    for name in ("model.json", "model.onnx", "model.pt2"):
        (tmp_path / name).write_bytes((exported / "model" / name).read_bytes())
    torch.save(other.checkpoint(), tmp_path / "checkpoint.pt")
    with pytest.raises(DataError, match="differs from PyTorch's by"):
        check_export(tmp_path, tmp_path / "checkpoint.pt", exported / "dataset/train.h5", tmp_path / "check.json")
    assert not (tmp_path / "check.json").exists()


def test_files_that_do_not_belong_together_are_refused(exported, tmp_path):
    inputs = export_inputs(exported)
    changed = tmp_path / "checkpoint.pt"
    changed.write_bytes(inputs[1].read_bytes() + b"x")
    with pytest.raises(DataError, match="run the workflow again from the rule"):
        exporting.export_model(inputs[0], changed, *inputs[2:], tmp_path / "model", EXPERIMENT)
    assert not (tmp_path / "model").exists()


def test_the_folder_is_used_without_pytorch(exported):
    code = f"import sys; from cascada.export.predict import Model; Model({str(exported / 'model')!r}); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
