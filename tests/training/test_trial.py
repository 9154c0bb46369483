"""Training: outputs, the same bits for the same seed, interruptions of every kind, divergence, memory tiers."""

import errno
import json
import os
import signal
import time

import h5py
import pytest
import torch
import trials

from cascada.core.errors import CascadaError
from cascada.training import resume


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("uninterrupted")
    result = trials.run(trials.specification(folder, data))
    return folder, result


def points(folder, tag="loss/validation"):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    names = events.Tags()["scalars"]
    assert tag in names
    return [point.step for point in events.Scalars(tag)]


def test_f1_of_a_trial_is_that_of_the_named_signal(data, tmp_path):
    """Iron as signal: another F1, the same training. So little of it that the classes are taken for each other unevenly."""
    rows = {}
    for name in ("proton", "iron"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "train.h5").write_bytes(data.read_bytes())
        if name == "iron":
            with h5py.File(folder / "train.h5", "r+") as file:
                file.attrs["signal"] = "iron"
        slow = trials.specification(folder, folder / "train.h5", epochs=1, hyperparameters={"learning_rate": 1e-5})
        assert trials.run(slow)["signal"] == name
        (rows[name],) = trials.history(folder)
    for key, value in rows["iron"].items():
        if key.endswith("_f1"):
            assert value != rows["proton"][key]
        else:
            assert float(value) == pytest.approx(float(rows["proton"][key]), rel=1e-12), key


def test_a_trial_leaves_its_outputs(uninterrupted):
    folder, result = uninterrupted
    written = json.loads((folder / "trial/metrics.json").read_text())
    assert written["status"] == "completed"
    assert written["configuration"] == "lenet-0123abcd" and written["seed"] == 7 and written["epochs"] == 3
    assert 1 <= written["best_epoch"] <= 3
    assert written["validation"].keys() == written["training"].keys() == {"loss", "accuracy", "f1", "roc_auc"}
    assert written["validation"]["f1"] == pytest.approx(result["validation"]["f1"])
    assert written["peak_memory_mb"]["host"] > 50 and written["gpu_hours"] == 0 and written["parameters"] > 1000
    assert [row["epoch"] for row in trials.history(folder)] == ["1", "2", "3"]
    assert json.loads((folder / "trial/progress.json").read_text())["status"] == "completed"
    assert not (folder / "trial/resume.pt").exists()


def test_the_network_learns(uninterrupted):
    assert uninterrupted[1]["validation"]["accuracy"] > 0.8


def test_same_seed_gives_the_same_bits(tmp_path, data, uninterrupted):
    trials.run(trials.specification(tmp_path, data))
    assert trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted[0]))
    assert trials.history(tmp_path) == trials.history(uninterrupted[0])


def test_another_seed_gives_other_bits(tmp_path, data, uninterrupted):
    trials.run(trials.specification(tmp_path, data, seed=8))
    assert not trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted[0]))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_trial_ends_with_the_same_bits(tmp_path, data, uninterrupted, number):
    trial, marker = trials.specification(tmp_path, data), tmp_path / "marker"
    process = trials.start(trial, SNAKEMAKE_SUBMITIT_REQUEUE_MARKER=str(marker))
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            process.send_signal(number)
            break
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0, output
    assert (tmp_path / "trial/resume.pt").exists()
    assert marker.exists() == (number != signal.SIGKILL)
    assert not (tmp_path / "trial/metrics.json").exists()
    messages = []
    trials.run(trial, messages.append)
    assert any("resuming at epoch" in message for message in messages)
    assert trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted[0]))
    assert trials.history(tmp_path) == trials.history(uninterrupted[0])
    assert points(tmp_path) == [1, 2, 3]


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(resume.fcntl, "flock", no_locks)
    with (
        pytest.raises(CascadaError, match=r"does not support locks \(No locks available\)"),
        resume.locked(tmp_path / "trial.lock"),
    ):
        pass


def test_two_processes_do_not_train_one_trial(tmp_path, data):
    process = trials.start(trials.specification(tmp_path, data, epochs=50))
    try:
        while not (tmp_path / "trial/progress.json").exists() and process.poll() is None:
            time.sleep(0.05)
        with pytest.raises(CascadaError, match="another process trains this trial"):
            trials.run(trials.specification(tmp_path, data, epochs=50))
    finally:
        process.kill()
        process.communicate()


def test_a_resume_file_of_another_configuration_is_left_alone(tmp_path, data, uninterrupted):
    process = trials.start(trials.specification(tmp_path, data, hyperparameters={"learning_rate": 0.01}))
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            process.kill()
            break
    process.communicate()
    messages = []
    trials.run(trials.specification(tmp_path, data), messages.append)
    assert any("another configuration, data set or code" in message for message in messages)
    assert trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted[0]))


def test_a_symmetric_trial_is_validated_so_once_for_its_final_metrics(tmp_path, data, uninterrupted):
    from cascada.data.loading import Showers
    from cascada.models.classifier import load_classifier

    result = trials.run(trials.specification(tmp_path, data, hyperparameters={"evaluation": "symmetric"}))
    assert trials.history(tmp_path) == trials.history(uninterrupted[0])
    assert trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted[0]))
    assert result["training"] == uninterrupted[1]["training"]
    classifier, showers = load_classifier(tmp_path / "trial/checkpoint.pt"), Showers(data, "validation", "cpu")
    for answer, expected in ((classifier, result), (classifier.plain(), uninterrupted[1])):
        with torch.inference_mode():
            loss = torch.nn.functional.cross_entropy(answer(showers.images()), showers.labels).item()
        assert expected["validation"]["loss"] == pytest.approx(loss, rel=1e-5)
    assert result["validation"]["loss"] != pytest.approx(uninterrupted[1]["validation"]["loss"], rel=1e-3)


def test_a_damaged_resume_file_begins_anew(tmp_path, data, uninterrupted):
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial/resume.pt").write_bytes(b"half a file")
    messages = []
    trials.run(trials.specification(tmp_path, data), messages.append)
    assert any("cannot be read" in message for message in messages)
    assert trials.history(tmp_path) == trials.history(uninterrupted[0])


def test_a_diverged_trial_is_a_result(tmp_path, data):
    settings = {"optimizer": "sgd", "learning_rate": 1e30, "transform": "linear", "normalize": False}
    result = trials.run(trials.specification(tmp_path, data, hyperparameters=settings))
    assert result["status"] == "diverged"
    assert json.loads((tmp_path / "trial/metrics.json").read_text())["status"] == "diverged"
    assert (tmp_path / "trial/checkpoint.pt").exists()


@pytest.mark.parametrize("tier", ["device", "host", "stream"])
def test_every_memory_tier_trains(tmp_path, data, uninterrupted, tier):
    result = trials.run(trials.specification(tmp_path, data), tier=tier)
    assert result["memory_tier"] == tier and result["validation"]["accuracy"] > 0.8
    if tier != "stream":  # which shuffles in another order
        assert trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted[0]))


def test_bfloat16_trains(tmp_path, data):
    settings = {"metric": "f1", "precision": "bfloat16"}
    result = trials.run(trials.specification(tmp_path, data, settings=settings))
    assert result["precision"] == "bfloat16" and result["validation"]["accuracy"] > 0.8


def test_the_profile_can_forbid_bfloat16(tmp_path, data):
    settings = {"metric": "f1", "precision": "bfloat16"}
    result = trials.run(trials.specification(tmp_path, data, settings=settings, epochs=1), precision="float32")
    assert result["precision"] == "float32"


@pytest.mark.workflow
def test_a_trial_ends_with_the_workflow_that_started_it(tmp_path, data):
    """Its ancestor here is a process called snakemake, as far as the command line tells."""
    import subprocess
    import sys

    trial = trials.specification(tmp_path, data, epochs=1000)
    starter = tmp_path / "snakemake"
    starter.write_text(
        "import json, sys, time, trials\n"
        "process = trials.start(json.loads(sys.argv[1]))\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    path = os.pathsep.join([str(trials.ROOT / "src"), str(trials.ROOT / "tests")])
    workflow = subprocess.Popen(
        [sys.executable, str(starter), json.dumps(trial)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(workflow.stdout.readline())
    deadline = time.monotonic() + 60
    while not (tmp_path / "trial/resume.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    workflow.kill()
    workflow.communicate()
    while time.monotonic() < deadline:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the trial outlived its workflow")
