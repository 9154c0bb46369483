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

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cascada.data.corsika_records import PARTICLES, ROWS, starts_as_corsika, sub_blocks
from cascada.data.particles import BOOKKEEPING, CODES, UNKNOWN, groups, masses
from cascada.data.projection import Projection, blocks, check_channels, check_cores, events_of, random_cores
from cascada.data.sources import Block, Progress
from cascada.errors import ConfigError, DataError

KIND = "corsika7"
LEVEL_TOLERANCE = 1.0  # m
FIRST_NUCLEUS = 200_000  # descriptions below belong to elementary particles


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
    return starts_as_corsika(path)


def showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Yield the showers of one particle file. Random cores depend on seed, run and shower number only."""
    yield from blocks(_showers(Path(path), options, progress))


def _showers(path: Path, options: Options, progress: Progress | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    total = number = 0
    for name, words in sub_blocks(path):
        if name == "RUNH":
            total = int(words[0, 92])
        elif name == "EVTH":
            header = words[0].copy()
            level, shower = _level(path, header, options.altitude), int(header[1])
            cores = random_cores(options.cores_per_shower, options.core_offset, [options.seed, int(header[43]), shower])
            projection = Projection(options.channels, cores)
        elif name == PARTICLES:
            _project(f"{path}: shower {shower}", words.reshape(len(words) * ROWS, -1), level, projection)
        elif name == "EVTE":
            primary = {"primary": header[2], "true_energy": header[3], "zenith": header[10], "azimuth": header[11]}
            primary |= {"run": int(header[43]), "event": shower}
            yield projection.images, events_of(projection, cores, number * len(cores), shower, primary)
            number += 1
            if progress:
                progress(number, max(number, total))
    if number == 0:
        raise DataError(f"{path}: no shower between RUNH and RUNE, expected at least one; leave this file out.")


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


def _project(place: str, rows: np.ndarray, level: int, projection: Projection) -> None:
    """Add the particles of one observation level, rows (n, 7 or 8), to the images."""
    columns = np.ascontiguousarray(rows.T)
    if not np.isfinite(columns.sum()):
        raise DataError(
            f"{place}: NaN or infinite momentum, position or weight among the particles, expected finite numbers; "
            "the file is damaged: copy it again or leave it out."
        )
    squared_mass, group = _look_up(place, columns[0].astype(np.intp), level)
    if group.max() >= BOOKKEEPING:
        keep = np.flatnonzero(group < BOOKKEEPING)
        columns, squared_mass, group = columns[:, keep], squared_mass[keep], group[keep]
    px, py, pz, x, y = columns[1:6]
    energy = px * px
    energy += py * py
    energy += pz * pz
    energy += squared_mass
    np.sqrt(energy, out=energy)
    x *= np.float32(0.01)  # cm -> m
    y *= np.float32(0.01)
    projection.add(x, y, energy, group, columns[7] if len(columns) > 7 else None)


def _look_up(place: str, description: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of each particle; BOOKKEEPING is the group of all that is to be left out."""
    if description.min() >= 0 and description.max() < FIRST_NUCLEUS:
        squared_mass, group_of = _tables(level)
        group = group_of[description]
        squared_mass = squared_mass[description]
    else:
        code = np.maximum(description // 1000, 0)
        squared_mass, group_of = _code_tables()
        group = group_of[np.minimum(code, CODES - 1)]
        squared_mass = squared_mass[np.minimum(code, CODES - 1)]
        group[(description < 1000) | (description % 10 != level % 10)] = BOOKKEEPING
        group[code >= CODES] = UNKNOWN
    if group.max() == UNKNOWN:
        code = int(description[np.argmax(group)]) // 1000
        raise DataError(
            f"{place}: particle code {code} is unknown, expected a code of CORSIKA's table of particles; "
            "is this a Cherenkov photon file or a damaged one? Give a particle file (DAT......)."
        )
    return squared_mass, group


@cache
def _code_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of each code."""
    return np.nan_to_num(masses()) ** 2, groups()


@cache
def _tables(level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of each possible word 0 below FIRST_NUCLEUS.

    Looking a whole word up is faster than taking it apart. BOOKKEEPING is the group of all that is to be left out:
    other levels and empty rows too.
    """
    description = np.arange(FIRST_NUCLEUS)
    squared_mass, group_of = (table[description // 1000] for table in _code_tables())
    group_of[(description < 1000) | (description % 10 != level % 10)] = BOOKKEEPING
    return squared_mass, group_of
