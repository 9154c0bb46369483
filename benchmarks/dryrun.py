"""Dry-run of 100, 1,000 and 10,000 trials, against a bare Snakefile with as many jobs and files.

    python -m benchmarks.dryrun [TRIALS...]

Goal: at most 1.5 times the bare one. The bare Snakefile has the same rules, with the same inputs and outputs and a script
each, and nothing else: no configuration, schema, search, digests, parameters, logs, benchmarks, environments or resources.
Processor time of the whole command counts, start included, so that a busy machine disturbs little; wall time is printed
beside it.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TRIALS, GOAL = (100, 1000, 10_000), 1.5
REPEATS = {100: 5, 1000: 3}  # else one
SHARDS = 12  # of the demonstration

EXPERIMENT = """
experiment: dryrun
data:
  classes: {{iron: 5626, proton: 14}}
  sources: {{showers: {{kind: surrogate, showers: {{proton: 3000, iron: 3000}}, showers_per_shard: 500, seed: 1}}}}
search:
  sampler: random
  samples: {trials}
  models:
    lenet:
      channels: [{{randint: [2, 20]}}, {{randint: [2, 20]}}]
      learning_rate: {{loguniform: [0.0001, 0.01]}}
      batch_size: {{randint: [32, 256]}}
training: {{epochs: 5}}
"""

TRIAL = "trials/{c}/seed-1/epochs-5/"
RULES = {  # name: inputs, outputs; `TRIALS of FILE` stands for that file of every trial
    "convert": ([], ["shards/{name}.h5"]),
    "merge": (["SHARDS"], ["train.h5", "test.h5", "summary.json"]),
    "describe_data": (["summary.json", "train.h5"], ["card.json", "card.html", "spectra.png", "examples.png"]),
    "list_configurations": ([], ["configurations.tsv"]),
    "train": (
        ["train.h5", "configurations.tsv"],
        [TRIAL + "metrics.json", TRIAL + "history.tsv", TRIAL + "checkpoint.pt"],
    ),
    "score_trials": (["train.h5", "TRIALS of metrics.json", "TRIALS of checkpoint.pt"], ["scores.json"]),
    "summarize_costs": (["TRIALS of metrics.json"], ["costs.tsv", "costs.html"]),
    "train_baselines": (["train.h5"], ["models.npz", "baselines.json"]),
    "select": (
        ["configurations.tsv", "TRIALS of metrics.json", "TRIALS of checkpoint.pt", "baselines.json"],
        ["leaderboard.tsv", "best.json", "best.pt"],
    ),
    "tidy_trials": (["best.json", "scores.json", "TRIALS of metrics.json"], ["storage.json"]),
    "plot_selection": (
        ["leaderboard.tsv", "TRIALS of history.tsv", "summary.json"],
        ["leaderboard.png", "curves.png"],
    ),
    "test_model": (["best.json", "best.pt", "test.h5", "models.npz"], ["test.json", "predictions.h5"]),
    "plot_test": (["predictions.h5", "test.json"], [f"test-{n}.png" for n in range(12)]),
    "test_behaviour": (["best.json", "best.pt", "train.h5"], ["behaviour.json", "behaviour.xml"]),
    "plot_behaviour": (["behaviour.json"], ["behaviour.html", "invariance.png", "degradation.png"]),
    "export_model": (["best.json", "best.pt", "train.h5", "test.json"], [f"model-{n}" for n in range(7)]),
    "check_export": ([f"model-{n}" for n in range(7)], ["check.json"]),
}
PRODUCTS = [
    "card.json", "storage.json", "costs.tsv", "leaderboard.png", "test-0.png", "behaviour.html", "check.json",
]  # fmt: skip


def bare_snakefile(trials: int) -> str:
    """Return a Snakefile with the workflow's rules and files, and nothing else."""
    parts = [f'TRIALS = [f"lenet-{{number:08x}}" for number in range({trials})]', f"rule all:\n    input: {PRODUCTS}"]
    for name, (inputs, outputs) in RULES.items():
        lines = [f"rule {name}:", "    input:", *(f"        {_files(one)}," for one in inputs)]
        lines += ["    output:", *(f"        {one!r}," for one in outputs), '    script: "script.py"']
        parts.append("\n".join(line for line in lines if inputs or line != "    input:"))
    return "\n\n".join(parts) + "\n"


def _files(name: str) -> str:
    if name == "SHARDS":
        return f'[f"shards/{{name}}.h5" for name in range({SHARDS})]'
    return f'expand("{TRIAL}{name.removeprefix("TRIALS of ")}", c=TRIALS)' if name.startswith("TRIALS") else repr(name)


def seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """Return processor and wall time of a command that must end well."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PATH": path})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def compare(trials: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return (processor, wall) time of our dry-run and of the bare one, medians of runs in turns."""
    ours, bare = folder / f"ours-{trials}", folder / f"bare-{trials}"
    for path in (ours, bare):
        path.mkdir()
    (ours / "experiment.yaml").write_text(EXPERIMENT.format(trials=trials))
    (bare / "Snakefile").write_text(bare_snakefile(trials))
    (bare / "script.py").write_text("")
    snakemake = [sys.executable, "-m", "snakemake", "-n", "-q", "--cores", "2"]
    ours_command = [*snakemake, "-s", str(ROOT / "Snakefile"), "--configfile", "experiment.yaml"]
    times = np.array([[seconds(ours_command, ours), seconds(snakemake, bare)] for _ in range(REPEATS.get(trials, 1))])
    return tuple(np.median(times, axis=0))


def main(*numbers: int) -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio, goal."""
    rows = []
    print(f"{'dry-run of':<16} {'Cascada':>18} {'bare':>18} {'ratio':>6} {'goal':>6}   processor time (wall time)")
    with tempfile.TemporaryDirectory() as folder:
        for trials in numbers or TRIALS:
            ours, bare = compare(trials, Path(folder))
            ratio = ours[0] / bare[0]
            shown = [f"{cpu:.1f} s ({wall:.1f} s)" for cpu, wall in (ours, bare)]
            print(f"{trials:>6} trials    {shown[0]:>18} {shown[1]:>18} {ratio:>6.2f} {GOAL:>6.2f}", flush=True)
            rows.append((f"dry-run of {trials} trials / bare Snakefile", ratio, GOAL))
    return rows


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
