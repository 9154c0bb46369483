"""From the start of a job to its first training step, against a bare script that makes one step on the same data.

    python -m benchmarks.startup

Each runs in a fresh process: imports, opening the data, fitting the input transform, one step. The part before, Snakemake
starting and reading the workflow, is measured as a dry-run of the smallest experiment. Processor time counts; the last
row is what is to be expected of a job on a quiet machine.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.training import FAMILIES, write_showers

ROOT = Path(__file__).resolve().parents[1]
SHOWERS, REPEATS = 4500, 5  # as many as the demonstration's train.h5
GOAL = 1.5

CASCADA = """
import json, os, sys
from pathlib import Path
from cascada.training import trial as training

step = training.Trainer.step

def first(self, *arguments):
    step(self, *arguments)
    os._exit(0)  # all that counts is done

training.Trainer.step = first
values = json.loads(sys.argv[1])
paths = {name: Path(values[name]) for name in ("data", "folder", "tensorboard")}
training.train(training.Trial.of(**(values | paths)), training.Machine(device="cpu"), lambda text: None)
raise SystemExit("no step was made")
"""

BARE = """
import os, sys
import h5py, torch
from torch import nn

torch.set_num_threads(1)
with h5py.File(sys.argv[1]) as file:
    events = file["events"][:]
    images = torch.from_numpy(file["images"][:][events["split"] == 0])
    labels = torch.from_numpy(events["label"][events["split"] == 0].astype("int64"))
images = (images - images.mean()) / images.std()
network = nn.Sequential(
    nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(16 * 17 * 17, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10), nn.ReLU(), nn.Linear(10, 2),
)
optimizer = torch.optim.Adam(network.parameters(), 0.001)
chosen = torch.randperm(len(labels))[:64]
nn.functional.cross_entropy(network(images[chosen]), labels[chosen]).backward()
optimizer.step()
os._exit(0)
"""


def seconds(command: list[str], folder: Path) -> float:
    """Return the processor time of a command that must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[:4]} failed:\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def trial(data: Path, folder: Path) -> dict:
    return {
        "configuration": "lenet-00000000", "model": "lenet", "seed": 1, "epochs": 1,
        "hyperparameters": {"batch_size": 64, "learning_rate": 0.001} | FAMILIES["lenet"],
        "settings": {"metric": "f1", "precision": "float32"},
        "data": str(data), "folder": str(folder / "trial"), "tensorboard": str(folder / "tensorboard"),
    }  # fmt: skip


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio, goal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = folder / "train.h5"
        write_showers(data, SHOWERS)
        commands = {
            "Cascada": ["-c", CASCADA, json.dumps(trial(data, folder))],
            "bare script": ["-c", BARE, str(data)],
            "importing torch": ["-c", "import torch"],
            "Snakemake": [
                "-m", "snakemake", "-n", "-q", "--cores", "1", "-s", str(ROOT / "Snakefile"),
                "--configfile", str(ROOT / "experiments/smoke.yaml"),
            ],
        }  # fmt: skip
        runs = [[seconds(command, folder) for command in commands.values()] for _ in range(REPEATS)]
    times = np.array(runs)
    ours, bare, imports, snakemake = np.median(times, axis=0)
    ratio = float(np.median(times[:, 0] / times[:, 1]))
    print(f"{SHOWERS} showers; medians of {REPEATS}")
    print(f"{'to the first training step':<45} {'s':>6} {'ratio':>6} {'goal':>6}")
    print(f"{'importing torch alone':<45} {imports:>6.2f}")
    print(f"{'bare script':<45} {bare:>6.2f}")
    print(f"{'Cascada / bare script':<45} {ours:>6.2f} {ratio:>6.2f} {GOAL:>6.2f}")
    print(f"{'Snakemake, before the script starts':<45} {snakemake:>6.2f}")
    print(f"{'a job, from its start':<45} {snakemake + ours:>6.2f}")
    return [("start to first step / bare script", ratio, GOAL)]


if __name__ == "__main__":
    main()
