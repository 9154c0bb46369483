"""CORSIKA 7 particle files, thinned or not, plain or compressed with gzip or zstd, read with corsikaio.

Layout (User's Guide, section "Particle output files"): little-endian float32 in sub-blocks of 273 words (thinned: 312),
21 of them in each Fortran record between two 4-byte markers of value 22932 (thinned: 26208). The sub-blocks are
RUNH, then for each shower EVTH, particles, LONG, EVTE, then RUNE and zeros. A row of particles, 7 words (thinned: 8):

| word | content                                                                          |
|------|----------------------------------------------------------------------------------|
| 0    | code * 1000 + generation * 10 + number of the observation level, 0 in an empty row |
| 1-3  | momentum px, py, pz [GeV/c]; the energy is √(p² + m²)                              |
| 4, 5 | x, y [cm] relative to the shower's axis                                            |
| 6    | time [ns]                                                                          |
| 7    | weight (thinned only)                                                              |

Rows of code 75, 76, 85, 86, 95, 96 repeat muons with their production, negative ones describe ancestors: neither are
particles at ground, both are left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cascada.data.particles import BOOKKEEPING, CODES, UNKNOWN, groups, masses
from cascada.data.projection import Projection, blocks, check_channels, check_cores, events_of, random_cores
from cascada.data.sources import Block, Progress
from cascada.errors import ConfigError, DataError

if TYPE_CHECKING:
    from corsikaio import CorsikaParticleFile

KIND = "corsika7"
RECORD_MARKERS = {22932: False, 26208: True}  # bytes in a record: thinned?
WORDS = {False: 273, True: 312}  # thinned?: words in a sub-block
CHUNK = 32_768  # particles worked on at a time, so that the arrays stay in the processor's cache
LEVEL_TOLERANCE = 1.0  # m


@dataclass(frozen=True, kw_only=True)
class Options:
    channels: tuple[str, ...] = ("energy",)
    altitude: float = 5200.0  # m a.s.l.: the observation level to take
    core_offset: float = 0.0  # m: radius of the disc in which random cores fall
    cores_per_shower: int = 1  # images made from one shower
    seed: int = 1  # of the random cores

    def __post_init__(self):
        check_channels(self.channels)
        check_cores(self.core_offset, self.cores_per_shower)
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed} given, expected 0 or more.")


def can_read(path: Path) -> bool:
    """Whether the file, once uncompressed, starts as a CORSIKA 7 file."""
    try:
        head = _head(path)
    except Exception:
        return False
    return b"RUNH" in (head[:4], head[4:8])


def showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Yield the showers of one particle file. Random cores depend on seed, run and shower number only."""
    yield from blocks(_showers(Path(path), options, progress))


def _showers(path: Path, options: Options, progress: Progress | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    number = 0
    with _open(path) as file:
        total = int(file.run_header["n_showers"])
        for number, (header, rows) in enumerate(_events(path, file), start=1):
            level = _level(path, header, options.altitude)
            shower = int(header[1])
            seed = [options.seed, int(header[43]), shower]
            cores = random_cores(options.cores_per_shower, options.core_offset, seed)
            projection = Projection(options.channels, cores)
            _project(f"{path}: shower {shower}", rows, level, projection)
            primary = {"primary": header[2], "true_energy": header[3], "zenith": header[10], "azimuth": header[11]}
            first = (number - 1) * len(cores)
            yield projection.images, events_of(projection, cores, first, shower, primary)
            if progress:
                progress(number, max(number, total))
    if number == 0:
        raise DataError(f"{path}: no shower between RUNH and RUNE, expected at least one; leave this file out.")


def _open(path: Path) -> CorsikaParticleFile:
    """Open a file after checking that it is one of CORSIKA's and whether it is thinned. Raises DataError."""
    from corsikaio import CorsikaParticleFile

    thinned = _thinned(path)
    with _readable(path, "run header"):
        return CorsikaParticleFile(path, thinning=thinned, parse_blocks=False)


class _readable:
    """Turn what corsikaio and the decompressors raise on broken input into a DataError that names the place."""

    def __init__(self, path: Path, place: str):
        self._path, self._place = path, place

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, OSError | ValueError | EOFError | zlib.error) or (kind and kind.__name__ == "ZstdError"):
            raise DataError(
                f"{self._path}: {self._place}: {error}; expected a complete CORSIKA 7 particle file, from RUNH to "
                "RUNE. Copy the file again or leave it out."
            ) from error


def _thinned(path: Path) -> bool:
    """Tell thinned from plain files by the record marker and check that the sub-blocks agree. Raises DataError."""
    with _readable(path, "start of file"):
        head = _head(path)
    if head[4:8] == b"RUNH":
        (marker,) = struct.unpack("<i", head[:4])
        if marker not in RECORD_MARKERS:
            raise DataError(
                f"{path}: start of file: record marker {marker} given, expected 22932 (plain) or 26208 (thinned); "
                "convert it on the kind of machine that wrote it, or write it again with CORSIKA's default output."
            )
        thinned, start = RECORD_MARKERS[marker], 4
    elif head[:4] == b"RUNH":  # no Fortran records: only the content can tell
        thinned, start = head[4 * WORDS[True] :][:4] in (b"EVTH", b"RUNE"), 0
    else:
        given = repr(head[:8]) if head else "nothing (an empty file, or one cut short while compressed)"
        raise DataError(
            f"{path}: start of file: {given} given, expected a record marker and RUNH; "
            "this is no CORSIKA 7 particle file, check --source or `kind:`."
        )
    found = {key: head[start + 4 * words :][:4] for key, words in WORDS.items()}
    if found[thinned] not in (b"EVTH", b"RUNE"):
        if found[not thinned] in (b"EVTH", b"RUNE"):
            names = {False: "plain", True: "thinned"}
            raise DataError(
                f"{path}: first record: its marker says {names[thinned]}, its content is {names[not thinned]}; "
                "expected both to agree. The file was damaged or rewritten: get the original."
            )
        raise DataError(
            f"{path}: first record: {found[thinned]!r} after the run header, expected EVTH; "
            "the file is damaged or cut short: copy it again or leave it out."
        )
    return thinned


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, uncompressed: the first record as far as its second sub-block's name."""
    from corsikaio.io import open_compressed

    with open_compressed(path) as file:
        return file.read(4 + 4 * WORDS[True] + 4)


def _events(path: Path, file: CorsikaParticleFile) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield header (words,) and particle rows (n, 7 or 8), views of corsikaio's memory, of each shower."""
    place = "before the first shower"
    while True:
        with _readable(path, place):
            try:
                event = next(file)
            except StopIteration:
                return
        yield event.header, event.particles
        place = f"after shower {int(event.header[1])}"


def _level(path: Path, header: np.ndarray, altitude: float) -> int:
    """Return the number, from 1, of the observation level at `altitude`. EVTH words 47 and 48-57 [cm] hold them."""
    heights = header[47 : 47 + int(header[46])] / 100
    near = np.flatnonzero(np.abs(heights - altitude) <= LEVEL_TOLERANCE)
    if len(near) == 0:
        raise DataError(
            f"{path}: shower {int(header[1])}: no observation level at {altitude:g} m, there is "
            f"{', '.join(f'{height:g} m' for height in heights) or 'none'}; set the source's `altitude` to one of them."
        )
    return int(near[0]) + 1


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of each code."""
    return np.nan_to_num(masses()) ** 2, groups()


def _project(place: str, rows: np.ndarray, level: int, projection: Projection) -> None:
    """Add the particles of one observation level to the images."""
    squared_mass, group_of = _tables()
    for start in range(0, len(rows), CHUNK):
        columns = np.ascontiguousarray(rows[start : start + CHUNK].T)
        description = columns[0].astype(np.int32)
        code = description // 1000
        if code.max() >= CODES:
            raise DataError(_unknown(place, int(code.max())))
        np.maximum(code, 0, out=code)
        group = group_of[code]
        keep = (group < BOOKKEEPING) & (description % 10 == level % 10)
        if not keep.all():
            foreign = (group == UNKNOWN) & (description >= 1000)
            if foreign.any():
                raise DataError(_unknown(place, int(code[foreign][0])))
            columns, code, group = columns[:, keep], code[keep], group[keep]
        px, py, pz, x, y = columns[1:6]
        energy = np.sqrt(px * px + py * py + pz * pz + squared_mass[code])
        weight = columns[7] if len(columns) > 7 else None
        if not np.isfinite(energy.sum() + x.sum() + y.sum() + (0 if weight is None else weight.sum())):
            raise DataError(
                f"{place}: NaN or infinite momentum, position or weight among the particles, expected finite numbers; "
                "the file is damaged: copy it again or leave it out."
            )
        projection.add(x * np.float32(0.01), y * np.float32(0.01), energy, group, weight)


def _unknown(place: str, code: int) -> str:
    return (
        f"{place}: particle code {code} is unknown, expected a code of CORSIKA's table of particles; "
        "is this a Cherenkov photon file or a damaged one? Give a particle file (DAT......)."
    )
