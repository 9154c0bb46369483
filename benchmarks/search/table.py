"""Make the factorial table: every configuration with every seed, its metrics after each epoch on many halves of the validation.

python -m benchmarks.search.table --processes 2            # until it is whole; Ctrl-C at any time, a started trial is lost
python -m benchmarks.search.table --trials 50              # so many more
python -m benchmarks.search.table --time                   # an epoch of a few trials, and how long all would take
python -m benchmarks.search.table --collect                # only write data/table.npz from what is there

The workflow makes the showers; the library's trainer trains, and after each epoch keeps what no workflow's file has: the
metrics on halves of the validation showers, one of which selects and the other judges. A trial is a file; those there, and those in
data/table.npz, are skipped.
Trials come in a random order, seed by seed, so that an unfinished table is a fair sample of the whole.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from cascada.core.files import atomic_path
from cascada.experiment import schema, spaces

ROOT = Path(__file__).parents[2]
EXPERIMENT = Path(__file__).with_name("experiment.yaml")
TABLE = Path(__file__).parent / "data/table.npz"
HALVINGS = 8  # random splits of the validation showers into two halves
TIMED = 3  # trials of a family, to reckon with
METRICS = ("f1", "loss", "accuracy")


@dataclass(frozen=True, slots=True)
class Job:
    """One trial of the table."""

    configuration: spaces.Configuration
    seed: int
    epochs: int
    data: Path
    output: Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.table", description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("results/search_table"), help="where it is made")
    parser.add_argument("--processes", type=int, default=1, help="trials at a time, each on one core")
    parser.add_argument("--trials", type=int, help="train at most so many more")
    parser.add_argument("--time", action="store_true", help="train an epoch of a few trials and reckon")
    parser.add_argument("--collect", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    config, known = experiment(), so_far(TABLE)
    jobs = all_jobs(config, arguments.folder, known)
    if arguments.time:
        make_showers(arguments.folder, arguments.processes)
        measure(jobs)
        return
    if not arguments.collect:
        make_showers(arguments.folder, arguments.processes)
        train_missing(jobs[: arguments.trials] if arguments.trials else jobs, arguments.processes)
    collect(all_jobs(config, arguments.folder), config, TABLE, known)


def experiment() -> dict:
    config = yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))
    schema.validate(config, ROOT / "rules/schemas/config.schema.yaml")
    return config


def so_far(path: Path) -> dict[tuple[str, int], tuple[np.ndarray, float]]:
    """Metrics and seconds of the trials that the table holds already, by configuration and seed; none where it is not there.

    So a table that is kept in git goes on in a fresh clone, whose folder of trials is empty.
    """
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as content:
        names, seeds, metrics = content["configurations"], content["seeds"], content["metrics"]
        seconds, places = content["seconds"], np.argwhere(content["trained"])
    return {(str(names[c]), int(seeds[s])): (metrics[c, s], float(seconds[c, s])) for c, s in places}


def all_jobs(config: dict, folder: Path, known: Container[tuple[str, int]] | None = None) -> list[Job]:
    """All trials in the order in which they are trained; with `known`, those that are neither there nor in their folder."""
    data = folder / "results" / config["experiment"] / "dataset/train.h5"
    jobs = []
    for seed in config["search"]["seeds"]:
        found = spaces.configurations(config)
        random.Random(seed).shuffle(found)
        for one in found:
            output = folder / "trials" / one.id / f"seed-{seed}.npz"
            jobs.append(Job(one, seed, config["training"]["epochs"], data, output))
    if known is None:
        return jobs
    return [job for job in jobs if (job.configuration.id, job.seed) not in known and not job.output.exists()]


def make_showers(folder: Path, cores: int) -> None:
    """Have the workflow simulate and merge them; what is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(EXPERIMENT), "--cores", str(cores), "--quiet", "all", "--until", "merge"]
    subprocess.run(command, check=True)


def train_missing(jobs: list[Job], processes: int) -> None:
    """Train until all are there or Ctrl-C, which loses the trials that run."""
    started = time.monotonic()
    pool = ProcessPoolExecutor(processes)
    try:
        running = [pool.submit(train, job) for job in jobs]
        for done, future in enumerate(as_completed(running), 1):
            future.result()
            each = (time.monotonic() - started) / done
            left = each * (len(jobs) - done) / 3600
            print(f"{done}/{len(jobs)} trials, {each:.0f} s each, {left:.1f} h left", flush=True)
    except (KeyboardInterrupt, BrokenProcessPool):
        print("stopped: trials that have ended are kept, start again to go on", flush=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def measure(jobs: list[Job]) -> None:
    """Train an epoch of some missing trials of each family and print what all missing ones would take on one core.

    By the processor's clock, so that others on the machine count less; nothing is kept.
    """
    total = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for model in dict.fromkeys(job.configuration.model for job in jobs):
            mine = [job for job in jobs if job.configuration.model == model]
            timed = [replace(job, epochs=1, output=Path(folder) / "trial.npz") for job in mine[:TIMED]]
            seconds = [train(job) for job in timed]
            each = sum(seconds) / len(seconds) * mine[0].epochs
            total += each * len(mine)
            epochs = ", ".join(f"{one:.1f}" for one in seconds)
            print(f"{model}: {epochs} s an epoch, {each:.0f} s a trial, {len(mine)} trials missing", flush=True)
    print(f"all of them: {total / 3600:.1f} core-hours")


def train(job: Job) -> float:
    """Train one trial and write its metrics (epochs, halvings, 2 halves, metrics); a diverged one has NaN from then on.

    Returns the seconds of processor time that its epochs took.
    """
    from cascada.training.trial import Machine, Trainer, Trial

    one = job.configuration
    trial = Trial.of(  # plain values, as a script gives them
        configuration=one.id, model=one.model, hyperparameters=one.hyperparameters, settings=one.training,
        seed=job.seed, epochs=job.epochs, data=job.data, folder=job.output.parent, tensorboard=job.output.parent,
    )  # fmt: skip
    trainer = Trainer(trial, Machine(device="cpu", threads=1))
    found = np.full((job.epochs, HALVINGS, 2, len(METRICS)), np.nan, np.float32)
    started = time.process_time()
    for epoch in range(job.epochs):
        trainer.epoch(False, lambda state: None)
        trainer.finish_epoch()
        if trainer.state.status == "diverged":
            break
        found[epoch] = of_halves(trainer.scores, trainer.validation.labels.numpy(), trainer.validation.signal)
    seconds = time.process_time() - started
    with atomic_path(job.output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, metrics=found, seconds=seconds)
    return seconds


def halves(showers: int) -> np.ndarray:
    """Which half each shower falls into, (halvings, N) of 0 and 1: the same for every trial."""
    generator = np.random.default_rng(2026)
    return np.stack([generator.permutation(np.arange(showers) % 2) for _ in range(HALVINGS)])


def of_halves(logits: np.ndarray, labels: np.ndarray, signal: int) -> np.ndarray:
    """Metrics (halvings, 2, metrics) of logits (N, K) and labels (N,) on both halves of each halving."""
    from cascada.statistics.metrics import evaluate

    found = []
    for half in halves(len(labels)):
        each = [evaluate(logits[half == side], labels[half == side], signal) for side in (0, 1)]
        found.append([[one[name] for name in METRICS] for one in each])
    return np.array(found, np.float32)


def collect(
    jobs: list[Job], config: dict, path: Path, known: Mapping[tuple[str, int], tuple[np.ndarray, float]] | None = None
) -> None:
    """Write one compressed file of all configurations: metrics (configurations, seeds, epochs, halvings, 2, metrics), NaN where missing.

    `known`: trials without a file, as `so_far` gives them. Plain arrays and JSON: `np.load` reads it without pickle.
    """
    seeds, epochs = config["search"]["seeds"], config["training"]["epochs"]
    configurations = {job.configuration.id: job.configuration for job in jobs}
    names = sorted(configurations)
    metrics = np.full((len(names), len(seeds), epochs, HALVINGS, 2, len(METRICS)), np.nan, np.float32)
    trained, seconds = np.zeros((len(names), len(seeds)), bool), np.zeros((len(names), len(seeds)), np.float32)
    for job in jobs:
        place = names.index(job.configuration.id), seeds.index(job.seed)
        if job.output.exists():
            with np.load(job.output, allow_pickle=False) as content:
                metrics[place], seconds[place], trained[place] = content["metrics"], content["seconds"], True
        elif known and (one := known.get((job.configuration.id, job.seed))):
            metrics[place], seconds[place], trained[place] = *one, True
    about = {
        "surrogate": True, "experiment": config["experiment"], "spaces": config["search"]["models"], "metrics": METRICS,
        "models": [configurations[name].model for name in names],
        "hyperparameters": [configurations[name].hyperparameters for name in names],
    }  # fmt: skip
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, metrics=metrics, trained=trained, seconds=seconds, seeds=np.array(seeds), configurations=np.array(names),
            about=np.array(json.dumps(about)),
        )  # fmt: skip
    print(f"{path}: {trained.sum()} of {trained.size} trials, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
