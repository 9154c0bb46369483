"""What a finished trial leaves: checkpoint.pt, history.tsv and metrics.json.

Beside them, as no declared outputs: scores.npy, what the kept classifier answers on the validation showers, and state.pt, from
which a longer budget goes on. Undeclared, as results of earlier releases lack them and may stay as they are.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cascada.core import machine
from cascada.core.files import atomic_path, write_json
from cascada.training import scores
from cascada.training.settings import METRICS, Trial
from cascada.training.state import State


@dataclass(kw_only=True, slots=True)
class Conditions:
    """What a training ran with; `showers`: in its training split, `signal`: name of the signal class."""

    device: torch.device
    threads: int
    precision: torch.dtype
    memory_tier: str
    showers: int
    signal: str
    parameters: int
    data_sha256: str
    wall_seconds: float  # of all attempts, those of shorter budgets included that it went on from


def describe(trial: Trial, state: State, validation: dict | None, conditions: Conditions) -> dict:
    """Return the content of metrics.json; a diverged trial without a best epoch has null for its metrics.

    `validation`: metrics of the best epoch, where the history's are not those that count. `training` is what the best epoch's
    steps gave, on augmented showers and with weights that were on their way.
    """
    best = state.best_row() or dict.fromkeys(state.history[-1])
    on_gpu = conditions.device.type == "cuda"
    return {
        "configuration": trial.configuration,
        "model": trial.design.model,
        "hyperparameters": trial.hyperparameters(),
        "seed": trial.seed,
        "epochs": trial.epochs,
        "status": state.status,
        "validation": validation or {name: best[f"validation_{name}"] for name in METRICS},
        "training": {name: best[f"training_{name}"] for name in METRICS},
        "signal": conditions.signal,
        "best_epoch": state.best_epoch,
        "threads": conditions.threads,
        "precision": str(conditions.precision).removeprefix("torch."),
        "memory_tier": conditions.memory_tier,
        "wall_seconds": conditions.wall_seconds,
        "training_seconds": state.seconds,
        "samples_per_second": conditions.showers * len(state.history) / max(state.seconds, 1e-9),
        "device": machine.describe(conditions.device),
        "peak_memory_mb": machine.peak_memory_mb(conditions.device),
        "gpu_hours": state.seconds / 3600 if on_gpu else 0.0,
        "parameters": conditions.parameters,
        "versions": machine.versions(),
        "data_sha256": conditions.data_sha256,
        **machine.job(),
    }


def write(folder: Path, checkpoint: dict, history: list[dict], logits: np.ndarray | None, result: dict) -> None:
    """Write checkpoint.pt, history.tsv, scores.npy (logits (N, K)) and, as it says that all is done, metrics.json last."""
    scores.write(folder, logits)
    # a file object, not a path: the archive would carry the temporary file's name, and no two runs the same bytes
    with atomic_path(folder / "checkpoint.pt") as temporary, temporary.open("wb") as file:
        torch.save(checkpoint, file)
    with atomic_path(folder / "history.tsv") as temporary:
        lines = ["\t".join(history[0])] + ["\t".join(str(value) for value in row.values()) for row in history]
        temporary.write_text("\n".join(lines) + "\n")
    write_json(folder / "metrics.json", result)
