"""The demonstration with other seeds and other rounding: what each gate says in every run.

python -m benchmarks.robustness                    # five seeds, each with one and with two threads per trial
python -m benchmarks.robustness --seeds 1 --threads 1

A seed is that of the showers, of their split and of the trials. Each run has a folder of its own below --folder, and so a
ledger of its own: with other rounding, another configuration may win on the same sealed showers. A run that has ended is not
repeated, and an interrupted one goes on. Prints the table of docs/testing.md.
"""

import argparse
import copy
import os
import subprocess
import sys
from pathlib import Path

import yaml

from cascada.core.files import read_json

ROOT = Path(__file__).parents[1]
ABOUT_DATA = ("total_energy_auc", "core_offset_auc", "shuffled_labels_auc_offset")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness", description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="per trial: they round differently")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, default=Path("results/robustness"))
    arguments = parser.parse_args()
    base = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    found = {}
    for seed in arguments.seeds:
        for threads in arguments.threads:
            found[seed, threads] = run(base, seed, threads, arguments.cores, arguments.folder)
            print(f"\n{len(found)} runs\n\n{table(found)}\n", flush=True)


def experiment(base: dict, seed: int, threads: int) -> dict:
    """The demonstration's configuration with other seeds."""
    changed = copy.deepcopy(base)
    changed["experiment"] = f"seed-{seed}-threads-{threads}"
    for source in changed["data"]["sources"].values():
        source["seed"] = seed
    changed["data"]["split"]["seed"] = seed
    changed["search"]["seeds"] = [seed]
    changed["search"]["rescore"]["seeds"] = [seed + 100]
    for one in changed["testing"]["also"].values():
        if "source" in one:
            one["source"]["seed"] = seed + 100
    for one in changed["testing"].get("also", {}).values():
        if "source" in one:
            one["source"]["seed"] = seed
    return changed


def run(base: dict, seed: int, threads: int, cores: int, folder: Path) -> dict:
    """Run one experiment as far as its behaviour and its test, unless it has; return best, test and behaviour."""
    content = experiment(base, seed, threads)
    folder = folder / content["experiment"]
    results = folder / "results" / content["experiment"]
    if not all((results / name).exists() for name in ("test/behaviour.json", "test/metrics.json")):
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / f"{content['experiment']}.yaml"
        config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        _snakemake(folder, config, threads, cores)
    files = {"best": "selection/best.json", "test": "test/metrics.json", "behaviour": "test/behaviour.json"}
    return {name: read_json(results / path) for name, path in files.items()}


def _snakemake(folder: Path, config: Path, threads: int, cores: int) -> None:
    # without a lock: nobody else runs in this folder, and one that a kill left behind would stop the next attempt
    command = [sys.executable, "-m", "snakemake", "test_behaviour", "test_model", "--nolock", "--rerun-incomplete"]
    command += [
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
        "--configfile",
        str(config.resolve()),
    ]
    command += ["--cores", str(cores), "--set-threads", f"train={threads}", "--logger", "cascada"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    status = subprocess.run(command, env=os.environ | {"PATH": path}).returncode
    if status:
        sys.exit(f"{config}: Snakemake ended with {status}. Start the same command again: what has been done is kept.")


def table(found: dict[tuple[int, int], dict]) -> str:
    """Markdown: a row per run, then a row per gate with the run where it comes closest to its limit. Pure."""
    lines = ["| data and trial seed | threads | selected | test F1 | test ROC AUC | gates passed, undecided, failed |"]
    lines += ["|---|---|---|---|---|---|"]
    for (seed, threads), one in found.items():
        verdicts = [probe["verdict"] for probe in gates(one)]
        numbers = ", ".join(str(verdicts.count(name)) for name in ("passed", "undecided", "failed"))
        metrics = " | ".join(_interval(one["test"][name]) for name in ("f1", "roc_auc"))
        lines.append(f"| {seed} | {threads} | `{one['best']['configuration']}` | {metrics} | {numbers} |")
    lines += [
        "",
        "| gate | speaks of | limit | passed, undecided, failed | closest to its limit |",
        "|---|---|---|---|---|",
    ]
    for first in gates(next(iter(found.values()))):
        same = [(run, probe) for run, one in found.items() for probe in gates(one) if probe["name"] == first["name"]]
        verdicts = [probe["verdict"] for _, probe in same]
        numbers = ", ".join(str(verdicts.count(name)) for name in ("passed", "undecided", "failed"))
        sign = 1 if first["sense"] == "at most" else -1
        (seed, threads), worst = max(same, key=lambda item: sign * item[1]["value"])
        about = "data" if first["name"] in ABOUT_DATA else "model"
        lines.append(
            f"| {first['name']} | {about} | {first['sense']} {first['threshold']:g} | {numbers} | "
            f"{_interval(worst)} (seed {seed}, {threads} thread{'s' if threads > 1 else ''}) |"
        )
    return "\n".join(lines)


def gates(one: dict) -> list[dict]:
    return [probe for probe in one["behaviour"]["probes"] if probe["severity"] == "gate"]


def _interval(metric: dict) -> str:
    return "{value:.4g} [{low:.4g}, {high:.4g}]".format(**metric)


if __name__ == "__main__":
    main()
