"""Choose the best configuration on validation showers, and freeze the choice before anything is tested."""

import math
import shutil
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cascada.core import tables
from cascada.core.errors import CascadaError
from cascada.core.files import atomic_path, read_json, sha256, write_json, write_text
from cascada.core.provenance import provenance
from cascada.statistics.names import METRICS

STATUSES = ("completed", "diverged", "failed")  # of a trial, from the best to the worst
STOPPED = "stopped"  # status of a configuration that did not reach the full budget
ORIGIN = ("git_commit", "git_dirty", "lock_sha256", "data_sha256", "command")  # the leaderboard's last columns


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
) -> dict:
    """Rank configurations by the mean over seeds of a validation metric; write leaderboard.tsv, the checkpoint, best.json.

    Of the best configuration, the trial with the best validation metric is the one that will be tested. `baselines` (their
    metrics) and `left_behind` (those of trials that stopped at a smaller budget) are shown in the leaderboard and never
    selected; `finalists`, who have more seeds, come first.
    Raises CascadaError if no configuration has completed.
    """
    trials = [
        read_json(path) | {"checkpoint": str(ckpt)} for path, ckpt in zip(metrics_files, checkpoints, strict=True)
    ]
    ranked = rank(trials, metric, finalists or [])
    stopped = rank_stopped([read_json(path) for path in left_behind or []], metric)
    if not ranked or ranked[0]["status"] != "completed":
        raise CascadaError(
            f"No configuration has completed ({len(trials)} trials, {_counted(trials)}): nothing can be selected. "
            "Look at the loss curves in TensorBoard and at the logs of rule train; if trials diverged, lower the learning rates in "
            "search.models."
        )
    simple = read_json(baselines)["baselines"] if baselines else {}
    chosen = choose(ranked[0]["trials"], metric)
    origin = provenance(train=ranked[0]["trials"][0]["data_sha256"])
    write_text(leaderboard, table(ranked, simple, origin, stopped))
    with atomic_path(checkpoint) as temporary:
        shutil.copyfile(chosen["checkpoint"], temporary)
    content = _content(ranked, stopped, chosen, metric) | {
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


def choose(trials: list[dict], metric: str) -> dict:
    """Of a configuration's completed trials the one with the best validation metric, of equal ones the smallest seed. Pure."""
    completed = [trial for trial in trials if trial["status"] == "completed"]
    return max(completed, key=lambda trial: (_sign(metric) * trial["validation"][metric], -trial["seed"]))


def _content(ranked: list[dict], stopped: list[dict], chosen: dict, metric: str) -> dict:
    """What best.json says of the choice."""
    winner = ranked[0]
    of_trial = ("hyperparameters", "seed", "epochs", "best_epoch", "parameters", "checkpoint", "data_sha256")
    return {
        **{name: winner[name] for name in ("configuration", "model", "validation")},
        **{name: chosen[name] for name in of_trial},
        "metric": metric,
        "seeds": [trial["seed"] for trial in winner["trials"]],
        "number_of_configurations": len(ranked) + len(stopped),
        "number_of_trials": sum(len(row["trials"]) for row in [*ranked, *stopped]),
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
    sign, first = _sign(metric), set(finalists)

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


def _sign(metric: str) -> int:
    return -1 if metric == "loss" else 1


def _row(name: str, group: list[dict]) -> dict[str, Any]:
    completed = [trial for trial in group if trial["status"] == "completed"]
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
        "wall_seconds": sum(trial["wall_seconds"] for trial in group),
        "gpu_hours": sum(trial["gpu_hours"] for trial in group),
    }


def table(
    ranked: list[dict],
    baselines: dict[str, dict] | None = None,
    origin: dict | None = None,
    stopped: Iterable[dict] = (),
) -> str:
    """The leaderboard as tab-separated text; what stopped at a smaller budget and baselines stand below it, without a rank.

    The last columns say in every row where the table comes from, so that a row that is copied elsewhere still does.
    """
    places = [*enumerate(ranked, 1), *(("", row) for row in stopped)]
    names = sorted({name for _, row in places for name in row["hyperparameters"]})
    header = ["rank", "configuration", "model", "status", "seeds", "epochs"]
    header += [f"validation_{metric}_{part}" for metric in METRICS for part in ("mean", "spread")]
    header += ["parameters", "wall_seconds", "gpu_hours", *names, *ORIGIN]
    last = _origin(origin or {})
    rows = []
    for place, row in places:
        cells = [place, row["configuration"], row["model"], row["status"], len(row["trials"]), row["epochs"]]
        cells += [_number(row["validation"][metric][part]) for metric in METRICS for part in ("mean", "spread")]
        cells += [
            "" if row["parameters"] is None else row["parameters"],
            f"{row['wall_seconds']:.1f}",
            f"{row['gpu_hours']:.4f}",
        ]
        rows.append(cells + [row["hyperparameters"].get(name, "") for name in names] + last)
    for name, one in (baselines or {}).items():
        cells = ["", name, name, "baseline", 1, ""]
        cells += [cell for metric in METRICS for cell in (_number(one["validation"][metric]), "")]
        cells += [one["parameters"], f"{one['wall_seconds']:.1f}", "0.0000"]
        rows.append(cells + [""] * len(names) + last)
    return tables.text(header, rows)


def _origin(facts: dict) -> list[str]:
    cells = facts | {"data_sha256": (facts.get("data_sha256") or {}).get("train")}
    return ["" if cells.get(name) is None else " ".join(str(cells[name]).split()) for name in ORIGIN]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
