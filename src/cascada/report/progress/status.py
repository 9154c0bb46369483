"""The state of a running search, from the files that trials keep: works on any machine that sees the results folder.

`collect` reads, `render` draws; neither asks SLURM.
"""

import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cascada.core import paths, tables
from cascada.core.classes import meaning
from cascada.core.errors import CascadaError
from cascada.report.progress import trial_files
from cascada.report.progress.stages import Best, Stage, batches, best, stages
from cascada.report.progress.starting import is_starting
from cascada.statistics import words
from cascada.statistics.names import METRICS

if TYPE_CHECKING:
    from rich.console import RenderableType

SILENT_AFTER = 120.0  # seconds without a word after which a running trial counts as silent
STATES = ("running", "starting", "saved", "silent", "completed", "diverged", "failed", "waiting")
HALTED = ("starting", "saved", "silent")  # begun and not done, and not at work, or not yet
SHOWN = ("running", *HALTED)  # a row of the table each


@dataclass(kw_only=True, slots=True)
class TrialStatus:
    """One trial; `fraction` of its budget of epochs that is done, `seconds_left` by its own speed."""

    configuration: str
    seed: int
    epochs: int
    state: str
    epoch: int = 0
    fraction: float = 0.0
    validation: dict = field(default_factory=dict)
    usage: dict = field(default_factory=dict)
    host: str | None = None
    job_id: str | None = None
    device: str | None = None
    seconds_left: float | None = None
    log: str | None = None


@dataclass(kw_only=True, slots=True)
class SearchStatus:
    """The whole search. `expected` is None where the list of configurations is not there yet."""

    results: str
    expected: int | None
    counts: dict[str, int]
    trials: list[TrialStatus]
    failures: list[str]
    seconds_left: float | None
    skipped: int = 0  # raw files that the data set is without
    stages: list[Stage] = field(default_factory=list)
    batches: str = ""
    best: dict[str, Best | None] = field(default_factory=dict)  # by metric
    meanings: dict[str, str] = field(default_factory=dict)  # of which class a metric is, behind its name; by metric


def collect(results: Path, now: float | None = None) -> SearchStatus:
    """Read every trial's progress.json and metrics.json below `results`; CascadaError where there is no such folder."""
    if not results.is_dir():
        known = sorted(str(path) for path in paths.RESULTS.glob("*")) or ["none yet"]
        raise CascadaError(f"{results}: no such results folder; known are {', '.join(known)}. Start with `snakemake`.")
    now = time.time() if now is None else now
    with trial_files.collector_paused():
        return _collect(results, now)


def _collect(results: Path, now: float) -> SearchStatus:
    logs, summary = trial_files.logs(results), trial_files.read(f"{results}/{paths.SUMMARY}") or {}
    trials = [
        trial for folder in trial_files.folders(results) if (trial := _trial(results, folder, logs, now)) is not None
    ]
    counts = Counter(trial.state for trial in trials)
    found = stages(results, trials)
    expected = sum(stage.expected for stage in found) if found else _expected(results)
    if expected is not None:
        done = sum(stage.done + stage.running for stage in found) if found else len(trials)
        counts["waiting"] = max(0, expected - done - (sum(counts[state] for state in HALTED) if found else 0))
    return SearchStatus(
        results=str(results),
        expected=expected,
        counts={state: counts[state] for state in STATES},
        trials=trials,
        failures=_failures(logs, trials),
        seconds_left=_time_left(trials, counts),
        skipped=len(summary.get("skipped", [])),
        stages=found,
        batches=batches(results),
        best={metric: best(results, trials, metric) for metric in METRICS},
        meanings={metric: meaning(summary, metric) for metric in METRICS},
    )


def _trial(results: Path, folder: str, logs: set[str], now: float) -> TrialStatus | None:
    configuration, seed, epochs = trial_files.trial_of(folder)
    trial = TrialStatus(configuration=configuration, seed=seed, epochs=epochs, state="waiting")
    name = trial_files.log_of(results, configuration, seed, epochs)
    trial.log = name if name in logs else None
    if (content := trial_files.read(f"{folder}/metrics.json")) is not None:
        trial.state, trial.epoch, trial.fraction = content["status"], epochs, 1.0
        trial.validation = content["validation"]
        return trial
    content = trial_files.read(f"{folder}/progress.json")
    trial.state = _state(content, now)
    if trial.state != "running" and is_starting(folder, trial.log, content["time"] if content else 0.0, now):
        trial.state = "starting"
    if content is None:
        return trial if trial.state == "starting" else None
    trial.epoch = content["epoch"]
    done = content["epoch"] - 1 + min(1.0, content["step"] / max(content["steps"], 1))
    trial.fraction = min(1.0, done / epochs)
    last = content.get("last_epoch", {})
    trial.validation = {k.removeprefix("validation_"): v for k, v in last.items() if k.startswith("validation_")}
    for name in ("usage", "host", "job_id", "device"):
        setattr(trial, name, content.get(name))
    if "seconds" in last:
        trial.seconds_left = last["seconds"] * (epochs - done)
    return trial


def _state(progress: dict | None, now: float) -> str:
    """By what the trial itself said last; saved is one that was interrupted in good order and resumes when it is started again."""
    if progress is None:
        return "waiting"
    if progress["status"] == "saved":
        return "saved"
    return "running" if now - progress["time"] < SILENT_AFTER else "silent"


def _expected(results: Path) -> int | None:
    table = results / paths.CONFIGURATIONS
    if not table.exists():
        return None
    return sum(len(row.get("seeds", "").split(",")) for row in tables.read(table))  # older tables name no seeds: one


def _failures(logs: set[str], trials: list[TrialStatus]) -> list[str]:
    """Logs of trials that are not at work and have no result, the newest first."""
    lost = logs - {trial.log for trial in trials if trial.state != "silent"}
    return sorted(lost, key=os.path.getmtime, reverse=True)[:5]


def _time_left(trials: list[TrialStatus], counts: Counter) -> float | None:
    """Work that is left, over the number of trials that run at once; None where nothing runs."""
    running = [(t.seconds_left, t.fraction) for t in trials if t.state == "running" and t.seconds_left is not None]
    if not running:
        return None
    whole = [left / max(1 - fraction, 1e-6) for left, fraction in running]
    waiting = counts["waiting"] * sum(whole) / len(whole)
    return (sum(left for left, _ in running) + waiting) / len(running)


def as_json(status: SearchStatus) -> dict:
    """Plain values. The parts of thousands of trials are not copied, which is what asdict takes its time for."""
    trials = [{field.name: getattr(trial, field.name) for field in fields(trial)} for trial in status.trials]
    return asdict(replace(status, trials=[])) | {"trials": trials}


def render(status: SearchStatus, metric: str = "f1") -> "RenderableType":
    """A table of the running trials under a line of counts, above the recent failures."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    counts = "   ".join(f"{state} {number}" for state, number in status.counts.items())
    head = Text(f"{status.results}: {counts}   time left {_duration(status.seconds_left)}", style="bold")
    table = Table(box=None, pad_edge=False)
    shown = f"{metric}{status.meanings.get(metric, '')}"
    for name in ("trial", "state", "epoch", "done", shown, "loss", "device", "GPU", "memory", "host/job", "left"):
        table.add_column(
            name,
            no_wrap=name == "trial",
            justify="right" if name in ("epoch", "done", shown, "loss", "GPU", "left") else "left",
        )
    for trial in (trial for trial in status.trials if trial.state in SHOWN):
        usage = trial.usage or {}
        table.add_row(*_row(trial, usage, metric))
    failures = [Text(f"no result and not running: {path}", style="red") for path in status.failures]
    foot = []
    if status.skipped:
        foot.append(Text(f"raw files skipped: {status.skipped}, see {status.results}/{paths.SKIPPED}", style="red"))
    if (best := status.best.get(metric)) is not None:
        foot.append(Text(best_so_far(best, metric, status.meanings.get(metric, ""))))
    return Group(head, *_stages(status), table, *foot, *failures)


def best_so_far(best: Best, metric: str, about: str = "") -> str:
    """The best configuration with its uncertainty, as a sentence; `about`: of which class the metric is."""
    seeds = f"seed {best.seeds[0]}" if len(best.seeds) == 1 else f"mean of {len(best.seeds)} seeds"
    spread = "" if best.spread is None else f" {words.spread(best.spread, len(best.seeds))}"
    error = best.standard_error if metric in ("f1", "accuracy") else None
    chance = "" if error is None else f", standard error by {best.showers} validation showers about {error:.4f}"
    return (
        f"best so far: {best.configuration} {seeds}, {best.epochs} epochs, "
        f"validation {metric}{about} {best.value:.4f}{spread}{chance}"
    )


def _stages(status: SearchStatus) -> "list[RenderableType]":
    """A table of rungs and finalists, where there is more than one stage, and a line about batches."""
    from rich.table import Table
    from rich.text import Text

    shown: list[RenderableType] = [Text(status.batches)] if status.batches else []
    if len(status.stages) > 1:
        table = Table(box=None, pad_edge=False)
        for name in ("stage", "epochs", "trials done", "running", "then"):
            table.add_column(name, justify="left" if name in ("stage", "then") else "right")
        for stage in status.stages:
            of = f"{stage.done}/{'' if stage.decided else '≤ '}{stage.expected}"
            table.add_row(stage.name, str(stage.epochs), of, str(stage.running), stage.told)
        shown.append(table)
    return shown


def _row(trial: TrialStatus, usage: dict, metric: str) -> list[str]:
    return [
        f"{trial.configuration} seed {trial.seed}",
        trial.state,
        f"{trial.epoch}/{trial.epochs}",
        f"{trial.fraction:.0%}",
        _number(trial.validation.get(metric)),
        _number(trial.validation.get("loss")),
        trial.device or "",
        _number(usage.get("gpu_percent"), "{:.0f} %"),
        _number(usage.get("memory_mb"), "{:.0f} MiB"),
        f"{trial.host or ''} {trial.job_id or ''}",
        _duration(trial.seconds_left),
    ]


def _number(value: float | None, form: str = "{:.4f}") -> str:
    return "" if value is None else form.format(value)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
