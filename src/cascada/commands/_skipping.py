"""`--on-error skip`: what a command says and writes of inputs that cannot be read."""

import argparse
import sys
from pathlib import Path

from cascada.data.skipped import STATUS, Skipped, write_list

CHOICES = ("stop", "skip")
HELP = "what to do with an input that cannot be read: stop (default), or skip and list it, and end with status 3"


class Skipping:
    """Collects the inputs that a command skips. `callback` is None if it should stop at the first instead."""

    def __init__(self, command: str, on_error: str, output: Path):
        self.callback = self._add if on_error == "skip" else None
        self._command, self._output = command, output
        self._rows: list[Skipped] = []

    def _add(self, row: Skipped) -> None:
        print(f"cascada {self._command}: skipped: {row.reason}", file=sys.stderr)
        self._rows.append(row)

    def finish(self) -> int:
        """Write the list beside the output, or remove that of an earlier call; return the exit status."""
        path = self._output.with_suffix(".skipped.tsv")
        if not self._rows:
            path.unlink(missing_ok=True)
            return 0
        write_list(path, self._rows)
        print(f"{len(self._rows)} input(s) skipped: {path}")
        return STATUS


def add_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--on-error", choices=CHOICES, default="stop", help=HELP)
