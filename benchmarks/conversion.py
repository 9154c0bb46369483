"""Conversion of a CORSIKA 7 file, images and checksum included, against a bare corsikaio loop over the same file.

    python -m benchmarks.conversion

Goals: at least 0.9 of the speed of the bare loop, which only iterates, in one process that may use a second core (for the
checksum, which is made in a thread of its own), and 0.8 on one core; a second process on a second core gains as much as it gains in plain arithmetic on the
same machine at the same time, which is twofold where two cores are free. Ratios of a file are the median of REPEATS runs,
with the smallest and the largest beside it.
"""

import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
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


def ratios(one: Callable[[], None], other: Callable[[], None]) -> list[float]:
    """Return how long `one` takes in units of `other`, run by run, in rising order."""
    runs = [[seconds_of(function) for function in (one, other)] for _ in range(REPEATS)]
    return sorted(first / second for first, second in runs)


def seconds_of(function: Callable[[], None]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def pin(cores: list[int]) -> None:
    os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """Keep this process, its new threads included, on one core."""
    cores = os.sched_getaffinity(0)
    pin(sorted(cores)[:1])
    try:
        yield
    finally:
        pin(sorted(cores))


def compute(_: Path) -> None:
    """Plain arithmetic in the processor's cache: what two processes gain here is what the machine has to give."""
    values = np.ones(20_000)
    for _ in range(20_000):
        values *= 1.0000001


def scaling(files: list[Path]) -> tuple[float, float]:
    """Return how much faster two processes are than one, start left out: in conversion, and in plain arithmetic.

    All four run in turns: on a machine that does other work, neither gains two.
    """
    context = multiprocessing.get_context("spawn")
    cores = sorted(os.sched_getaffinity(0))
    with context.Pool(1, pin, (cores[:1],)) as one, context.Pool(2, pin, (cores[:2],)) as two:
        for pool in (one, two):
            pool.map(convert, files, chunksize=1)  # imports, page cache
        times = seconds(
            *(lambda p=pool, w=work: p.map(w, files, chunksize=1) for work in (convert, compute) for pool in (one, two))
        )
    return times[0] / times[1], times[2] / times[3]


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio, goal."""
    tables = [random_rows(PARTICLES, seed=seed, thinned=True) for seed in range(4)]
    showers = [Shower(particles=tables[number % 4]) for number in range(SHOWERS)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for thinned in (False, True):
            kind = "thinned" if thinned else "plain"
            path = write_corsika(Path(folder) / f"DAT_{kind}", showers, thinned=thinned)
            convert(path)  # imports, page cache
            with pinned():
                alone = ratios(lambda: iterate(path, thinned), lambda: convert(path))  # noqa: B023
            found = ratios(lambda: iterate(path, thinned), lambda: convert(path))  # noqa: B023
            size = path.stat().st_size / 1e6
            print(
                f"{kind} file of {size:.0f} MB, {SHOWERS * PARTICLES / 1e6:.0f} million particles: "
                f"conversion {size / seconds_of(lambda: convert(path)):.0f} MB/s, "  # noqa: B023
                f"{found[0]:.2f} to {found[-1]:.2f} of corsikaio alone, on one core {alone[0]:.2f} to {alone[-1]:.2f}"
            )
            rows.append((f"conversion / bare corsikaio loop, {kind}, one process", found[len(found) // 2], 0.9))
            rows.append((f"conversion / bare corsikaio loop, {kind}, one core", alone[len(alone) // 2], 0.8))
        if (os.cpu_count() or 1) > 1:
            files = [write_corsika(Path(folder) / f"DAT_{number}", showers) for number in range(4)]
            gain, possible = scaling(files)
            print(f"two processes: conversion {gain:.2f} times as fast as one, plain arithmetic {possible:.2f} times")
            rows.append(("four files: gain by a second process / machine's gain", gain / possible, 0.85))
    print(f"\n{'conversion':<55} {'ratio':>6} {'goal':>6}")
    for name, ratio, goal in rows:
        print(f"{name:<55} {ratio:>6.2f} {goal:>6.2f}")
    return rows


if __name__ == "__main__":
    main()
