"""What a run has cost, per rule: hours of cores, GPUs and memory, counted as the cluster does: allocated times elapsed."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from .. import resources
from ..resources import Request


@dataclasses.dataclass(frozen=True, kw_only=True)
class Usage:
    """One allocation, from its start to its end."""

    whole: Request
    jobs: int
    failed: int
    elapsed_s: float
    cpu_seconds: float  # that the jobs really used
    max_rss_mb: float
    job_id: str = ""
    names: str = ""  # of its jobs

    @property
    def cpu_share(self) -> float | None:
        """Of the time of the cores that were allocated; None where nothing is known."""
        allocated = self.whole.cpus * (self.whole.tasks or 1) * self.elapsed_s
        return self.cpu_seconds / allocated if allocated and self.cpu_seconds else None

    @property
    def memory_share(self) -> float | None:
        """Of the memory of one job: what its largest process has had; None where nothing is known or asked for."""
        asked = resources.memory_mb(self.whole) / min(self.whole.concurrent, self.jobs)
        return self.max_rss_mb / asked if asked and self.max_rss_mb else None


def usage(whole: Request, results: Iterable[dict | None], elapsed_s: float) -> Usage:
    """Put together what the members' result files and the cluster say of one task."""
    results = list(results)
    known = [result for result in results if result]
    spans = [elapsed_s, *(result.get("wall_seconds") or 0.0 for result in known)]
    begun = [result["started"] for result in known if result.get("started")]
    ended = [result["ended"] for result in known if result.get("ended")]
    if begun and ended:
        spans.append(max(ended) - min(begun))
    return Usage(
        whole=whole,
        jobs=len(results),
        failed=len(results) - sum(result.get("status") == "ok" for result in known),
        elapsed_s=max(spans),
        cpu_seconds=sum(result.get("cpu_seconds") or 0.0 for result in known),
        max_rss_mb=max((result.get("max_rss_mb") or 0.0 for result in known), default=0.0),
    )


def gpus(whole: Request) -> int:
    """GPUs of the allocation; of `gres: gpu:2` as well."""
    named = [part for part in (whole.gres or "").split(",") if part.partition(":")[0] == "gpu"]
    lasts = [part.rpartition(":")[2] for part in named]
    return whole.gpus + sum(int(last) if last.isdigit() else 1 for last in lasts) * (whole.nodes or 1)


COLUMNS = ("rule", "jobs", "allocations", "CPU h", "used", "GPU h", "memory GB h", "highest MB")


def table(usages: Iterable[Usage]) -> str:
    """The table that is printed at the end; empty if there is nothing to tell."""
    rows: dict[str, list[Usage]] = {}
    for one in usages:
        rows.setdefault(one.whole.rule, []).append(one)
    if not rows:
        return ""
    lines = [_row(rule, used) for rule, used in rows.items()]
    if len(rows) > 1:
        lines.append(_row("all", [one for used in rows.values() for one in used]))
    widths = [max(len(line[column]) for line in [COLUMNS, *lines]) for column in range(len(COLUMNS))]
    texts = []
    for line in [COLUMNS, *lines]:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        texts.append("  ".join(cells))
    return "\n".join(texts)


def _row(rule: str, used: list[Usage]) -> tuple[str, ...]:
    cpu_h = sum(one.whole.cpus * (one.whole.tasks or 1) * one.elapsed_s for one in used) / 3600
    busy_h = sum(one.cpu_seconds for one in used) / 3600
    return (
        rule,
        str(sum(one.jobs for one in used)),
        str(len(used)),
        f"{cpu_h:.3f}",
        f"{busy_h / cpu_h:.0%}" if cpu_h else "-",
        f"{sum(gpus(one.whole) * one.elapsed_s for one in used) / 3600:.3f}",
        f"{sum(resources.memory_mb(one.whole) * one.elapsed_s for one in used) / 3600 / 1000:.3f}",
        f"{max(one.max_rss_mb for one in used):.0f}",
    )


REPORTED = (
    "job_id",
    "rule",
    "jobs",
    "failed",
    "elapsed_s",
    "cpus",
    "cpu_share",
    "mem_mb",
    "max_rss_mb",
    "memory_share",
    "gpus",
    "names",
)


def write_report(path: Path, usages: Iterable[Usage]) -> None:
    """Add a line per allocation to a table of tab-separated values, with a head if it is new. OSError if that fails."""
    rows = [
        (
            one.job_id, one.whole.rule, one.jobs, one.failed, f"{one.elapsed_s:.0f}", one.whole.cpus, _share(one.cpu_share),
            resources.memory_mb(one.whole), f"{one.max_rss_mb:.0f}", _share(one.memory_share), gpus(one.whole), one.names,
        )
        for one in usages
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not file.tell():
            file.write("\t".join(REPORTED) + "\n")
        file.writelines("\t".join(str(cell).replace("\t", " ") for cell in row) + "\n" for row in rows)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def wasteful(usages: Iterable[Usage], threshold: float) -> list[str]:
    """Rules all of whose allocations together have used less than this share of their cores' time, or of their memory."""
    rows: dict[str, list[Usage]] = {}
    for one in usages:
        if not one.failed:
            rows.setdefault(one.whole.rule, []).append(one)
    found = []
    for rule, used in rows.items():
        allocated = sum(one.whole.cpus * (one.whole.tasks or 1) * one.elapsed_s for one in used)
        busy = sum(one.cpu_seconds for one in used)
        if allocated and busy and busy / allocated < threshold:
            found.append(f"{rule}: {busy / allocated:.0%} of its cores' time")
        shares = [one.memory_share for one in used if one.memory_share is not None]
        if shares and max(shares) < threshold:
            found.append(f"{rule}: {max(shares):.0%} of its memory")
    return found
