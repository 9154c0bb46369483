"""What a trial keeps beside its outputs: the lock, the resume file, which ends as its state.pt, and progress.json.

None of them is a declared output, because Snakemake deletes those before it starts a job again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from cascada.core import machine
from cascada.core.errors import CascadaError
from cascada.core.files import atomic_path, write_json
from cascada.training.attempts import Attempt
from cascada.training.settings import Trial
from cascada.training.state import State

SECONDS_BETWEEN_REPORTS = 2.0
STATE = "state.pt"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on the trial; raise CascadaError if another process trains it."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CascadaError(
                f"{path.parent}: another process trains this trial (it holds {path.name}); wait for it or stop it."
            ) from error
        except OSError as error:
            raise CascadaError(
                f"{path}: the file system does not support locks ({error.strerror}), without which two processes could train one "
                "trial. Put the working directory on another one; Lustre supports them if mounted with -o flock."
            ) from error
        yield


def identity(trial: Trial, data_sha256: str, threads: int, precision: str, tier: str) -> str:
    """A hash of all that a resume file's numbers depend on; a file with another hash is ignored.

    Of the memory tiers, `stream` alone shuffles in another way.
    """
    content = {
        **trial.determines(),
        "data": data_sha256,
        "code": trial.code,
        "threads": threads,
        "precision": precision,
        "streamed": tier == "stream",
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class ResumeFile:
    """Snapshots of a training, whole or absent, tied to the trial's identity. The budget of epochs is no part of that."""

    def __init__(self, path: Path, known_as: str, device: torch.device):
        self.path, self._identity, self._device = path, known_as, device

    def read(self, report=print) -> dict | None:
        """Return the last snapshot, or None where there is none that belongs to this trial, data and code."""
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location=self._device, weights_only=True)
        except Exception as error:  # any damage means the same: it is ignored
            report(f"{self.path}: cannot be read ({error}); it is ignored")
            return None
        if content.get("identity") != self._identity:
            report(f"{self.path}: written for another configuration, data set or code; it is ignored")
            return None
        return content["snapshot"]

    def write(self, snapshot: dict) -> None:
        with atomic_path(self.path) as temporary:
            torch.save({"identity": self._identity, "snapshot": snapshot}, temporary)

    def at(self, path: Path) -> "ResumeFile":
        """The same trial's snapshot in another place."""
        return ResumeFile(path, self._identity, self._device)

    def keep_as(self, path: Path) -> None:
        """Rename the last snapshot: written after the last epoch, it is what a longer budget goes on from."""
        os.replace(self.path, path)


def last_snapshot(resume: ResumeFile, trial: Trial, report=print) -> tuple[dict | None, Path | None]:
    """Return what a training goes on from: its own resume file, else the state that the longest shorter budget left.

    And the file that it stands in; None and None where the training starts over.
    """
    found = [one for one in (resume, *(resume.at(path) for path in shorter_states(trial))) if one.path.exists()]
    for file in found:
        if snapshot := file.read(report):
            state = snapshot["state"]
            report(f"resuming at epoch {state['epoch']}, batch {state['batch']} from {file.path}")
            if file is not resume:  # a diverged trial has no epoch left that would write it
                resume.write(snapshot)
            return snapshot, file.path
    if found:
        report("starting over")
    return None, None


def shorter_states(trial: Trial) -> list[Path]:
    """Return state.pt of the same trial's shorter budgets (`epochs-<n>` beside its folder), the longest first."""
    budgets = {}
    for path in trial.folder.parent.glob(f"epochs-*/{STATE}"):
        if (name := re.fullmatch(r"epochs-(\d+)", path.parent.name)) and int(name[1]) < trial.epochs:
            budgets[int(name[1])] = path
    return [budgets[epochs] for epochs in sorted(budgets, reverse=True)]


class Progress:
    """progress.json: where a running trial stands, for whoever watches from another machine."""

    def __init__(self, trial: Trial, device: torch.device, steps: int, attempt: Attempt):
        self._path, self._device = trial.folder / "progress.json", device
        self._steps, self._attempt = steps, attempt
        self._epochs = trial.epochs
        self._content: dict[str, object] = {
            "configuration": trial.configuration,
            "seed": trial.seed,
            "epochs": trial.epochs,
            "device": machine.describe(device),
            "started": time.time(),
            **machine.job(),
        }
        self._next = 0.0

    def batch(self, state: State) -> None:
        """Called after every batch; writes every few seconds."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SECONDS_BETWEEN_REPORTS
            self._write("running", epoch=state.epoch, step=state.batch)

    def epoch(self, state: State, row: dict) -> None:
        self._content["last_epoch"] = row
        self._write("running", epoch=min(state.epoch, self._epochs), step=state.batch)

    def saved(self, state: State) -> None:
        """Called when an interruption ends this attempt."""
        self._write("saved", epoch=state.epoch, step=state.batch)

    def end(self, status: str) -> None:
        self._write(status, epoch=self._epochs, step=self._steps)

    def _write(self, status: str, epoch: int, step: int) -> None:
        self._content |= {"status": status, "epoch": epoch, "step": step, "steps": self._steps, "time": time.time()}
        self._content["usage"] = machine.usage(self._device)
        self._content["attempt"] = (
            self._attempt.so_far()
        )  # should this attempt be killed, the next one knows what it took
        write_json(self._path, self._content)
