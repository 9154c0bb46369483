"""Small trials for tests: in this process or, so that they can be killed, in another one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
HYPERPARAMETERS = {"batch_size": 32, "learning_rate": 0.002, "augmentation": "symmetries+shifts", "channels": [3, 5]}


def specification(folder: Path, data: Path, **changes) -> dict:
    """Plain values for `Trial`: `lenet`, three epochs; keyword arguments replace or add."""
    return {
        "configuration": "lenet-0123abcd",
        "model": "lenet",
        "hyperparameters": HYPERPARAMETERS | changes.pop("hyperparameters", {}),
        "settings": {"metric": "f1", "precision": "float32"},
        "seed": 7,
        "epochs": 3,
        "data": str(data),
        "folder": str(folder / "trial"),
        "tensorboard": str(folder / "tensorboard"),
    } | changes


def run(trial: dict, report=lambda text: None, **limits) -> dict:
    from cascada.training.trial import Machine, Trial, train

    paths = {name: Path(trial[name]) for name in ("data", "folder", "tensorboard")}
    return train(Trial.of(**(trial | paths)), Machine(device="cpu", **limits), report)


def start(trial: dict, **environment: str) -> subprocess.Popen:
    """Start the trial in a process of its own; its output can be read line by line."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, str(Path(__file__)), json.dumps(trial)],
        env=os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def weights(folder: Path) -> dict[str, np.ndarray]:
    """The tensors of a trial's checkpoint."""
    import torch

    content = torch.load(folder / "trial" / "checkpoint.pt", weights_only=True)
    state = next(value for value in content.values() if isinstance(value, dict) and any("weight" in k for k in value))
    return {name: tensor.numpy() for name, tensor in state.items()}


def history(folder: Path) -> list[dict]:
    """The rows of history.tsv without what depends on the clock and the load."""
    lines = [line.split("\t") for line in (folder / "trial" / "history.tsv").read_text().splitlines()]
    kept = [i for i, name in enumerate(lines[0]) if name.startswith(("epoch", "training_", "validation_", "learning"))]
    return [{lines[0][i]: line[i] for i in kept} for line in lines[1:]]


def same_weights(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]), print)
