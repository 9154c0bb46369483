"""What a finished trial leaves: checkpoint.pt, history.tsv and metrics.json."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

from cascada.core import machine
from cascada.core.files import atomic_path, write_json

if TYPE_CHECKING:
    from cascada.training.trial import Trainer

METRICS = ("loss", "accuracy", "f1", "roc_auc")


def describe(trainer: Trainer, data_sha256: str, started: float) -> dict:
    """Return the content of metrics.json; a diverged trial without a best epoch has null for its metrics.

    `training` is what the best epoch's steps gave, on augmented showers and with weights that were on their way.
    """
    trial, state = trainer.trial, trainer.state
    best = trainer.best_row() or dict.fromkeys(state.history[-1])
    on_gpu = trainer.device.type == "cuda"
    return {
        "configuration": trial.configuration,
        "model": trial.model,
        "hyperparameters": trial.hyperparameters,
        "seed": trial.seed,
        "epochs": trial.epochs,
        "status": state.status,
        "validation": _symmetric(trainer) or {name: best[f"validation_{name}"] for name in METRICS},
        "training": {name: best[f"training_{name}"] for name in METRICS},
        "signal": trainer.training.classes[trainer.training.signal],
        "best_epoch": state.best_epoch,
        "threads": trainer.limits.threads,
        "precision": str(trainer.precision).removeprefix("torch."),
        "memory_tier": trainer.training.tier,
        "wall_seconds": time.time() - started,
        "training_seconds": state.seconds,
        "samples_per_second": len(trainer.training) * len(state.history) / max(state.seconds, 1e-9),
        "device": machine.describe(trainer.device),
        "peak_memory_mb": machine.peak_memory_mb(trainer.device),
        "gpu_hours": state.seconds / 3600 if on_gpu else 0.0,
        "parameters": sum(weights.numel() for weights in trainer.classifier.parameters()),
        "versions": machine.versions(),
        "data_sha256": data_sha256,
        **machine.job(),
    }


def _symmetric(trainer: Trainer) -> dict | None:
    """Validation metrics by the symmetric evaluation, which costs too much for every epoch; None where it is not asked for."""
    classifier, weights = trainer.classifier, trainer.state.best_weights
    if classifier.views == 1 or weights is None:
        return None
    classifier.load_state_dict(weights)
    return trainer.validate(classifier)


def write(trainer: Trainer, result: dict) -> None:
    """Write checkpoint.pt (the best epoch), history.tsv and, as it says that all is done, metrics.json last."""
    folder = trainer.trial.folder
    if trainer.state.best_weights is not None:
        trainer.classifier.load_state_dict(trainer.state.best_weights)
    # a file object, not a path: the archive would carry the temporary file's name, and no two runs the same bytes
    with atomic_path(folder / "checkpoint.pt") as temporary, temporary.open("wb") as file:
        torch.save(trainer.classifier.checkpoint(), file)
    with atomic_path(folder / "history.tsv") as temporary:
        history = trainer.state.history
        lines = ["\t".join(history[0])] + ["\t".join(str(value) for value in row.values()) for row in history]
        temporary.write_text("\n".join(lines) + "\n")
    write_json(folder / "metrics.json", result)
