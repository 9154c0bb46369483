"""attempts.jsonl of a trial: what each attempt took, also one that was saved, failed or killed. Undeclared, append-only.

A line holds `identity` (configuration, seed, data and code as a hash; null if it ended before that was known), `started` and `ended`
[s since 1970], `first_epoch`, `epochs` (trained, with the fraction of one that was not ended), `reason` of the end, `device`,
`host`, `job_id`, `cpu_seconds`, `gpu_seconds` (shared out between processes on the GPU), `peak_memory_mb`, `energy_joules` (null:
unknown), `versions` of the libraries, and of one that went on from a shorter budget `wall_seconds_before`. A killed attempt cannot write: the next one takes its
line from progress.json, which is at most a few seconds old, and its epochs from where it goes on itself if that is further on.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import torch

from cascada.core import machine
from cascada.core.energy import Meter
from cascada.core.files import read_json
from cascada.training.attempt_lines import NAME, of_identity, read
from cascada.training.interruption import Interrupted
from cascada.training.state import State

DETERMINES_NO_RESULT = True  # for cascada.core.digest: it tells what a training took


class Attempt:
    """One attempt at a trial. Use as a context, with the trial's lock held; its end appends the line."""

    def __init__(self, folder: Path, device: torch.device):
        self._folder, self._device = folder, device
        self._cpu, self._meter = time.process_time(), Meter(device)
        self._state, self._steps = State(), 1
        self._from = self._position()
        self._killed: dict[str, Any] | None = None  # the attempt before, while its line is still to be written
        self._line: dict[str, Any] = {
            "identity": None, "started": time.time(), "first_epoch": None,
            "device": machine.describe(device), "versions": machine.versions(), **machine.job(),
        }  # fmt: skip

    def __enter__(self) -> "Attempt":
        self._killed = _killed(self._folder)
        return self

    def begin(self, identity: str, state: State, steps: int, origin: Path | None) -> None:
        """Say where the training stands before its first step; `origin`: the snapshot that it goes on from.

        `steps`: batches in an epoch.
        """
        self._state, self._steps = state, steps
        self._from = self._position()
        self._line |= {"identity": identity, "first_epoch": state.epoch}
        here = origin is not None and origin.parent == self._folder
        self._write_killed(self._from if here else 0.0, identity)
        if origin is not None and not here:
            self._line["wall_seconds_before"] = _wall_seconds(origin.with_name("metrics.json"))

    def so_far(self) -> dict[str, Any]:
        """The line as it would be if the attempt ended now, without the reason."""
        self._meter.sample()
        return self._line | {
            "ended": time.time(),
            "epochs": max(0.0, self._position() - self._from),
            "cpu_seconds": time.process_time() - self._cpu,
            "gpu_seconds": self._meter.gpu_seconds,
            "peak_memory_mb": machine.peak_memory_mb(self._device),
            "energy_joules": {"gpu": self._meter.gpu_joules, "cpu": self._meter.cpu_joules},
        }

    def wall_seconds(self) -> float:
        """Seconds of all attempts at this trial until now, those of the shorter budgets included that it went on from."""
        lines = [*of_identity(read(self._folder), self._line["identity"]), self._line | {"ended": time.time()}]
        before = [line["wall_seconds_before"] for line in lines if "wall_seconds_before" in line]
        return sum(line["ended"] - line["started"] for line in lines) + (before[-1] if before else 0.0)

    def __exit__(self, _, error: BaseException | None, __) -> None:
        if isinstance(error, Interrupted):
            reason = "saved: " + str(error).partition(":")[0]
        else:
            reason = self._state.status if error is None else f"failed: {type(error).__name__}: {error}"
        self._write_killed()
        _append(self._folder, self.so_far() | {"reason": reason})

    def _write_killed(self, reached: float = 0.0, identity: str | None = None) -> None:
        """Write the line of the attempt before, if it could not. `reached`: the epochs that were saved for the same result."""
        if self._killed is not None:
            line, self._killed = self._killed, None
            if line["identity"] == identity:
                line["epochs"] += _missing([*of_identity(read(self._folder), identity), line], reached)
            _append(self._folder, line)

    def _position(self) -> float:
        return self._state.epoch - 1 + self._state.batch / self._steps


def _killed(folder: Path) -> dict[str, Any] | None:
    """The attempt of progress.json if it has no line: we hold the lock, so it is dead. One that had ended otherwise keeps that reason."""
    try:
        content = read_json(folder / "progress.json")
        attempt, status = content["attempt"], content["status"]
        known = {line["started"] for line in read(folder)}
        return (
            None if attempt["started"] in known else attempt | {"reason": "killed" if status == "running" else status}
        )
    except (OSError, ValueError, KeyError, TypeError):  # none, or of an earlier release
        return None


def _missing(lines: list[dict[str, Any]], reached: float) -> float:
    """Epochs that attempts at one result must have trained beyond what they say, as their state stands after `reached`. Pure.

    An epoch is saved a moment before it is reported: a kill between the two leaves a line that is one epoch short.
    """
    before = lines[0]["first_epoch"] - 1
    missing = reached - before - sum(line["epochs"] for line in lines)
    return missing if missing > 1e-6 else 0.0


def _append(folder: Path, line: dict[str, Any]) -> None:
    """One write of one line, on a line of its own even after one that was cut off."""
    path = folder / NAME
    with path.open("ab+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        broken = end > 0 and file.read(1) != b"\n"
        file.write((b"\n" if broken else b"") + json.dumps(line).encode() + b"\n")


def _wall_seconds(metrics: Path) -> float:
    try:
        return float(read_json(metrics)["wall_seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
