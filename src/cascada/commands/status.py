"""`cascada status [RESULTS]`: the state of a search, from its files alone, live or once."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cascada.core import paths
from cascada.core.errors import CascadaError
from cascada.statistics.names import HEADLINES

if TYPE_CHECKING:
    from cascada.report.progress.status import SearchStatus

HELP = "show the state of a running search: trials by state, speed, time left, recent failures"


def run(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    results = Path(arguments.results) if arguments.results else newest(paths.RESULTS)
    if arguments.serve:
        _serve(results, arguments.serve)
    elif arguments.json:
        from cascada.report.progress.status import as_json, collect

        print(json.dumps(as_json(collect(results))))
    elif arguments.once or not sys.stdout.isatty():
        _print(results, arguments.metric)
    else:
        _watch(results, arguments.metric, arguments.interval)
    return 0


def newest(folder: Path) -> Path:
    """Return the experiment's results folder that changed last. Raises CascadaError where there is none."""
    found = [path for path in folder.glob("*") if (path / "search").is_dir() or (path / "trials").is_dir()]
    if not found:
        raise CascadaError(f"{folder}: no results of a search here; start one with `snakemake`, or name its folder.")
    return max(found, key=lambda path: max(part.stat().st_mtime for part in [path, *path.glob("*")]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada status",
        description="Show the state of a running search. Only files are read, so it works on any machine that sees them.",
    )
    parser.add_argument("results", nargs="?", metavar="RESULTS", help="results/<experiment>; the newest if omitted")
    parser.add_argument(
        "--once", action="store_true", help="print once and exit (the default if the output is not a terminal)"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON and exit")
    parser.add_argument(
        "--serve",
        metavar="HOST:PORT",
        help="show it to Prometheus, such as on 127.0.0.1:9464, until Ctrl-C (docs/monitoring.md)",
    )
    parser.add_argument("--metric", default="f1", choices=HEADLINES, help="validation metric to show")
    parser.add_argument(
        "--interval", type=float, default=2.0, metavar="SECONDS", help="between two updates (default: 2)"
    )
    return parser


def _serve(results: Path, address: str) -> None:
    from importlib.util import find_spec

    if find_spec("prometheus_client") is None:
        raise CascadaError("prometheus_client cannot be imported; install the extra: `pip install 'cascada[serve]'`.")
    from cascada.report.progress.exporter import serve_status

    found, thread = serve_status(results, address)
    print(f"{results}: metrics at http://{found}/metrics (Ctrl-C ends it)", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        thread.join()


def _print(results: Path, metric: str) -> None:
    from rich.console import Console

    from cascada.report.progress.status import collect, render

    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(render(collect(results), metric))


def _watch(results: Path, metric: str, interval: float) -> None:
    """Redraw until the search has ended or Ctrl-C."""
    from rich.live import Live

    from cascada.report.progress.status import collect, render

    with Live(render(collect(results), metric), screen=False, auto_refresh=False) as live:
        try:
            while not ended(status := collect(results)):
                live.update(render(status, metric), refresh=True)
                time.sleep(interval)
            live.update(render(status, metric), refresh=True)
        except KeyboardInterrupt:
            return


def ended(status: SearchStatus) -> bool:
    """Whether every trial that is expected has its result."""
    if status.stages:
        return all(stage.decided and stage.done >= stage.expected for stage in status.stages)
    counts = status.counts
    ended = counts["completed"] + counts["diverged"] + counts["failed"]
    return status.expected is not None and ended >= status.expected
