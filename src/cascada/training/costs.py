"""What a search cost: seconds, processor, memory, GPU and energy, per rule, trial, rung and family, and what it saved.

From what trials wrote down of their attempts (attempts.jsonl) and from Snakemake's benchmarks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cascada.core import tables
from cascada.core.files import read_json, write_text
from cascada.training import attempt_lines

HEADER = (
    "of", "name", "jobs", "attempts", "epochs", "wall_hours", "cpu_hours", "gpu_hours", "memory_gb_hours", "peak_memory_gb",
    "energy_kwh",
)  # fmt: skip
SUMS = HEADER[2:9]
UNKNOWN = "unknown"
JOULES_PER_KWH = 3.6e6


@dataclass(slots=True)
class Cost:
    """A sum. Memory-hours count each attempt's peak [GiB] over its wall time; the energy [kWh] is None where nothing told it.

    `epochs` were trained, also those that were trained again after an interruption.
    """

    jobs: float = 0
    attempts: float = 0
    epochs: float = 0.0
    wall_hours: float = 0.0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    memory_gb_hours: float = 0.0
    peak_memory_gb: float = 0.0
    energy_kwh: float | None = None

    def add(self, other: "Cost", times: float = 1.0) -> "Cost":
        """Add another cost, so many times; returns itself. An energy that is unknown in a part is unknown in the sum."""
        known = (self.energy_kwh if self.jobs else 0.0, other.energy_kwh)
        self.energy_kwh = None if None in known else known[0] + times * known[1]  # type: ignore[operator]
        for name in SUMS:
            setattr(self, name, getattr(self, name) + times * getattr(other, name))
        self.peak_memory_gb = max(self.peak_memory_gb, other.peak_memory_gb)
        return self


@dataclass(slots=True)
class Trial:
    """A trial's cost; `alone_hours`: the GPU-hours that it would have taken with a GPU to itself."""

    configuration: str
    model: str
    seed: int
    epochs: int  # its budget
    status: str
    cost: Cost = field(default_factory=Cost)
    alone_hours: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.configuration}/seed-{self.seed}/epochs-{self.epochs}"


def summarize(benchmarks: Path, metrics_files: list[Path], path: Path) -> dict[str, dict[str, Cost]]:
    """Sum up `benchmarks/<rule>/**.tsv` and the trials' attempts; write costs.tsv. Returns costs by kind (`of`) and name."""
    trials = [read_trial(file, benchmarks) for file in metrics_files]
    folders = [one for one in sorted(benchmarks.iterdir()) if one.is_dir()] if benchmarks.is_dir() else []
    rules = {folder.name: _rule(folder) for folder in folders}
    if trials:
        rules["train"] = total(trial.cost for trial in trials)
    found = {"rule": {name: cost for name, cost in rules.items() if cost.jobs}}
    found["all"] = {"rules": total(found["rule"].values())}
    found |= of_trials(trials)
    write_text(path, as_table(found))
    return found


def of_trials(trials: list[Trial]) -> dict[str, dict[str, Cost]]:
    """Sums over trials by rung (budget of epochs), family and trial, and what was saved. Pure."""
    found: dict[str, dict[str, Cost]] = {"rung": {}, "family": {}, "trial": {}}
    for trial in sorted(trials, key=lambda one: (one.epochs, one.configuration, one.seed)):
        for kind, name in (("rung", f"{trial.epochs} epochs"), ("family", trial.model), ("trial", trial.name)):
            found[kind].setdefault(name, Cost()).add(trial.cost)
    return found | {"saved": saved(trials)}


def saved(trials: list[Trial]) -> dict[str, Cost]:
    """What successive halving and packs saved. Pure.

    Halving: the full search would train every configuration and seed for the largest budget E. One that took the hours h
    for e epochs, all its rungs together, would take h · E / e; what diverged or failed would have done so there too. Saved is
    Σ (h · E / e) - Σ h, and so for epochs and every other column.
    Packs: GPU-hours if every attempt had had a GPU to itself, minus its share of the GPU.
    """
    found: dict[str, Cost] = {}
    pairs: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        pairs.setdefault((trial.configuration, trial.seed), []).append(trial)
    largest = max((trial.epochs for trial in trials), default=0)
    if len({trial.epochs for trial in trials}) > 1:
        spent, full = total(trial.cost for trial in trials), Cost()
        for group in pairs.values():
            each = total(trial.cost for trial in group)
            stays = max(group, key=lambda one: one.epochs).status != "completed" or not each.epochs
            full.add(each, 1.0 if stays else largest / each.epochs)
        found["halving"] = _difference(full, spent)
    on_gpu = sum(trial.alone_hours for trial in trials)
    if on_gpu:
        found["packs"] = Cost(gpu_hours=on_gpu - sum(trial.cost.gpu_hours for trial in trials))
    return found


def _difference(full: Cost, spent: Cost) -> Cost:
    found = Cost(**{name: getattr(full, name) - getattr(spent, name) for name in SUMS})
    found.jobs = found.attempts = 0  # the full search has as many jobs as configurations, which are no saving
    if full.energy_kwh is not None and spent.energy_kwh is not None:
        found.energy_kwh = full.energy_kwh - spent.energy_kwh
    return found


def read_trial(metrics: Path, benchmarks: Path) -> Trial:
    """Return a trial's cost: of all attempts at the result that is there, or of the last one where no attempts were noted.

    Of the last attempt Snakemake's clock counts where it has seen more: the start of Python and PyTorch.
    """
    content = read_json(metrics)
    trial = Trial(**{name: content[name] for name in ("configuration", "model", "seed", "epochs", "status")})
    lines = attempt_lines.read(metrics.parent)
    known = [line["identity"] for line in lines if line["identity"]]
    mine = attempt_lines.of_identity(lines, known[-1]) if known else []
    for line in mine:
        trial.cost.add(_attempt(line))
        trial.alone_hours += (line["ended"] - line["started"]) / 3600 if line["gpu_seconds"] else 0.0
    if not mine:
        trial.cost.add(_without_attempts(content))
    trial.cost.jobs = 1
    last = _attempt(mine[-1]) if mine else _without_attempts(content)
    file = benchmarks / "train" / trial.configuration / f"seed-{trial.seed}-epochs-{trial.epochs}.tsv"
    for row in tables.read(file)[-1:] if file.exists() else []:
        seen = _job(row)
        trial.cost.cpu_hours += max(0.0, seen.cpu_hours - last.cpu_hours)
        trial.cost.wall_hours += max(0.0, seen.wall_hours - last.wall_hours)
    return trial


def _attempt(line: dict[str, Any]) -> Cost:
    hours, memory = (line["ended"] - line["started"]) / 3600, line["peak_memory_mb"]["host"] / 1024
    joules = [value for value in line["energy_joules"].values() if value is not None]
    return Cost(
        jobs=1, attempts=1, epochs=line["epochs"], wall_hours=hours, cpu_hours=line["cpu_seconds"] / 3600,
        gpu_hours=line["gpu_seconds"] / 3600, memory_gb_hours=memory * hours, peak_memory_gb=memory,
        energy_kwh=sum(joules) / JOULES_PER_KWH if joules else None,
    )  # fmt: skip


def _without_attempts(metrics: dict[str, Any]) -> Cost:
    """What metrics.json says of the last attempt: of an earlier release, or of a trial that failed before its first step."""
    hours, memory = metrics["wall_seconds"] / 3600, (metrics.get("peak_memory_mb") or {}).get("host", 0) / 1024
    epochs = metrics["epochs"] if metrics["status"] != "failed" else 0
    return Cost(
        jobs=1, attempts=1, epochs=epochs, wall_hours=hours, gpu_hours=metrics["gpu_hours"],
        memory_gb_hours=memory * hours, peak_memory_gb=memory,
    )  # fmt: skip


def total(costs: Iterable[Cost]) -> Cost:
    found = Cost()
    for cost in costs:
        found.add(cost)
    return found


def as_table(found: dict[str, dict[str, Cost]]) -> str:
    """Tab-separated text: a row per sum, by what it is `of`."""
    rows = []
    for kind, costs in found.items():
        for name, cost in costs.items():
            energy = UNKNOWN if cost.energy_kwh is None else cost.energy_kwh
            rows.append([kind, name, *(_text(getattr(cost, column)) for column in HEADER[2:-1]), _text(energy)])
    return tables.text(HEADER, rows)


def _rule(folder: Path) -> Cost:
    return total(_job(row) for file in sorted(folder.rglob("*.tsv")) for row in tables.read(file))


def _job(row: dict[str, str]) -> Cost:
    """A row of Snakemake's benchmark: one job."""
    hours, memory = _number(row["s"]) / 3600, _number(row["max_rss"]) / 1024
    return Cost(
        jobs=1, attempts=1, wall_hours=hours, cpu_hours=_number(row["cpu_time"]) / 3600,
        memory_gb_hours=memory * hours, peak_memory_gb=memory,
    )  # fmt: skip


def _number(text: str) -> float:
    """Snakemake writes NA where a job was too short to be measured."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _text(value: str | float) -> str:
    """Whole numbers as such."""
    if isinstance(value, str):
        return value
    return str(round(value)) if value == round(value) and abs(value) >= 1 else f"{value:.5f}"
