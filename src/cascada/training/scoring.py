"""Look for all trials' scores, and give those that lack them (results of earlier releases) theirs from their checkpoints.

Nothing is trained, and only validation showers are read. metrics.json is an output of the training and stays as it is: what
is scored afterwards is described in scores.json beside scores.npy.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cascada.core import machine
from cascada.core.errors import CascadaError, DataError
from cascada.core.files import read_json, sha256, write_json
from cascada.data.loading import Showers
from cascada.models import Design
from cascada.models.classifier import load_classifier
from cascada.models.multiply_adds import multiply_adds
from cascada.statistics import metrics
from cascada.training import scores
from cascada.training.failures import FAILED
from cascada.training.settings import Machine

DESCRIPTION = "scores.json"
OF_TRIAL = ("configuration", "model", "seed", "epochs", "status")
SAME_LOSS = {
    "rel_tol": 0.02,
    "abs_tol": 0.005,
}  # devices and bfloat16 round differently; another checkpoint is further away


@dataclass(slots=True)
class Validation:
    """The validation showers and what tells them from others."""

    data: Path
    showers: Showers
    sha256: str
    data_sha256: str

    @classmethod
    def of(cls, data: Path, limits: Machine) -> "Validation":
        machine.use_deterministically(limits.threads)
        showers = Showers(data, "validation", machine.choose_device(limits.device), limits.tier)
        return cls(data, showers, scores.identity_of(showers.events), sha256(data))


def score_trials(
    data: Path, metrics_files: list[Path], manifest: Path, limits: Machine, report=print
) -> dict[str, Any]:
    """Write the manifest search/scores.json: for every trial, where its scores are, their SHA-256, their shape and its cost.

    A trial that failed, or diverged without a best epoch, has null for the first three. Raises CascadaError where a trial was trained on other
    data than `data`, and where a checkpoint does not give its trial's metrics.
    """
    validation = Validation.of(data, limits)
    trials = [_entry(path, validation, report) for path in sorted(metrics_files)]
    content = {
        "data_sha256": validation.data_sha256,
        "showers": len(validation.showers),
        "showers_sha256": validation.sha256,
        "classes": list(validation.showers.classes),
        "signal": validation.showers.classes[validation.showers.signal],
        "trials": trials,
    }
    write_json(manifest, content)
    made = sum(trial["scored"] == "afterwards" for trial in trials)
    report(f"{len(trials)} trials: scores of {made} from their checkpoints, of the others as their trainings left them")
    return content


def load(entry: dict[str, Any]) -> np.ndarray:
    """Read the scores float32 (N, K) that a trial's entry of the manifest names; DataError where the file is another one."""
    path = Path(entry["path"])
    if not path.is_file() or sha256(path) != entry["sha256"]:
        what = "has changed since" if path.is_file() else "is missing, though"
        raise DataError(
            f"{path}: {what} search/scores.json was written; remove search/scores.json and run again: the trial is scored "
            "from its checkpoint."
        )
    return np.load(path, allow_pickle=False)


def _entry(metrics_file: Path, validation: Validation, report) -> dict[str, Any]:
    trial = read_json(metrics_file)
    if trial.get("data_sha256", validation.data_sha256) != validation.data_sha256:  # a failed trial names none
        raise CascadaError(
            f"{metrics_file}: trained on other data than {validation.data} is now; let the trial be trained again, with "
            "Snakemake's default --rerun-triggers."
        )
    described = _valid(metrics_file.parent, trial, validation.sha256)
    if described is None and trial["best_epoch"]:
        described = _score(metrics_file.parent, trial, validation)
        report(f"{metrics_file.parent}: scored from its checkpoint")
    return {
        **{name: trial[name] for name in OF_TRIAL},
        "path": str(metrics_file.with_name(scores.SCORES)) if described else None,
        "sha256": described["sha256"] if described else None,
        "shape": described["shape"] if described else None,
        "multiply_adds": _multiply_adds(trial, validation.showers),
        "scored": None if not described else "afterwards" if "checkpoint_sha256" in described else "by the training",
    }


def _multiply_adds(trial: dict[str, Any], showers: Showers) -> int | None:
    """None for a trial that failed: its network may be what failed."""
    if trial["status"] == FAILED:
        return None
    design = Design.of(trial["model"], trial["hyperparameters"])
    return multiply_adds(design, len(showers.channels), len(showers.classes))


def _valid(folder: Path, trial: dict[str, Any], showers_sha256: str) -> dict[str, Any] | None:
    """What describes scores.npy, from the training or from an earlier scoring, if the file is the one that is described."""
    path = folder / scores.SCORES
    if not path.is_file():
        return None
    found = {"sha256": sha256(path), "showers_sha256": showers_sha256}
    for described in (trial.get("scores"), _described_later(folder)):
        if described and all(described.get(name) == value for name, value in found.items()):
            return described
    return None


def _described_later(folder: Path) -> dict[str, Any] | None:
    """What scores.json says, if it is of the checkpoint that is there now."""
    try:
        described = read_json(folder / DESCRIPTION)
        return described if described["checkpoint_sha256"] == sha256(folder / "checkpoint.pt") else None
    except (OSError, ValueError, KeyError, TypeError):  # missing, cut off or edited: scored again
        return None


def _score(folder: Path, trial: dict[str, Any], validation: Validation) -> dict[str, Any]:
    """Compute a trial's scores from its checkpoint, compare with its metrics; write scores.npy and scores.json."""
    showers, checkpoint = validation.showers, folder / "checkpoint.pt"
    classifier = load_classifier(checkpoint, showers.device)
    if (classifier.channels, classifier.class_names) != (list(showers.channels), list(showers.classes)):
        raise DataError(f"{checkpoint}: of other channels or classes than {validation.data}; train the trial again.")
    logits, labels = scores.compute(classifier, showers, getattr(torch, trial["precision"]))
    found, expected = metrics.evaluate(logits, labels, showers.signal)["loss"], trial["validation"]["loss"]
    if not math.isclose(found, expected, **SAME_LOSS):
        raise DataError(
            f"{checkpoint}: its validation loss is {found:.4f}, metrics.json says {expected:.4f}: they are not of one training. "
            "Remove metrics.json, so that the trial is trained again."
        )
    scores.write(folder, logits)
    described = {**(scores.describe(logits, showers.events) or {}), "checkpoint_sha256": sha256(checkpoint)}
    write_json(folder / DESCRIPTION, described)
    return described
