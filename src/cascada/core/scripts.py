"""What every rule's script shares: output goes to the rule's log, errors meant for users come without a traceback, freed memory is kept."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cascada.core.allocator import keep_freed_memory
from cascada.core.errors import CascadaError


class _Tee:
    """Write to the log file and to the screen."""

    def __init__(self, *streams):
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
            stream.flush()
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()


@contextlib.contextmanager
def logged(snakemake: Any) -> Iterator[None]:
    """Append what is printed to the rule's log; end with status 1 on a CascadaError, and in good order on SIGTERM.

    Appended, as a job may have written there before its script began. (Snakemake removes a rule's log before each start;
    on a cluster, the job's own log keeps all starts.)
    """
    keep_freed_memory()
    signal.signal(signal.SIGTERM, _end)
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a", encoding="utf-8") as file,
        contextlib.redirect_stdout(_Tee(file)),
        contextlib.redirect_stderr(_Tee(file, sys.stderr)),
    ):
        try:
            yield
        except CascadaError as error:
            print(f"{snakemake.rule}: {error}", file=sys.stderr)
            raise SystemExit(1) from None


def _end(number: int, _frame) -> None:
    """Leave through the exits of all contexts, so that no half-written file stays under its temporary name."""
    raise SystemExit(128 + number)
