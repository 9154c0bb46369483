"""What a search cost: seconds, processor, memory and GPU, per rule, from what trials and Snakemake's benchmarks recorded."""

from dataclasses import dataclass
from pathlib import Path

from cascada.core import tables
from cascada.core.files import read_json, write_text

HEADER = ("rule", "jobs", "wall_hours", "cpu_hours", "gpu_hours", "memory_gb_hours", "peak_memory_gb")


@dataclass(slots=True)
class Cost:
    """The sum over the jobs of one rule. Memory-hours count each job's peak [GiB] over its wall time."""

    rule: str
    jobs: int = 0
    wall_hours: float = 0.0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    memory_gb_hours: float = 0.0
    peak_memory_gb: float = 0.0

    def add(self, wall_seconds: float, cpu_seconds: float, peak_mb: float) -> None:
        hours, memory = wall_seconds / 3600, peak_mb / 1024
        self.jobs += 1
        self.wall_hours += hours
        self.cpu_hours += cpu_seconds / 3600
        self.memory_gb_hours += memory * hours
        self.peak_memory_gb = max(self.peak_memory_gb, memory)


def summarize(benchmarks: Path, trials: list[Path], path: Path) -> list[Cost]:
    """Sum up `benchmarks/<rule>/**.tsv` and the GPU-hours of the trials' metrics.json; write costs.tsv."""
    costs = [_rule(folder) for folder in sorted(benchmarks.iterdir()) if folder.is_dir()] if benchmarks.is_dir() else []
    by_rule = {cost.rule: cost for cost in costs if cost.jobs}
    if "train" in by_rule:
        by_rule["train"].gpu_hours = sum(read_json(trial)["gpu_hours"] for trial in trials)
    write_text(path, as_table(list(by_rule.values())))
    return list(by_rule.values())


def as_table(costs: list[Cost]) -> str:
    """Tab-separated text with a last row for all rules together."""
    total = Cost("all")
    for cost in costs:
        for name in HEADER[1:-1]:
            setattr(total, name, getattr(total, name) + getattr(cost, name))
        total.peak_memory_gb = max(total.peak_memory_gb, cost.peak_memory_gb)
    rows = [[_text(getattr(cost, name)) for name in HEADER] for cost in [*costs, total]]
    return tables.text(HEADER, rows)


def _rule(folder: Path) -> Cost:
    cost = Cost(folder.name)
    for file in sorted(folder.rglob("*.tsv")):
        for row in tables.read(file):
            cost.add(_number(row["s"]), _number(row["cpu_time"]), _number(row["max_rss"]))
    return cost


def _number(text: str) -> float:
    """Snakemake writes NA where a job was too short to be measured."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _text(value: str | int | float) -> str:
    return f"{value:.5f}" if isinstance(value, float) else str(value)
