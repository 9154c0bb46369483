"""A trial that fails and the search that goes on without it: `training.on_failure: record`.

What is recorded is an error inside the training (a GPU's memory that does not suffice, say), a trial that is killed from
outside again and again, which cannot write anything itself: its starts are counted, and one that has met its time limit as often as
the executor allows. Not recorded is what says nothing of the trial: an experiment that cannot be used, a file system that is full, any other
interruption.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from cascada.core import machine
from cascada.core.errors import CascadaError
from cascada.core.files import atomic_path, read_json, write_json, write_text
from cascada.training import leftovers
from cascada.training.interruption import Interrupted
from cascada.training.settings import METRICS, Trial

DETERMINES_NO_RESULT = True  # for cascada.core.digest: a trial that ends otherwise has its bits

STOP, RECORD = "stop", "record"
FAILED = "failed"  # status of such a trial
MOST_STARTS = 3  # without one more epoch done
STARTS = "starts.json"
REQUEUES_LEFT_VARIABLE = "SNAKEMAKE_SUBMITIT_REQUEUES_LEFT"


@contextlib.contextmanager
def recorded(trial: Trial, on_failure: str, report=print) -> Iterator[bool]:
    """Yield whether to train; with `record`, turn an error into the outputs of a failed trial.

    What an attempt left that was killed at its very end is put right before.
    """
    started = time.time()
    leftovers.settle(trial)
    if on_failure != RECORD:
        yield True
        return
    trial.folder.mkdir(parents=True, exist_ok=True)
    if count_start(trial.folder) > MOST_STARTS:
        reason = (
            f"killed from outside: {MOST_STARTS} starts without one more epoch (time limit or memory of the machine?)"
        )
        write(trial, reason, started, report)
        yield False
        return
    try:
        yield True
    except (CascadaError, OSError):
        raise
    except Interrupted as error:
        if not out_of_time(error):
            raise
        write(trial, f"out of time, and no further start is allowed: {error}", started, report)
    except Exception as error:
        write(trial, f"{type(error).__name__}: {' '.join(str(error).split())}", started, report)
    (trial.folder / STARTS).unlink(missing_ok=True)


def out_of_time(error: Interrupted) -> bool:
    """Whether a training was warned of its time limit (SIGUSR2) in the last allocation that it gets (submitit-max-requeues)."""
    warned = str(error).startswith(f"signal {signal.SIGUSR2.name}:")
    return warned and os.environ.get(REQUEUES_LEFT_VARIABLE) == "0"


def count_start(folder: Path) -> int:
    """Count a start in `starts.json`; return how many there have been since the last epoch that was done or saved."""
    progress = _read(folder / "progress.json")
    # an attempt that ended in good order got somewhere, in whatever part of an epoch
    reached = [progress.get("epoch", 1), progress.get("time") if progress.get("status") == "saved" else None]
    before = _read(folder / STARTS)
    starts = before.get("starts", 0) + 1 if before.get("reached") == reached else 1
    write_json(folder / STARTS, {"reached": reached, "starts": starts})
    return starts


def _read(path: Path) -> dict:
    try:
        return read_json(path)
    except (OSError, ValueError):  # neither there nor whole: nothing is known
        return {}


def write(trial: Trial, reason: str, started: float, report=print) -> None:
    """Write the outputs of a failed trial: no weights, no epochs, and metrics.json with the reason."""
    with atomic_path(trial.folder / "checkpoint.pt") as temporary, temporary.open("wb") as file:
        torch.save({"failed": reason}, file)
    write_text(trial.folder / "history.tsv", "epoch\n")
    write_json(trial.folder / "metrics.json", describe(trial, reason, time.time() - started))
    report(f"{trial.configuration}, seed {trial.seed}: recorded as failed. {reason}")


def describe(trial: Trial, reason: str, seconds: float) -> dict[str, Any]:
    """The content of metrics.json of a failed trial."""
    nothing = dict.fromkeys(METRICS)
    return {
        "configuration": trial.configuration,
        "model": trial.design.model,
        "hyperparameters": trial.hyperparameters(),
        "seed": trial.seed,
        "epochs": trial.epochs,
        "status": FAILED,
        "reason": reason,
        "validation": nothing,
        "training": nothing,
        "best_epoch": 0,
        "parameters": None,
        "wall_seconds": seconds,
        "training_seconds": None,
        "samples_per_second": None,
        "gpu_hours": 0.0,
        "versions": machine.versions(),
        **machine.job(),
    }
