"""Conversion of a CORSIKA 7 file, images and checksum included, against a bare corsikaio loop over the same file.

    python -m benchmarks.conversion

Goals: on one core at least 0.8 of the speed of the bare loop, which only iterates; two processes almost twice as fast
as one.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from corsikaio import CorsikaParticleFile

from cascada.data import sources

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from corsika_writer import Shower, random_rows, write_corsika

SHOWERS, PARTICLES = 40, 200_000  # of one file: 224 MB plain, 256 MB thinned
REPEATS = 3


def iterate(path: Path, thinned: bool) -> None:
    """The bare loop: what anybody has to do who wants to see the particles."""
    with CorsikaParticleFile(path, thinning=thinned) as file:
        for _ in file:
            pass


def convert(path: Path) -> None:
    options = sources.make_options("corsika7", {})
    sources.convert("corsika7", [path], path.with_suffix(".h5"), options)


def seconds(*functions: Callable[[], None]) -> list[float]:
    """Return the best time of each function, run in turns so that a busy moment of the machine meets all of them."""
    best = [float("inf")] * len(functions)
    for _ in range(REPEATS):
        for index, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[index] = min(best[index], time.perf_counter() - start)
    return best


def scaling(files: list[Path]) -> float:
    """Return how much faster two processes convert several files than one does, their start left out."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as one, context.Pool(2) as two:
        for pool in (one, two):
            pool.map(convert, files, chunksize=1)  # imports, page cache
        alone, together = seconds(
            lambda: one.map(convert, files, chunksize=1), lambda: two.map(convert, files, chunksize=1)
        )
    return alone / together


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio, goal."""
    tables = [random_rows(PARTICLES, seed=seed, thinned=True) for seed in range(4)]
    showers = [Shower(particles=tables[number % 4]) for number in range(SHOWERS)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for thinned in (False, True):
            kind = "thinned" if thinned else "plain"
            path = write_corsika(Path(folder) / f"DAT_{kind}", showers, thinned=thinned)
            bare, converted = seconds(lambda: iterate(path, thinned), lambda: convert(path))  # noqa: B023
            size = path.stat().st_size / 1e6
            print(
                f"{kind} file of {size:.0f} MB, {SHOWERS * PARTICLES / 1e6:.0f} million particles: "
                f"corsikaio alone {size / bare:.0f} MB/s, conversion {size / converted:.0f} MB/s"
            )
            rows.append((f"conversion / bare corsikaio loop, {kind}, one core", bare / converted, 0.8))
        if (os.cpu_count() or 1) > 1:
            files = [write_corsika(Path(folder) / f"DAT_{number}", showers) for number in range(4)]
            rows.append(("four files: two processes / one process", scaling(files), 1.7))
    print(f"\n{'conversion':<55} {'ratio':>6} {'goal':>6}")
    for name, ratio, goal in rows:
        print(f"{name:<55} {ratio:>6.2f} {goal:>6.2f}")
    return rows


if __name__ == "__main__":
    main()
