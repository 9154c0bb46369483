"""Choose the best configuration on validation showers, and freeze the choice before anything is tested."""

import math
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cascada.core.errors import CascadaError
from cascada.core.files import read_json, sha256, write_json, write_text
from cascada.core.provenance import provenance
from cascada.selection import choosing, stored
from cascada.selection.again import remedy
from cascada.selection.deliberation import Choice, decide
from cascada.selection.freezing import Freezing, all_seeds, freeze, together
from cascada.selection.leaderboard import table
from cascada.statistics.names import METRICS

STATUSES = ("completed", "diverged", "failed")  # of a trial, from the best to the worst
STOPPED = "stopped"  # status of a configuration that did not reach the full budget


def select(
    metrics_files: list[Path],
    checkpoints: list[Path],
    metric: str,
    leaderboard: Path,
    best: Path,
    checkpoint: Path,
    baselines: Path | None = None,
    left_behind: list[Path] | None = None,
    finalists: list[str] | None = None,
    *,
    scores: Path,
    train: Path,
    how: dict[str, Any],
    search: dict[str, Any],
    freezing: Freezing | None = None,
) -> dict:
    """Rank configurations by the mean over seeds of a validation metric; write leaderboard.tsv, the checkpoint, best.json.

    `baselines` (their metrics) and `left_behind` (those of trials that stopped at a smaller budget) are shown in the leaderboard
    and never selected; `finalists`, who have more seeds, come first. `scores`, `train`: search/scores.json and the labels in
    train.h5; `how`: the experiment's `selection`; `search`: its `seeds`, and whether its sampler `learns`; `freezing`: what is made
    of the choice, the trial as it is if left out.
    Raises CascadaError if no configuration has completed.
    """
    trials = [
        read_json(path) | {"checkpoint": str(ckpt)} for path, ckpt in zip(metrics_files, checkpoints, strict=True)
    ]
    ranked = rank(trials, metric, finalists or [])
    left = [read_json(path) for path in left_behind or []]
    stopped = rank_stopped(left, metric)
    freezing = freezing or Freezing()
    rows = choosing.candidates(ranked, finalists or [])
    if not rows:
        if freezing.ensemble and ranked:
            all_seeds(ranked[0]["trials"])  # says which seed is missing
        raise CascadaError(
            f"No configuration has completed ({len(trials)} trials, {_counted(trials)}): nothing can be selected. "
            "Look at the loss curves in TensorBoard and at the logs of rule train; if trials diverged, lower the learning rates in "
            "search.models." + (f" {remedy(metrics_files)}" if any(row["status"] == "failed" for row in ranked) else "")
        )
    simple = read_json(baselines)["baselines"] if baselines else {}
    known = stored.read(scores, train, [*trials, *left])
    choice = decide(ranked, stopped, rows, known, metric, how, search)
    origin = provenance(train=choice.trial["data_sha256"])
    write_text(leaderboard, table(choice.ranked, metric, simple, origin, choice.stopped))
    frozen = freeze(choice.trial, choice.row["trials"], freezing, known, checkpoint)
    content = together(_content(choice, metric), frozen) | {
        "baselines": {name: one["validation"] for name, one in simple.items()},
        "checkpoint_sha256": sha256(checkpoint),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "provenance": origin,
    }
    write_json(best, content)
    return content


def _counted(trials: list[dict]) -> str:
    statuses = [trial["status"] for trial in trials]
    return ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))


def _content(choice: Choice, metric: str) -> dict:
    """What best.json says of the choice."""
    of_trial = ("hyperparameters", "seed", "epochs", "best_epoch", "parameters", "checkpoint", "data_sha256")
    rows = [*choice.ranked, *choice.stopped]
    return {
        **{name: choice.row[name] for name in ("configuration", "model", "multiply_adds", "validation")},
        **{name: choice.trial[name] for name in of_trial},
        "metric": metric,
        "seeds": [trial["seed"] for trial in choice.row["trials"]],
        "number_of_configurations": len(rows),
        "number_of_trials": sum(len(row["trials"]) for row in rows),
        "selection": choice.record,
    }


def rank(trials: list[dict], metric: str, finalists: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Group trials by configuration and rank them, finalists first, diverged ones last. Pure.

    A configuration counts as diverged or failed if any of its seeds did; `validation` holds the mean and the spread (sample standard
    deviation, None for one seed) over the seeds that completed.
    """
    if metric not in METRICS:
        raise CascadaError(f"Metric {metric!r} given, allowed are {list(METRICS)}.")
    groups: dict[str, list[dict]] = {}
    for trial in trials:
        groups.setdefault(trial["configuration"], []).append(trial)
    rows = [_row(name, sorted(group, key=lambda t: t["seed"])) for name, group in groups.items()]
    sign, first = choosing.sign(metric), set(finalists)

    def key(row):
        mean = row["validation"][metric]["mean"]
        value = -sign * mean if mean is not None else math.inf
        return (row["status"] != "completed", row["configuration"] not in first, value, row["configuration"])

    return sorted(rows, key=key)


def rank_stopped(trials: list[dict], metric: str) -> list[dict[str, Any]]:
    """As `rank`, of trials with smaller budgets, the larger budget first: only those of one budget can be compared. Pure."""
    rows = [
        row | {"status": STOPPED if row["status"] == "completed" else row["status"]} for row in rank(trials, metric)
    ]
    return sorted(rows, key=lambda row: -row["epochs"])


def _row(name: str, group: list[dict]) -> dict[str, Any]:
    completed = [trial for trial in group if trial["status"] == "completed"]
    paces = [1000 / trial["samples_per_second"] for trial in completed if trial.get("samples_per_second")]
    validation = {}
    for metric in METRICS:
        values = [trial["validation"][metric] for trial in completed if trial["validation"][metric] is not None]
        validation[metric] = {
            "mean": statistics.fmean(values) if values else None,
            "spread": statistics.stdev(values) if len(values) > 1 else None,
        }
    return {
        "configuration": name,
        "model": group[0]["model"],
        "hyperparameters": group[0]["hyperparameters"],
        "epochs": group[0]["epochs"],
        "status": max((trial["status"] for trial in group), key=STATUSES.index),
        "validation": validation,
        "trials": group,
        "parameters": next((trial["parameters"] for trial in group if trial["parameters"] is not None), None),
        "training_ms_per_shower": statistics.fmean(paces) if paces else None,
        "wall_seconds": sum(trial["wall_seconds"] for trial in group),
        "gpu_hours": sum(trial["gpu_hours"] for trial in group),
    }
