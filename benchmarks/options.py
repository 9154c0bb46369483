"""What the options of a training cost: averaged weights and the parts of an augmentation against none, in one run.

    python -m benchmarks.options [SHOWERS]

Each line is the least of three epochs, the options in turns; on a processor its own time counts.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.training import clock, write_showers
from cascada.training.trial import Machine, Trainer, Trial

REPEATS = 3
OLD = "symmetries+shifts+scale"
OPTIONS = {
    "nothing": {},
    OLD: {"augmentation": OLD},
    "+ dead_cells": {"augmentation": f"{OLD}+dead_cells"},
    "+ noise": {"augmentation": f"{OLD}+noise"},
    "+ dead_cells + noise": {"augmentation": f"{OLD}+dead_cells+noise"},
    "+ dead_cells + noise, averaging": {"augmentation": f"{OLD}+dead_cells+noise", "averaging": 0.99},
}
FAMILIES = {"cae": {"first_channels": 8}, "lenet": {"channels": [6, 16]}}


def main() -> None:
    showers = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 2500
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "train.h5"
        write_showers(data, showers)
        for family, own in FAMILIES.items():
            trainers = {name: trainer(data, family, own | option) for name, option in OPTIONS.items()}
            best = dict.fromkeys(trainers, float("inf"))
            for _ in range(REPEATS):
                for name, one in trainers.items():
                    best[name] = min(best[name], seconds(one))
            print(f"{family}, {len(one.training)} showers, s per epoch:")
            for name, value in best.items():
                print(f"  {name:32} {value:7.2f}  {value / best['nothing']:5.2f}")


def trainer(data: Path, family: str, hyperparameters: dict) -> Trainer:
    trial = Trial.of(
        configuration=f"{family}-00000000", model=family, hyperparameters=hyperparameters,
        settings={"precision": "float32"}, seed=1, epochs=1, data=data, folder=data.parent, tensorboard=data.parent,
    )  # fmt: skip
    return Trainer(trial, Machine())


def seconds(one: Trainer) -> float:
    """Train and validate for an epoch."""
    started = clock(one.device.type)
    one.epoch(False, lambda state: None)
    one.finish_epoch()
    return clock(one.device.type) - started


if __name__ == "__main__":
    main()
