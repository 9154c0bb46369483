"""CORSIKA 7 particle files, thinned or not, plain or compressed with gzip or zstd.

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
particles at ground, both are left out. So are neutrinos, which no detector sees; they are counted. Whatever else stands
in a row is refused (data/corsika_rows.py).

EVTE word 7 is the number of particles in the file for the shower, over all levels, RUNE word 3 the number of showers: what
was read must agree. Behind RUNE another run may follow, else only zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.core.options import check, option
from cascada.data import corsika_rows
from cascada.data.corsika_records import PARTICLES, ROWS, corsika_reason, sub_blocks
from cascada.data.corsika_stream import Digest
from cascada.data.particles import EMPTY, FIRST_LEFT_OUT, NEUTRINO, UNKNOWN, groups
from cascada.data.projection import Projection, blocks, check_channels, check_cores, events_of, random_cores
from cascada.data.sources import Block, Progress, count
from cascada.data.values import check_events

KIND = "corsika7"
# a file, after the first marker of a record if there is one, or what gzip or zstd made of it
SIGNATURES = {b"RUNH": (0, 4), b"\x1f\x8b": (0,), b"\x28\xb5\x2f\xfd": (0,)}
# columns of a row that are read: the time is of no use here
USED: dict[int, slice | list[int]] = {7: slice(0, 6), 8: [0, 1, 2, 3, 4, 5, 7]}
LEVEL_TOLERANCE = 1.0  # m
MOST_LEVELS = 10
ENERGY_TOLERANCE = 1.01, 100.0  # factor, GeV: a particle has no more energy than its primary and what it hits
DAMAGED = "the file is damaged: copy it again or leave it out."


@dataclass(frozen=True, kw_only=True)
class Options:
    channels: tuple[str, ...] = option(("energy",), "channels of the images")
    altitude: float = option(5200.0, "altitude of the observation level to take, above sea level [m]")
    unknown_particles: str = option(
        "refuse",
        "what to do with particles of codes that nobody knows: refuse the file, or skip them and count them",
        choices=("refuse", "skip"),
    )
    core_offset: float = option(0.0, "radius of the disc in which random cores fall [m]", minimum=0)
    cores_per_shower: int = option(1, "images made from one shower; splits keep them together", minimum=1)
    seed: int = option(1, "seed of the random cores", minimum=0)

    def __post_init__(self):
        check(self)
        check_channels(self.channels)
        check_cores(self.core_offset, self.cores_per_shower)


def why_not(path: Path) -> str:
    """Return '' if the file, once uncompressed, starts as a CORSIKA 7 file, else what is wrong with it."""
    return corsika_reason(path)


def can_read(path: Path) -> bool:
    return not why_not(path)


def showers(
    path: Path, options: Options, progress: Progress | None = None, digest: Digest | None = None
) -> Iterator[Block]:
    """Yield the showers of one particle file. Random cores depend on seed, run and shower number only."""
    left_out: dict[str, float] = {}
    yield from blocks(_showers(Path(path), options, left_out, progress, digest), left_out)


@dataclass(slots=True)
class _Run:
    """A run of the file, from RUNH to RUNE: a file may hold several, one behind the other."""

    number: int
    expected: int  # showers, as RUNH says: of an interrupted and ended run too many
    showers: int = 0


@dataclass(slots=True)
class _Shower:
    """A shower that is being read: its header's numbers and what its particles have added so far."""

    place: str
    number: int
    event: dict[str, float]  # columns of its event
    level: int
    cores: np.ndarray
    projection: Projection
    particles: int = 0  # rows that CORSIKA counts, over all levels


def _showers(
    path: Path, options: Options, left_out: dict[str, float], progress: Progress | None, digest: Digest | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    seen: set[tuple[int, int]] = set()
    for name, words in sub_blocks(path, digest):
        if name == "RUNH":
            run = _Run(_whole(f"{path}: run header", "the run's number", words[0, 1]), int(np.nan_to_num(words[0, 92])))
        elif name == "EVTH":
            shower = _begin(path, words[0], run, options)
            if (run.number, shower.number) in seen:
                raise DataError(
                    f"{shower.place}: run {run.number} has a shower of this number already, expected every shower once; "
                    "the file is damaged, or parts of one shower or the same run stand in it twice: leave one out."
                )
            seen.add((run.number, shower.number))
        elif name == PARTICLES:
            with np.errstate(over="ignore", invalid="ignore"):  # of damaged numbers, which are refused
                _project(shower, words.reshape(len(words) * ROWS, -1), options, left_out)
        elif name == "EVTE":
            _check_end(shower, words[0])
            yield shower.projection.images, _events(shower, len(seen) - 1)
            run.showers += 1
            if progress:
                progress(len(seen), max(len(seen), min(run.expected, 10**9)))
        elif name == "RUNE":
            _check_run(path, run, words[0])
    if not seen:
        raise DataError(f"{path}: no shower between RUNH and RUNE, expected at least one; leave this file out.")


def _begin(path: Path, header: np.ndarray, run: _Run, options: Options) -> _Shower:
    """Return the shower of an EVTH. Raises DataError for numbers in it that cannot be."""
    number = _whole(f"{path}: after shower {run.showers} of run {run.number}", "a shower's number", header[1])
    place = f"{path}: shower {number}"
    if _whole(place, "the number of its run", header[43]) != run.number:
        raise DataError(
            f"{place}: belongs to run {header[43]:g}, expected run {run.number} of the run header; {DAMAGED}"
        )
    event = {"primary": _primary(place, header[2]), "true_energy": header[3], "run": run.number, "event": number}
    event |= {"zenith": header[10], "azimuth": header[11]}
    cores = random_cores(options.cores_per_shower, options.core_offset, [options.seed, run.number, number])
    shower = _Shower(place, number, event, 0, cores, Projection(options.channels, cores))
    _events(shower, 0)  # before anything is computed with them
    shower.level = _level(place, header, options.altitude)
    return shower


def _events(shower: _Shower, index: int) -> np.ndarray:
    """Return the checked events (cores,) of a shower, the one of this index, from 0, in the file."""
    events = events_of(shower.place, shower.projection, shower.cores, index, shower.event)
    known = ("true_energy", "zenith", "azimuth", "muons")
    check_events(events, lambda row: shower.place, known, DAMAGED)
    return events


def _whole(place: str, what: str, value: np.float32) -> int:
    if not (0 <= value < 2**24 and value == int(value)):
        raise DataError(f"{place}: {what} is {value:g}, expected a whole number from 0 on; {DAMAGED}")
    return int(value)


def _primary(place: str, value: np.float32) -> int:
    code = _whole(place, "the primary", value)
    if code >= len(groups()) or (groups()[code] >= FIRST_LEFT_OUT and groups()[code] != NEUTRINO):
        raise DataError(f"{place}: the primary is {code}, expected a code of CORSIKA's table of particles; {DAMAGED}")
    return code


def _level(place: str, header: np.ndarray, altitude: float) -> int:
    """Return the number, from 1, of the observation level at `altitude`. EVTH words 47 and 48-57 [cm] hold them."""
    number = _whole(place, "the number of observation levels", header[46])
    if not 1 <= number <= MOST_LEVELS or not np.isfinite(header[47 : 47 + number]).all():
        raise DataError(
            f"{place}: {number} observation levels at {header[47 : 47 + min(number, MOST_LEVELS)] / 100} m, expected 1 to "
            f"{MOST_LEVELS} at finite heights; {DAMAGED}"
        )
    heights = header[47 : 47 + number] / 100
    near = np.flatnonzero(np.abs(heights - altitude) <= LEVEL_TOLERANCE)
    if len(near) == 0:
        raise DataError(
            f"{place}: no observation level at {altitude:g} m, there is "
            f"{', '.join(f'{height:g} m' for height in heights)}; set the source's `altitude` to one of them."
        )
    return int(near[0]) + 1


def _check_end(shower: _Shower, end: np.ndarray) -> None:
    """Raise DataError unless EVTE ends this shower and all of its particles have been read.

    EVTE word 7 counts the particles of all levels, with neutrinos, without rows of bookkeeping and ancestors.
    """
    if end[1] != shower.number:
        raise DataError(f"{shower.place}: ends as shower {end[1]:g}, expected its own number; {DAMAGED}")
    if np.float32(shower.particles) != end[6]:
        raise DataError(
            f"{shower.place}: {shower.particles} particles in it, expected {end[6]:.9g}, as its end (EVTE) says. Records are "
            "lost, or parts of this shower stand in other files: copy the file again, put it together or leave it out."
        )


def _check_run(path: Path, run: _Run, end: np.ndarray) -> None:
    """Raise DataError unless RUNE ends this run and all of its showers have been read."""
    if end[1] != run.number or end[2] != run.showers:
        raise DataError(
            f"{path}: end of run {run.number}: {run.showers} showers in it, expected {end[2]:.9g} of run {end[1]:.9g}, as "
            "the end (RUNE) says. Records are lost or doubled: copy the file again or leave it out."
        )


def _project(shower: _Shower, rows: np.ndarray, options: Options, left_out: dict[str, float]) -> None:
    """Add the particles of one observation level, rows (n, 7 or 8), to the images."""
    columns = np.ascontiguousarray(rows[:, USED[rows.shape[1]]].T)
    squared_mass, group = corsika_rows.look_up(shower.place, columns[0], shower.level)
    shower.particles += corsika_rows.particles_in(group)
    if corsika_rows.left_out(group):
        _count(shower.place, columns, squared_mass, group, options, left_out)
        keep = np.flatnonzero(group < FIRST_LEFT_OUT)
        columns, squared_mass, group = columns[:, keep], squared_mass[keep], group[keep]
    weight = columns[6] if len(columns) > 6 else None
    energy = _energy(columns, squared_mass)
    _check_particles(shower, columns, energy)
    x, y = columns[4:6]
    x *= np.float32(0.01)  # cm -> m
    y *= np.float32(0.01)
    shower.projection.add(x, y, energy, group, weight)


def _energy(columns: np.ndarray, squared_mass: np.ndarray) -> np.ndarray:
    """Return √(p² + m²) [GeV] of particles, columns (6 or 7, n)."""
    px, py, pz = columns[1:4]
    energy = px * px
    energy += py * py
    energy += pz * pz
    energy += squared_mass
    return np.sqrt(energy, out=energy)


def _check_particles(shower: _Shower, columns: np.ndarray, energy: np.ndarray) -> None:
    """Raise DataError for numbers, of columns (6 or 7, n), that cannot be. Each is one pass; a NaN fails them all."""
    if len(energy) == 0:
        return
    if not np.isfinite([column.sum() for column in (energy, *columns[4:])]).all():
        if np.isfinite(columns[1:]).all() and np.isfinite(energy).all():
            return _check_particles(
                shower, columns.astype(np.float64), energy.astype(np.float64)
            )  # only their sum was not
        raise DataError(
            f"{shower.place}: NaN, infinite or far too large momentum, position or weight among the particles, expected "
            f"finite numbers; {DAMAGED}"
        )
    factor, more = ENERGY_TOLERANCE
    if energy.max() > factor * shower.event["true_energy"] + more:
        raise DataError(
            f"{shower.place}: a particle of {energy.max():g} GeV, expected at most the {shower.event['true_energy']:g} GeV of "
            f"the primary; {DAMAGED}"
        )
    if len(columns) > 6 and columns[6].min() < 0:
        raise DataError(f"{shower.place}: a particle of weight {columns[6].min():g}, expected at least 0; {DAMAGED}")


def _count(place, columns, squared_mass, group, options: Options, left_out: dict[str, float]) -> None:
    """Count neutrinos and particles of unknown codes, which stay out of the images. Raises DataError for the unknown."""
    unknown = np.count_nonzero(group == UNKNOWN)
    if unknown and options.unknown_particles == "refuse":
        raise corsika_rows.unknown_code(place, columns[0], group)
    if (group == EMPTY).any():
        corsika_rows.check_empty(place, columns, group)
    if unknown:
        count(left_out, {"unknown_particles": int(unknown)})
    neutrinos = np.flatnonzero(group == NEUTRINO)
    if len(neutrinos):
        chosen = columns[:, neutrinos]
        weight = chosen[6].astype(float) if len(chosen) > 6 else np.ones(len(neutrinos))
        energy = float((_energy(chosen, squared_mass[neutrinos]) * weight).sum())
        count(left_out, {"neutrinos": float(weight.sum()), "neutrino_energy_gev": energy})
