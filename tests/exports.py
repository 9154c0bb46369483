"""Exported folders for tests: tiny networks of every family, and all the files that an export is made from."""

import dataclasses
from pathlib import Path

import h5py
import torch
from showers import small_dataset

from cascada.core.files import sha256, write_json
from cascada.experiment.hyperparameters import Hyperparameters
from cascada.export import write as exporting
from cascada.models import Design, config_class
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.testing import evaluation

TINY = {
    "lenet": {"channels": (2, 4)},
    "resnet": {"channels": (2, 4, 4, 4, 4), "blocks": (1, 1, 1, 1)},
}


def classifier(family, channels=("energy",), network=None, **common):
    """Fresh weights behind a fitted transform; in evaluation mode. `network`: the family's own hyperparameters, tiny if omitted."""
    torch.manual_seed(3)
    hyperparameters = dataclasses.asdict(dataclasses.replace(Hyperparameters(), **common))
    hyperparameters |= dataclasses.asdict(config_class(family)(**(network or TINY.get(family, {}))))
    values = [hyperparameters[name] for name in ("transform", "threshold", "normalize")]
    design = Design.of(family, hyperparameters)
    network = design.build(len(channels), 2)
    return Classifier(
        fit_transform(energies(32, len(channels)), *values), network, design=design,
        channels=list(channels), class_names=["iron", "proton"],
    ).eval()  # fmt: skip


def members(number, **common):
    """Classifiers of one design with different weights, whose answers spread widely."""
    found = []
    for seed in range(number):
        model = classifier("lenet", **common)
        torch.manual_seed(seed)
        last = model.network.head[-1]
        torch.nn.init.normal_(last.weight, std=1.0)
        with torch.no_grad():
            logits = model(energies(32))
            last.weight.mul_(2 / logits.std(dim=0, keepdim=True).T)
            last.bias.copy_(-model(energies(32)).mean(dim=0))
        found.append(model)
    return found


def energies(number, channels=1):
    """Raw images [GeV] with empty cells and a wide range: (n, C, 80, 80)."""
    shape = (number, channels, 80, 80)
    return (torch.randn(shape, generator=torch.Generator().manual_seed(6)) * 2).exp().sub(1).clamp(min=0)


def make_export(folder: Path, seed: int = 1, showers: int = 120, network: dict | None = None) -> Path:
    """Write dataset/, selection/, test/ and model/ as the rules do; return the folder."""
    (folder / "dataset").mkdir(parents=True)
    small_dataset(folder / "dataset", showers)
    model = classifier("lenet", network=network)
    torch.manual_seed(seed)
    torch.nn.init.normal_(model.network.head[-1].weight, std=0.5)
    for name in ("selection", "test"):
        (folder / name).mkdir()
    torch.save(model.checkpoint(), folder / "selection/checkpoint.pt")
    digest = sha256(folder / "selection/checkpoint.pt")
    origin = {"git_commit": None, "git_dirty": None, "lock_sha256": None, "command": "a | test"}
    best = {
        "configuration": "lenet-01234567", "model": "lenet", "hyperparameters": model.hyperparameters, "seed": seed,
        "seeds": [seed], "epochs": 1, "best_epoch": 1, "parameters": 10, "metric": "f1", "number_of_configurations": 2,
        "number_of_trials": 2, "checkpoint_sha256": digest, "validation": {}, "provenance": origin,
    }  # fmt: skip
    promised = {"metric": "f1", "raw": 0.93, "corrected": 0.92, "low": 0.88, "high": 0.95, "confidence": 0.95}
    best |= {"multiply_adds": 1234567, "selection": {
        "why": "lenet-01234567 has the best mean.", "why_this_seed": "seed 1 is the only one.", "optimism": promised, "candidates": [{}, {}],
    }}  # fmt: skip
    interval = {"value": 0.9, "low": 0.8, "high": 0.95}
    test = {
        "f1": interval, "accuracy": interval, "confusion_matrix": {"value": [[1, 2]], "low": [[1, 2]], "high": [[1, 2]]},
        "showers": 30, "settings": {"confidence": 0.95}, "checkpoint_sha256": digest, "provenance": origin,
    }  # fmt: skip
    write_json(folder / "selection/best.json", best)
    write_json(folder / "test/metrics.json", test)
    scored = evaluation.predict(folder / "selection/checkpoint.pt", folder / "dataset/test.h5", None, "cpu", 1)
    evaluation._write_predictions(folder / "test/predictions.h5", scored, False)
    exporting.export_model(*export_inputs(folder), folder / "model", EXPERIMENT)
    return folder


EXPERIMENT = {"experiment": "tiny", "testing": {"bootstrap": 20, "confidence": 0.9, "seed": 1}}


def export_inputs(folder):
    names = ("selection/best.json", "selection/checkpoint.pt", "dataset/train.h5", "dataset/summary.json")
    return [folder / name for name in (*names, "test/metrics.json", "test/predictions.h5")]


def read(path):
    """All data sets and attributes of a file of predictions."""
    with h5py.File(path, "r") as file:
        return {name: file[name][:] for name in file} | dict(file.attrs)
