"""A search of any size as it stands when all of its trials have ended, with the files that training leaves and invented values."""

import itertools
import json
from pathlib import Path

import numpy as np

from cascada.core import paths
from cascada.core.files import write_json
from cascada.experiment import records, spaces
from cascada.experiment.population import RUNG
from cascada.experiment.rungs import ladder
from cascada.selection.halving import promote, score_of
from cascada.statistics.names import METRICS

BUDGETS = [2, 6, 18]
CLASSES = {"classes": {"iron": 5626, "proton": 14}}
CONFIG = {
    "search": {
        "sampler": "random", "metric": "f1", "seed": 1,
        "models": {"lenet": {
            "channels": [{"randint": [2, 20]}, {"randint": [2, 20]}], "learning_rate": {"loguniform": [0.0001, 0.01]},
            "batch_size": {"randint": [32, 256]}, "optimizer": {"choice": ["adam", "sgd"]},
        }},
    },
    "training": {"epochs": BUDGETS[-1], "precision": "float32"},
}  # fmt: skip


def write_search(results: Path, number: int, tensorboard: bool = False) -> None:
    """Write what a search of `number` configurations leaves that has climbed all rungs, and TensorBoard's runs if wanted."""
    found = {one.id: one for one in spaces.configurations(CONFIG | {"search": CONFIG["search"] | {"samples": number}})}
    shape = {"sampler": "random", "metric": "f1", "seeds": [1], "rescore": None, "budgets": BUDGETS,
             "configurations": len(found), "proposed": {}}  # fmt: skip
    write_json(results / paths.SEARCH, shape)
    spaces.write_table(list(found.values()), results / paths.CONFIGURATIONS, [1])
    write_json(results / paths.SUMMARY, CLASSES | {"counts": {"validation": {"proton": 600, "iron": 600}, "train": {}}})
    names, generator, rungs = list(found), np.random.default_rng(1), ladder(len(found), BUDGETS)
    for rung, above in itertools.zip_longest(rungs, rungs[1:]):
        metrics = [_write_trial(results, found[name], rung.epochs, generator.beta(50, 2)) for name in names]
        if above:
            scores = [score_of(one, "f1") for one in metrics]
            record = promote(scores, rung=rung.number, epochs=rung.epochs, following=above.epochs, metric="f1")
            records.write(results / f"search/rung-{above.number}.json", RUNG, record)
            names = [row["configuration"] for row in record["promoted"]]
    if tensorboard:
        write_runs(results / paths.TENSORBOARD, list(found.values()), generator)


def _write_trial(results: Path, one: spaces.Configuration, epochs: int, value: float) -> dict:
    """Write what `cascada status` reads of a trial; returns the content of metrics.json."""
    folder = results / f"trials/{one.id}/seed-1/epochs-{epochs}"
    found = {"loss": 1 - value, "accuracy": value, "f1": value, "roc_auc": value}
    about = {"configuration": one.id, "model": one.model, "seed": 1, "epochs": epochs, "device": "cpu", "host": "node-1",
             "job_id": "1_1", "status": "completed"}  # fmt: skip
    metrics = about | {"hyperparameters": one.hyperparameters, "validation": found, "training": found, "best_epoch": 1,
                       "wall_seconds": 731.1, "training_seconds": 661.8, "samples_per_second": 119.7, "gpu_hours": 0.0,
                       "peak_memory_mb": {"host": 813.3, "device": None}, "parameters": 470814}  # fmt: skip
    row = {"epoch": epochs} | {f"{part}_{name}": v for part in ("training", "validation") for name, v in found.items()}
    progress = about | {"started": 0.0, "epoch": epochs, "step": 52, "steps": 52, "time": 731.1, "last_epoch": row}
    log = paths.training_log(results, one.id, 1, epochs)
    for path, text in {
        folder / "metrics.json": json.dumps(metrics, indent=2), folder / "progress.json": json.dumps(progress), log: "\n",
    }.items():  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return metrics


def write_runs(logdir: Path, found: list[spaces.Configuration], generator: np.random.Generator) -> None:
    """Write a run of each configuration with the library's own writer, and the record of the experiment."""
    from cascada.training.tensorboard import TrialLog, shown_metrics, write_experiment

    write_experiment(logdir, found, shown_metrics(CLASSES))
    for one in found:
        with TrialLog(logdir / one.id / "seed-1", one.id, 1, one.hyperparameters) as log:
            for epoch in range(1, BUDGETS[0] + 1):
                values = dict(zip(METRICS, generator.random(len(METRICS)), strict=True))
                log.epoch(
                    epoch, {f"{part}_{name}": v for part in ("training", "validation") for name, v in values.items()}
                )
            log.best({f"validation_{name}": v for name, v in values.items()})
            log.end("completed")
