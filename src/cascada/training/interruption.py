"""Stop cleanly: notice a signal or the death of the workflow that started us, and say that work was saved.

SLURM sends SIGUSR2 before a time limit and SIGTERM at a preemption. A script's exit status does not reach
the executor, so "saved, please start me again" is a marker file whose path stands in the job's environment.
"""

import os
import signal
import time
from pathlib import Path

import psutil

DETERMINES_NO_RESULT = True  # for cascada.core.digest: an interrupted trial ends with the same bits

MARKER_VARIABLE = "SNAKEMAKE_SUBMITIT_REQUEUE_MARKER"
SIGNALS = (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT)
SECONDS_BETWEEN_LOOKS = 1.0


class Interrupted(SystemExit):
    """The process was asked to end and has saved its work."""


class Interruption:
    """Becomes true once a signal has come or the workflow's process has gone. Use as a context, in the main thread."""

    def __init__(self):
        self.reason: str | None = None
        self._workflow = _workflow_process()
        self._next_look = 0.0

    def __enter__(self) -> "Interruption":
        self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame) -> None:
        self.reason = f"signal {signal.Signals(number).name}"

    def __bool__(self) -> bool:
        now = time.monotonic()
        if self.reason is None and self._workflow is not None and now >= self._next_look:
            self._next_look = now + SECONDS_BETWEEN_LOOKS
            if not self._workflow.is_running() or self._workflow.status() == psutil.STATUS_ZOMBIE:
                self.reason = f"the workflow's process {self._workflow.pid} has gone"
        return self.reason is not None


def leave(message: str) -> None:
    """Write the marker, if the job's environment names one, and end the process with a status other than 0."""
    marker = os.environ.get(MARKER_VARIABLE)
    if marker:
        Path(marker).write_text(message + "\n")
    raise Interrupted(message)


def _workflow_process() -> psutil.Process | None:
    """The nearest ancestor that is Snakemake, if any: a local job must not outlive it."""
    for parent in psutil.Process().parents():
        try:
            words = [Path(word).name for word in parent.cmdline()[:4]]
        except psutil.Error:
            continue
        if "snakemake" in words:
            return parent
    return None
