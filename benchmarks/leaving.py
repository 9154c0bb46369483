"""What a trial leaves beside its outputs costs: scores, state and the ledger of attempts, as a share of a demonstration trial.

    python -m benchmarks.leaving [EPOCHS]

Processor time of the functions that write them (the longer resume file is counted by what its scores add), against that of the whole
trial in the same run, so that a busy machine disturbs both alike. A trial of fewer epochs than the demonstration's 24 has the
larger share. Goal: 0.99 of the trial's time is left for the training, as without them.
"""

import contextlib
import functools
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import torch
import yaml

from benchmarks.training import write_showers
from cascada.training import resume, scores
from cascada.training.attempts import Attempt
from cascada.training.trial import Machine, Trial, train

ROOT = Path(__file__).parents[1]
SHOWERS = 4500
GOAL = 0.99
PARTS = [(scores, "describe"), (scores, "write"), (resume.ResumeFile, "keep_as")]
PARTS += [(Attempt, name) for name in ("__init__", "__enter__", "begin", "so_far", "wall_seconds", "__exit__")]


def main(epochs: int = 6) -> list[tuple[str, float, float]]:
    """Print a table and return its rows: family, share of the trial's time that is not spent on what it leaves, goal."""
    models, rows = yaml.safe_load((ROOT / "config.yaml").read_text())["search"]["models"], []
    print(f"{epochs} epochs of {SHOWERS} showers, one thread; processor time")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "train.h5"
        write_showers(data, SHOWERS)
        for family, space in models.items():
            trial = Trial.of(
                configuration=f"{family}-00000000", model=family, hyperparameters=space | {"learning_rate": 0.001},
                settings={"metric": "f1", "precision": "float32"}, seed=1, epochs=epochs, data=data,
                folder=Path(folder) / family / f"epochs-{epochs}", tensorboard=Path(folder) / family / "tensorboard",
            )  # fmt: skip
            whole, parts = measure(trial)
            larger = larger_snapshots(trial) * epochs
            extra = sum(parts.values()) + larger
            share = 1 - extra / whole
            listed = ", ".join(f"{name} {1000 * spent:.1f}" for name, spent in parts.items())
            print(
                f"{family:<8} {share:.4f}, goal {GOAL}; {whole:.1f} s, of which [ms]: {listed}, in resume.pt {1000 * larger:.1f}"
            )
            rows.append((f"{family}, training / training and what it leaves", share, GOAL))
    return rows


def measure(trial: Trial) -> tuple[float, dict[str, float]]:
    """Train; return the processor seconds of the trial and of each part, those of nested parts counted once."""
    spent, depth = {}, [0]

    def timed(name, function):
        @functools.wraps(function)
        def call(*arguments, **keywords):
            start, depth[0] = time.process_time(), depth[0] + 1
            try:
                return function(*arguments, **keywords)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    spent[name] = spent.get(name, 0.0) + time.process_time() - start

        return call

    with contextlib.ExitStack() as stack:
        for owner, name in PARTS:
            stack.enter_context(mock.patch.object(owner, name, timed(name.strip("_"), getattr(owner, name))))
        start = time.process_time()
        train(trial, Machine(device="cpu", threads=1), report=lambda text: None)
        return time.process_time() - start, spent


def larger_snapshots(trial: Trial, times: int = 20) -> float:
    """Processor seconds that the scores add to writing one snapshot."""
    state = torch.load(trial.folder / resume.STATE, weights_only=True)
    seconds = []
    for content in (
        state["snapshot"],
        state["snapshot"] | {"state": state["snapshot"]["state"] | {"best_scores": None}},
    ):
        file = resume.ResumeFile(trial.folder / "again.pt", "again", torch.device("cpu"))
        start = time.process_time()
        for _ in range(times):
            file.write(content)
        seconds.append((time.process_time() - start) / times)
    return max(0.0, seconds[0] - seconds[1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
