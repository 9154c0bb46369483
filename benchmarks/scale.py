"""A search of thousands of trials that have ended: how long `cascada status` takes, and TensorBoard's table in a browser.

    python -m benchmarks.scale [--trials 1000 10000] [--only status|tensorboard]

Goals: the status of 10,000 trials in less than 1 s; the HParams table complete in Chromium with 1,000 runs in less than 10 s, with
10,000 in less than 60 s, the server's reading of the files included. Trials leave the files that training leaves, with invented
values: rungs of 2, 6 and 18 epochs, a TensorBoard run of each. Processor time counts, so that a busy machine disturbs little; wall
time is printed beside it, and the machine's load. The dry-run of such searches is measured by benchmarks.dryrun.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.finished import write_search
from benchmarks.spending import run
from cascada.core import paths

STATUS_S, TABLE_S = 1.0, {1000: 10.0, 10_000: 60.0}  # goals


def status(number: int, folder: Path) -> list[tuple[str, float, float]]:
    """Measure `cascada status` and return rows: what, seconds, goal."""
    rows = []
    for option in ("--once", "--json"):
        spent = run([sys.executable, "-m", "cascada", "status", "results/scale", option], folder)
        text = f"cascada status {option}, {number:,} configurations"
        print(f"{text:<50} {spent}{load()}", flush=True)
        rows.append((text, spent.cpu, STATUS_S))
    return rows


def table(number: int, logdir: Path) -> list[tuple[str, float, float]]:
    """Measure TensorBoard's table and return a row: what, seconds, goal."""
    from benchmarks.hparams import measure

    shown = measure(logdir, number)
    text = f"TensorBoard's table of {number:,} runs"
    parts = f"browser {shown.browser:.1f} s, server {shown.server:.1f} s, loaded {shown.loaded} time(s)"
    print(
        f"{text:<50} {shown.cpu:.1f} s ({shown.wall:.1f} s), {parts}, {shown.rows} rows on the page{load()}", flush=True
    )
    return [(text, shown.cpu, TABLE_S.get(number, TABLE_S[10_000]))]


def load() -> str:
    """What else the machine did in the last minute, to be read beside the wall time: its load, and how many cores it has."""
    return f"; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"


def main(*arguments: str) -> list[tuple[str, float, float]]:
    """Print a line for each measurement and return rows: what was measured, seconds, goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--only", choices=("status", "tensorboard"), help="measure one of the two")
    chosen, rows = parser.parse_args(arguments), []
    for number in chosen.trials:
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder) / "results/scale"
            write_search(results, number, tensorboard=chosen.only != "status")
            rows += status(number, Path(folder)) if chosen.only != "tensorboard" else []
            rows += table(number, results / paths.TENSORBOARD) if chosen.only != "status" else []
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
