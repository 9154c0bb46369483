"""Write CORSIKA 7 particle files for tests and benchmarks: plain or thinned, with any primary, particles and levels.

    write_corsika(path, [Shower(particles=rows([14], energy=[5.0], x=[1.0], y=[2.0]))], thinned=True)

Layout: see src/cascada/data/sources/corsika7.py. Written with struct and NumPy only, so that the reader is not tested
against itself.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

WORDS = {False: 273, True: 312}
BLOCKS_PER_RECORD = 21
PROTON_MASS = 0.93827209


@dataclass(kw_only=True)
class Shower:
    """One shower. `particles` float32 (n, 8): word 0, px, py, pz [GeV/c], x, y [cm], t [ns], weight."""

    particles: np.ndarray = field(default_factory=lambda: np.zeros((0, 8), np.float32))
    primary: int = 14
    energy: float = 1000.0  # GeV
    zenith: float = 0.0  # rad
    azimuth: float = 0.0  # rad
    number: int | None = None  # its place in the file, from 1, if not given
    long_blocks: int = 0
    counted: float | None = None  # EVTE's number of particles, the right one if not given
    run: int | None = None  # of its header, the file's if not given


def rows(codes, momentum, x, y, level=1, weight=1.0, generation=1) -> np.ndarray:
    """Return particle rows (n, 8); momentum (n,) [GeV/c] straight down, x, y (n,) [m]."""
    table = np.zeros((len(codes), 8), np.float32)
    table[:, 0] = np.asarray(codes) * 1000 + generation * 10 + level
    table[:, 3], table[:, 4], table[:, 5] = momentum, np.asarray(x) * 100, np.asarray(y) * 100
    table[:, 6], table[:, 7] = 1e4, weight
    return table


def counted(particles: np.ndarray) -> int:
    """Return what EVTE word 7 counts of rows (n, 8): no bookkeeping, no ancestors (of negative codes), no empty rows."""
    return int(((particles[:, 0] > 0) & ~np.isin(particles[:, 0] // 1000, [75, 76, 85, 86, 95, 96])).sum())


def random_rows(number: int, seed: int, level: int = 1, thinned: bool = False) -> np.ndarray:
    """Return rows (n, 8) such as a shower has them: mostly photons and electrons, some muons and hadrons."""
    generator = np.random.default_rng(seed)
    codes = generator.choice([1, 2, 3, 5, 6, 13, 14, 8], number, p=[0.75, 0.09, 0.1, 0.02, 0.02, 0.01, 0.005, 0.005])
    radius = 60 * generator.gamma(1.0, 1.5, number)
    angle = generator.uniform(0, 2 * np.pi, number)
    table = rows(codes, 0, radius * np.cos(angle), radius * np.sin(angle), level)
    table[:, 1:4] = generator.lognormal(-4, 1.2, (number, 1)) * generator.normal(0, 1, (number, 3))
    if thinned:
        table[:, 7] = generator.uniform(1, 100, number)
    return table


def write_corsika(
    path: Path,
    showers: list[Shower],
    thinned: bool = False,
    levels=(5200.0,),  # m
    marker: int | None = None,
    run: int = 7,
    end: bool = True,
    compress=None,
) -> Path:
    """Write a particle file and return its path. `marker` overrides the record marker, `end=False` leaves RUNE out."""
    size = 4 * WORDS[thinned] * BLOCKS_PER_RECORD
    mark = struct.pack("<i", marker or size)
    with path.open("wb") as file:
        for record in _records(showers, thinned, levels, run, end):
            file.write(mark + record.ljust(size, b"\0") + mark)
    if compress:
        path.write_bytes(compress(path.read_bytes()))
    return path


def _records(showers: list[Shower], thinned: bool, levels, run: int, end: bool) -> Iterator[bytes]:
    """Yield the sub-blocks of the file, 21 by 21; the last record may be shorter."""
    blocks = [_run_header(showers, thinned, levels, run)]
    for number, shower in enumerate(showers, start=1):
        blocks += _shower(shower, shower.number or number, thinned, levels, run)
        whole = len(blocks) // BLOCKS_PER_RECORD * BLOCKS_PER_RECORD
        for start in range(0, whole, BLOCKS_PER_RECORD):
            yield b"".join(blocks[start : start + BLOCKS_PER_RECORD])
        blocks = blocks[whole:]
    if end:
        blocks.append(_block(b"RUNE", thinned, {2: run, 3: len(showers)}))
    yield b"".join(blocks)


def _block(name: bytes, thinned: bool, words: dict[int, float]) -> bytes:
    """Return one sub-block; `words` counts from 1, as the User's Guide does."""
    block = np.zeros(WORDS[thinned], "<f4")
    for place, value in words.items():
        block[place - 1] = value
    return name + block.tobytes()[4:]


def _run_header(showers: list[Shower], thinned: bool, levels, run: int) -> bytes:
    heights = {6 + i: height * 100 for i, height in enumerate(levels)}
    return _block(b"RUNH", thinned, {2: run, 4: 7.7, 5: len(levels), 93: len(showers), **heights})


def _shower(shower: Shower, number: int, thinned: bool, levels, run: int) -> list[bytes]:
    heights = {48 + i: height * 100 for i, height in enumerate(levels)}
    header = {
        2: number,
        3: shower.primary,
        4: shower.energy,
        11: shower.zenith,
        12: shower.azimuth,
        44: run if shower.run is None else shower.run,
        46: 7.7,
        47: len(levels),
        **heights,
    }
    columns = 8 if thinned else 7
    size = 39 * columns
    words = np.ascontiguousarray(shower.particles[:, :columns], "<f4").reshape(-1)
    words = np.concatenate([words, np.zeros(-len(words) % size, "<f4")]).tobytes()
    data = [words[i : i + 4 * size] for i in range(0, len(words), 4 * size)]
    long = [_block(b"LONG", thinned, {2: number, 14: 3.3})] * shower.long_blocks
    end = _block(
        b"EVTE", thinned, {2: number, 7: counted(shower.particles) if shower.counted is None else shower.counted}
    )
    return [_block(b"EVTH", thinned, header), *data, *long, end]
