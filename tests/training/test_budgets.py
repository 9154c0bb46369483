"""What a finished trial leaves: state.pt, from which a longer budget goes on, and scores.npy."""

import hashlib
import json

import h5py
import numpy as np
import pytest
import torch
import trials
from showers import small_dataset

from cascada.models.classifier import load_classifier
from cascada.statistics import metrics

CLOCK = {"wall_seconds", "training_seconds", "samples_per_second", "peak_memory_mb"}
DIVERGES = {"optimizer": "sgd", "learning_rate": 1e30, "transform": "linear", "normalize": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    train, _ = small_dataset(tmp_path_factory.mktemp("data"), showers=300)
    return train


def budget(folder, data, epochs, **changes):
    """A trial whose folder is named as the workflow does; all budgets share TensorBoard's run."""
    return trials.specification(folder, data, epochs=epochs, **changes) | {"folder": str(folder / f"epochs-{epochs}")}


def outputs(folder, epochs):
    """What determines that two trials are the same, bit for bit."""
    trial = folder / f"epochs-{epochs}"
    described = json.loads((trial / "metrics.json").read_text())
    lines = [line.split("\t") for line in (trial / "history.tsv").read_text().splitlines()]
    kept = [i for i, name in enumerate(lines[0]) if name.startswith(("epoch", "training_", "validation_", "learning"))]
    scores = trial / "scores.npy"
    return {
        "checkpoint": hashlib.sha256((trial / "checkpoint.pt").read_bytes()).hexdigest(),
        "scores": hashlib.sha256(scores.read_bytes()).hexdigest() if scores.exists() else None,
        "metrics": {name: value for name, value in described.items() if name not in CLOCK},
        "history": [[line[i] for i in kept] for line in lines],
    }


def points(folder, tag):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert len(list((folder / "tensorboard").iterdir())) == 1, "one run"
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return [(point.step, point.value) for point in events.Scalars(tag)]


@pytest.mark.parametrize(
    "hyperparameters",
    [{}, {"averaging": 0.9}, {"evaluation": "symmetric"}, {"optimizer": "sgd"}],
    ids=["plain", "averaging", "symmetric", "sgd"],
)
def test_2_4_12_epochs_are_12_in_one_go(tmp_path, data, hyperparameters):
    once, steps = tmp_path / "once", tmp_path / "steps"
    trials.run(budget(once, data, 12, hyperparameters=hyperparameters))
    for epochs in (2, 4, 12):
        said = []
        trials.run(budget(steps, data, epochs, hyperparameters=hyperparameters), said.append)
        trained = [line.partition("/")[0] for line in said if line.startswith("epoch ")]
        assert trained == [f"epoch {n}" for n in range({2: 1, 4: 3, 12: 5}[epochs], epochs + 1)]
    assert any("epochs-4/state.pt" in line for line in said)
    assert outputs(steps, 12) == outputs(once, 12)
    for tag in ("loss/validation", "f1/training", "best/validation_f1"):
        assert points(steps, tag) == points(once, tag)


@pytest.mark.parametrize("at", [1, 3])
def test_a_longer_budget_that_is_interrupted_ends_with_the_same_bits(tmp_path, data, at):
    once, steps = tmp_path / "once", tmp_path / "steps"
    trials.run(budget(once, data, 6))
    trials.run(budget(steps, data, 2))
    process = trials.start(budget(steps, data, 6))
    for line in process.stdout:
        if line.startswith(f"epoch {2 + at}/"):
            process.terminate()
            break
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0, output
    said = []
    trials.run(budget(steps, data, 6), said.append)
    assert any("resume.pt" in line for line in said)
    assert outputs(steps, 6) == outputs(once, 6)


def test_a_diverged_trial_stays_so_under_a_longer_budget(tmp_path, data):
    once, steps = tmp_path / "once", tmp_path / "steps"
    assert trials.run(budget(once, data, 4, hyperparameters=DIVERGES))["status"] == "diverged"
    for epochs in (1, 2, 4):
        said = []
        trials.run(budget(steps, data, epochs, hyperparameters=DIVERGES), said.append)
    assert not [line for line in said if line.startswith("epoch ")]
    assert outputs(steps, 4) == outputs(once, 4) and outputs(once, 4)["metrics"]["scores"] is None
    assert (steps / "epochs-4/state.pt").exists()


@pytest.mark.parametrize("foreign", ["code", "data", "configuration", "damaged"])
def test_a_foreign_state_is_left_alone_and_said(tmp_path, data, foreign):
    once, steps = tmp_path / "once", tmp_path / "steps"
    trials.run(budget(once, data, 3))
    other, change = data, {}
    if foreign == "code":
        change = {"code": "0123"}
    elif foreign == "configuration":
        change = {"hyperparameters": {"learning_rate": 0.01}}
    elif foreign == "data":
        other = tmp_path / "other.h5"
        other.write_bytes(data.read_bytes())
        with h5py.File(other, "r+") as file:
            file["images"][0] *= 2
    trials.run(budget(steps, other, 2, **change))
    if foreign == "damaged":
        (steps / "epochs-2/state.pt").write_bytes(b"half a file")
    said = []
    trials.run(budget(steps, data, 3), said.append)
    assert any("state.pt" in line and "ignored" in line for line in said) and "starting over" in said
    assert outputs(steps, 3) == outputs(once, 3)


def test_a_foreign_state_does_not_hide_a_shorter_one_that_fits(tmp_path, data):
    trials.run(budget(tmp_path, data, 1))
    trials.run(budget(tmp_path, data, 2, code="another"))
    said = []
    trials.run(budget(tmp_path, data, 3), said.append)
    assert "starting over" not in said and any("epochs-1/state.pt" in line for line in said if "resuming" in line)


def test_a_shorter_budget_does_not_start_from_a_longer_one(tmp_path, data):
    once, steps = tmp_path / "once", tmp_path / "steps"
    trials.run(budget(once, data, 2))
    trials.run(budget(steps, data, 4))
    trials.run(budget(steps, data, 2))
    assert outputs(steps, 2) == outputs(once, 2)


@pytest.mark.parametrize("evaluation", ["plain", "symmetric"])
def test_scores_are_what_the_checkpoint_answers_and_give_the_metrics(tmp_path, data, evaluation):
    from cascada.data.loading import Showers

    result = trials.run(budget(tmp_path, data, 3, hyperparameters={"evaluation": evaluation}))
    scores = np.load(tmp_path / "epochs-3/scores.npy", allow_pickle=False)
    showers = Showers(data, "validation")
    with torch.inference_mode():
        answers = load_classifier(tmp_path / "epochs-3/checkpoint.pt")(showers.images()).numpy()
    assert scores.dtype == np.float32 and scores.shape == answers.shape == tuple(result["scores"]["shape"])
    np.testing.assert_allclose(scores, answers, rtol=1e-4, atol=1e-5)
    assert metrics.evaluate(scores, showers.labels.numpy(), showers.signal) == result["validation"]
    assert result["scores"]["sha256"] == hashlib.sha256((tmp_path / "epochs-3/scores.npy").read_bytes()).hexdigest()
