"""The rule as a whole: settings, the run under pytest, its files, every kind of predictor."""

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from probing import SETTINGS, recipe, well_behaved

from cascada.behaviour import predictors, runner
from cascada.behaviour.probes import PROBES
from cascada.behaviour.settings import LIMITS, Limit, Settings
from cascada.behaviour.subject import Subject
from cascada.core.errors import ConfigError
from cascada.data.format import new_events
from cascada.experiment.schema import check, complete
from cascada.statistics.verdicts import conclusion, names, stopping

ROOT = Path(__file__).parents[2]


def test_the_schema_has_the_same_defaults():
    schema = complete(ROOT / "rules/schemas/config.schema.yaml")["properties"]["behaviour"]
    default = Settings()
    for name in ("showers", "seed", "bootstrap", "confidence"):
        assert schema["properties"][name]["default"] == getattr(default, name)
    section: dict = {"behaviour": {}}
    check(section, {"properties": {"behaviour": schema}})
    assert Settings.of({"probes": section["behaviour"]["probes"]}).limits == LIMITS
    assert section["behaviour"]["probes"]["symmetry_flips_unaveraged"] == {"threshold": 0.01, "severity": "warn"}


def test_settings_of_a_config():
    found = Settings.of({"showers": 10, "probes": {"noise_auc": {"severity": "warn"}}})
    assert found.showers == 10 and found.limits["noise_auc"] == Limit(0.75, "warn")
    with pytest.raises(ConfigError, match=r"'noise' given.*known are"):
        Settings.of({"probes": {"noise": {}}})
    with pytest.raises(ConfigError, match=r"severity: 'stop' given, allowed are \['gate', 'warn'\]"):
        Settings.of({"probes": {"noise_auc": {"severity": "stop"}}})


def cases(path):
    return {case.get("name"): case for case in xml.etree.ElementTree.parse(path).iter("testcase")}


def strict(showers, severity):
    """A model that behaves, with one threshold that nothing keeps."""
    limits = LIMITS | {"symmetry_change": Limit(-1.0, severity)}
    return Subject(well_behaved, *showers, Settings(bootstrap=50, limits=limits))


def test_a_run_leaves_a_junit_file(showers, tmp_path, capsys):
    judged = runner.run(strict(showers, "gate"), tmp_path / "behaviour.xml")
    assert names(judged, "gate", "failed") == stopping(judged) == ["symmetry_change"]
    found = cases(tmp_path / "behaviour.xml")
    assert len(found) == len(PROBES)
    failures = {name for name, case in found.items() if case.find("failure") is not None}
    assert failures == {"test_behaviour[symmetries]"}
    assert "failed: symmetry_change 0 [0, 0], at most -1 (mean" in found["test_behaviour[symmetries]"].find(
        "failure"
    ).get("message")
    assert found["test_behaviour[shuffled_labels]"].find("skipped") is not None  # nobody knows the recipe
    assert "test_behaviour[symmetries]" in capsys.readouterr().out


def test_a_failed_warning_is_no_failure(showers, tmp_path):
    judged = runner.run(strict(showers, "warn"), tmp_path / "behaviour.xml")
    assert stopping(judged) == [] and names(judged, "warn", "failed") == ["symmetry_change"]
    assert not any(case.find("failure") is not None for case in cases(tmp_path / "behaviour.xml").values())


AS_A_RULE = """
import sys
from pathlib import Path
import numpy as np
from cascada.behaviour import runner
from cascada.behaviour.settings import Settings
from cascada.behaviour.subject import Subject
from cascada.data.format import new_events
events = new_events(8)
events["label"], events["true_energy"] = [0, 1] * 4, range(1000, 9000, 1000)
images = np.ones((8, 1, 80, 80), np.float32)
subject = Subject(lambda images: np.full((len(images), 2), 0.5), images, events, Settings(bootstrap=5))
print("measured", len(runner.run(subject, Path(sys.argv[1]))))
"""


def test_the_project_s_own_conftest_is_not_read(tmp_path):
    """A rule's script has no tests/ on its path, which conftest.py in the project's folder imports from."""
    command = [sys.executable, "-c", AS_A_RULE, str(tmp_path / "behaviour.xml")]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)
    assert done.returncode == 0 and "measured 17" in done.stdout, done.stdout + done.stderr


def test_a_crash_is_raised_and_leaves_nothing(showers, tmp_path):
    def crashes(images):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        runner.run(Subject(crashes, *showers, SETTINGS), tmp_path / "behaviour.xml")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def selected(data, tmp_path_factory):
    """A checkpoint of a short training, and best.json."""
    import torch

    from cascada.core.files import sha256, write_json
    from cascada.training.trial import Machine, Trainer, Trial

    folder = tmp_path_factory.mktemp("selected")
    hyperparameters = recipe(data).hyperparameters | {
        "evaluation": "symmetric"
    }  # so that every probe has something to say
    trial = Trial.of(
        configuration="lenet-00000000", model="lenet", hyperparameters=hyperparameters, settings={"precision": "float32"},
        seed=1, epochs=1, data=data, folder=folder, tensorboard=folder,
    )  # fmt: skip
    trainer = Trainer(trial, Machine(device="cpu"))
    trainer.epoch(False, lambda state: None)
    torch.save(trainer.classifier.eval().checkpoint(), folder / "checkpoint.pt")
    about = {"configuration": "lenet-00000000", "seed": 1, "model": "lenet", "hyperparameters": hyperparameters}
    write_json(folder / "best.json", about | {"checkpoint_sha256": sha256(folder / "checkpoint.pt")})
    return folder


@pytest.mark.training
def test_the_rule_writes_what_publishing_reads(selected, data, tmp_path):
    content = runner.test_behaviour(
        best=selected / "best.json", checkpoint=selected / "checkpoint.pt", train=data, xml=tmp_path / "behaviour.xml",
        report=tmp_path / "behaviour.json", settings={"bootstrap": 20}, device="cpu", threads=1,
    )  # fmt: skip
    written = json.loads((tmp_path / "behaviour.json").read_text())
    assert [one["name"] for one in written["probes"]] == list(LIMITS) or set(LIMITS) == {
        p["name"] for p in written["probes"]
    }
    for one in written["probes"]:
        assert {"name", "value", "low", "high", "threshold", "severity", "kept", "verdict"} <= one.keys()
    assert written["gates_failed"] == names(content["probes"], "gate", "failed")
    assert written["conclusion"] == conclusion(content["probes"])
    assert cases(tmp_path / "behaviour.xml").keys() == {f"test_behaviour[{name}]" for name in PROBES}


@pytest.mark.training
def test_all_predictors_of_one_model_agree(selected, data, tmp_path):
    """The exported files are probed as the checkpoint is."""
    import onnxruntime

    from cascada.export.graphs import write_graphs
    from cascada.models.classifier import load_classifier

    write_graphs(load_classifier(selected / "checkpoint.pt"), tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    onnx = predictors.from_callable(lambda images: session.run(None, {"images": images})[0], logits=False)
    checkpoint = predictors.from_checkpoint(selected / "checkpoint.pt")
    images = Subject.read(data, checkpoint, SETTINGS).images
    for other in (onnx, predictors.from_program(tmp_path)):
        np.testing.assert_allclose(other(images), checkpoint(images), atol=1e-5)
        subject = Subject(other, images, new_events(len(images)), SETTINGS)
        assert {one.name: one.value <= 1e-5 for one in PROBES["batches"](subject)} == {
            "batch_size_change": True, "batch_order_change": True,
        }  # fmt: skip
