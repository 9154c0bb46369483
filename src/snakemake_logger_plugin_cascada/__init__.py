"""`snakemake --logger cascada`: one line for each job that has ended and a bar for the rest, instead of pages of rules.

A logger plugin of Snakemake, which finds it by its name. Errors and warnings are printed as Snakemake prints them by default, and
the log files under .snakemake/log hold all that they always hold.
"""

import functools
import json
import sys
import time
from collections import Counter
from logging import WARNING, LogRecord
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from cascada.core import paths
from cascada.core.classes import meaning

ERRORS = (LogEvent.ERROR, LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR)
CHATTER = (
    "Select jobs to execute",
    "Execute ",
    "Building DAG",
    "Assuming ",
    "Conda environments",
    "Using shell",
    "host: ",
)


class LogHandler(LogHandlerBase):
    """Keeps which jobs run; what Snakemake's own filter lets through comes here."""

    def __post_init__(self) -> None:
        self.console = Console(file=sys.stdout if self.common_settings.stdout else sys.stderr, highlight=False)
        self.running: dict[int, tuple[str, str, float, list[str]]] = {}  # rule, wildcards, start, outputs
        self.ended: list[str] = []  # lines that wait for their number
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=self.console, transient=True, disable=not self.console.is_terminal, redirect_stdout=False,
        )  # fmt: skip
        self.task = self.bar.add_task("", total=None)

    def emit(self, record: LogRecord) -> None:
        try:
            event = getattr(record, "event", None)
            if self.common_settings.dryrun or event in ERRORS or record.levelno >= WARNING:
                self._say(self.format(record))
            elif event == LogEvent.JOB_INFO:
                self._starts(record)
            elif event == LogEvent.JOB_FINISHED:
                self._ends(getattr(record, "job_id", getattr(record, "jobid", -1)))
            elif event == LogEvent.PROGRESS:
                self._counts(**{name: getattr(record, name) for name in ("done", "total")})
            elif event is None and not str(record.msg or "").strip().startswith(CHATTER):
                self._say(self.format(record))
        except Exception:
            self.handleError(record)

    def _say(self, text: str) -> None:
        if text.strip():
            self.console.print(text, markup=False, soft_wrap=True)

    def _starts(self, record: Any) -> None:
        """`record`: with what Snakemake adds to it for a job."""
        of = " ".join(
            f"{name} {value}" if value.isdigit() else value for name, value in (record.wildcards or {}).items()
        )
        self.running[record.jobid] = (record.rule_name, of, time.monotonic(), list(record.output or []))
        self._show()

    def _ends(self, job: int) -> None:
        rule, wildcards, started, outputs = self.running.pop(job, ("job", str(job), time.monotonic(), []))
        parts = [rule.replace("_", " "), wildcards, _result(outputs)]
        self.ended.append(f"{' '.join(part for part in parts if part)} ({time.monotonic() - started:.0f} s)")

    def _counts(self, done: int, total: int) -> None:
        """The number comes after the jobs that it counts."""
        first = done - len(self.ended) + 1
        for number, line in enumerate(self.ended, first):
            self._say(f"[{number}/{total}] {line}")
        self.ended.clear()
        self.bar.update(self.task, completed=done, total=total)
        self._show()

    def _show(self) -> None:
        rules = Counter(rule.replace("_", " ") for rule, *_ in self.running.values())
        names = ", ".join(f"{number} × {rule}" if number > 1 else rule for rule, number in sorted(rules.items()))
        self.bar.update(self.task, description=names or "waiting")
        if self.running:
            self.bar.start()
        else:
            self.bar.stop()

    def close(self) -> None:
        self.bar.stop()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return False

    @property
    def has_formatter(self) -> bool:
        return False

    @property
    def needs_rulegraph(self) -> bool:
        return False


def _result(outputs: list[str]) -> str:
    """The validation F1 of a trial that has just ended, "" for other jobs."""
    path = next((Path(path) for path in outputs if Path(path).name == "metrics.json" and "trials" in path), None)
    if path is None or not path.exists():
        return ""
    found = json.loads(path.read_text(encoding="utf-8"))
    f1 = found["validation"]["f1"]
    if f1 is None or found["status"] != "completed":
        return found["status"]
    results = next(folder for folder in path.parents if folder.name == "trials").parent
    return f"F1{_of_class(results)} {f1:.4f}"


@functools.cache
def _of_class(results: Path) -> str:
    """Of which class F1 is, from what the merge has counted; "" where that is missing."""
    summary = results / paths.SUMMARY
    return meaning(json.loads(summary.read_text(encoding="utf-8")), "f1") if summary.exists() else ""
