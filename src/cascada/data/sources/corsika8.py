"""CORSIKA 8 output libraries: a folder of YAML and Parquet files, one per run.

| path                              | content                                                                       |
|-----------------------------------|-------------------------------------------------------------------------------|
| `config.yaml`                     | `version`, newer ones `seed`, taken as the run's number                        |
| `summary.yaml`                    | written last: its presence says that the run has finished; number of `showers` |
| `particles/config.yaml`           | `plane`: `center`, from the Earth's centre, and `units`                        |
| `particles/particles.parquet`     | one row per particle at the observation plane: `shower`, `pdg`,                |
|                                   | `kinetic_energy` [GeV], `x`, `y` [m] in the plane, `weight`, and more          |
| `primary/summary.yaml`            | for each shower, under `shower_<number>`: `pdg`, `total_energy` [GeV], `nx`, `ny`, `nz` |

The names of the two outputs are chosen in the simulation program; `particles` and `primary` are those of its examples.
The energy of a particle is its kinetic energy plus its mass, as for CORSIKA 7; neutrinos are left out and counted. The
shower's axis is taken to meet the plane at its centre, (0, 0). Written after the writers in CORSIKA 8's own source code
and tried on files made by the tests only: the one real run at hand is of 2022 (8.0.0-prealpha), without the primaries, and
is refused for that.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cascada.core.errors import DataError
from cascada.core.options import check, option
from cascada.data.corsika8_texts import entries, plane_units, primaries_of, run_number
from cascada.data.particles import FIRST_LEFT_OUT, NEUTRINO, UNKNOWN, of_pdg
from cascada.data.projection import Projection, blocks, check_channels, check_cores, events_of, random_cores
from cascada.data.sources import Block, Progress, count
from cascada.data.values import check_events

KIND = "corsika8"
FOLDER_WITH = "config.yaml"
COLUMNS = ("shower", "pdg", "kinetic_energy", "x", "y", "weight")
COUNTED = ("hadrons", "muons", "em", "others")  # in the plane's summary
BATCH = 131_072  # rows read at a time
ENERGY_TOLERANCE = 1.01, 100.0  # factor, GeV: a particle has no more energy than its primary and what it hits
DAMAGED = "the file is damaged: copy it again."


@dataclass(frozen=True, kw_only=True)
class Options:
    channels: tuple[str, ...] = option(("energy",), "channels of the images")
    altitude: float = option(5200.0, "altitude of the observation plane, above sea level [m]")
    unknown_particles: str = option(
        "refuse",
        "what to do with particles of codes that nobody knows: refuse the file, or skip them and count them",
        choices=("refuse", "skip"),
    )
    particles: str = option("particles", "name of the observation plane's output, for runs with several planes")
    primary: str = option("primary", "name of the primary's output")
    core_offset: float = option(0.0, "radius of the disc in which random cores fall [m]", minimum=0)
    cores_per_shower: int = option(1, "images made from one shower; splits keep them together", minimum=1)
    seed: int = option(1, "seed of the random cores", minimum=0)

    def __post_init__(self):
        check(self)
        check_channels(self.channels)
        check_cores(self.core_offset, self.cores_per_shower)


def why_not(path: Path) -> str:
    """Return '' if the folder holds the YAML and Parquet files of a run, finished or not, else what is missing."""
    if not path.is_dir():
        return "a file, expected the folder of a run" if path.exists() else "no such folder"
    missing = [name for name in ("config.yaml", "*/particles.parquet") if not any(path.glob(name))]
    return (
        f"no {' and no '.join(missing)} in it, expected config.yaml and particles/particles.parquet" if missing else ""
    )


def can_read(path: Path) -> bool:
    return not why_not(path)


def showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Yield the showers of one run, those of which nothing reached the ground included."""
    left_out: dict[str, float] = {}
    yield from blocks(_showers(Path(path), options, left_out, progress), left_out)


def _showers(
    path: Path, options: Options, left_out: dict[str, float], progress: Progress | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    primaries = primaries_of(path, options.primary)
    length, energy = plane_units(path, options.particles, options.altitude)
    number_of_run = run_number(path)
    run = zlib.crc32((path / "summary.yaml").read_bytes() + (path / options.primary / "summary.yaml").read_bytes())
    reader = _Reader(path / options.particles, primaries, (length, energy), options.unknown_particles, left_out)
    particles = reader.rows(progress)
    ahead = next(particles, None)
    for number, (shower, primary) in enumerate(primaries.items()):
        cores = random_cores(options.cores_per_shower, options.core_offset, [options.seed, run, shower])
        projection = Projection(options.channels, cores)
        while ahead is not None and ahead[0] == shower:
            projection.add(*ahead[1])
            ahead = next(particles, None)
        if ahead is not None and ahead[0] < shower:
            raise DataError(
                f"{path}/{options.particles}: rows of shower {ahead[0]} come after those of shower {shower}; expected "
                "the rows in the order of the showers. Sort the file by `shower`."
            )
        place = f"{path}: shower {shower}"
        events = events_of(place, projection, cores, number, primary | {"run": number_of_run, "event": shower})
        check_events(events, lambda row: place, ("true_energy", "zenith", "azimuth", "muons"), DAMAGED)  # noqa: B023
        yield projection.images, events


class _Reader:
    """The particles of a run: `folder` holds the observation plane's output, `units` are those of length [m], energy [GeV]."""

    def __init__(
        self, folder: Path, primaries: dict[int, Any], units, unknown_particles: str, left_out: dict[str, float]
    ):
        self.folder, self.primaries, self.units = folder, primaries, units
        self.skip, self.left_out = unknown_particles == "skip", left_out

    def rows(self, progress: Progress | None) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Yield (shower, arguments of `Projection.add`) for runs of rows of one shower."""
        import pyarrow
        import pyarrow.parquet

        file, done, ones = self.folder / "particles.parquet", 0, True
        if not file.is_file():
            raise DataError(
                f"{file}: no such file, expected the particles at the observation plane. If the simulation gave that "
                "output another name, set the source's `particles` to it."
            )
        try:
            with pyarrow.parquet.ParquetFile(file, page_checksum_verification=True) as table:
                _check_columns(file, table.schema_arrow)
                for batch in table.iter_batches(BATCH, columns=list(COLUMNS)):
                    place = f"{file}: rows {done} to {done + len(batch)}"
                    columns = _columns(place, batch)
                    ones &= bool((columns["weight"] == 1).all())
                    yield from self._split(place, columns)
                    done += len(batch)
                    if progress:
                        progress(done, table.metadata.num_rows)
        except (pyarrow.ArrowException, OSError, ValueError, KeyError, MemoryError, OverflowError) as error:
            raise DataError(
                f"{file}: after row {done}: {' '.join(str(error).split())}; expected a complete Parquet file. Copy the run "
                "again or leave it out."
            ) from error
        self._check_count(file, done, ones)

    def _check_count(self, file: Path, done: int, ones: bool) -> None:
        """Raise DataError if the plane's summary counts other particles. It is known for one shower without weights."""
        summary = entries(self.folder / "summary.yaml")
        counts = [summary[name] for name in COUNTED if type(summary.get(name)) is int]
        if len(self.primaries) == 1 and ones and len(counts) == len(COUNTED) and sum(counts) != done:
            raise DataError(
                f"{file}: {done} rows, expected {sum(counts)} as summary.yaml beside it says; rows are lost: copy the run again."
            )

    def _split(self, place: str, columns: dict[str, np.ndarray]) -> Iterator[tuple[int, list[np.ndarray]]]:
        """Cut rows where the shower changes and turn PDG codes and kinetic energies into groups and energies."""
        mass, group = self._species(place, columns["pdg"])
        length, unit = self.units
        shower, energy = columns["shower"], (columns["kinetic_energy"] * np.float32(unit) + mass).astype(np.float32)
        values = [
            columns["x"] * np.float32(length),
            columns["y"] * np.float32(length),
            energy,
            group,
            columns["weight"],
        ]
        self._check(place, columns, energy, group)
        edges = [0, *np.flatnonzero(np.diff(shower)) + 1, len(shower)] if len(shower) else [0]
        for start, stop in itertools.pairwise(edges):
            number = int(shower[start])
            if number not in self.primaries:
                raise DataError(
                    f"{place}: shower {number} has no primary, there are showers {list(self.primaries)[:10]}…; "
                    "expected both outputs to be of the same run."
                )
            _check_energy(place, number, energy[start:stop], group[start:stop], self.primaries[number]["true_energy"])
            part = [value[start:stop] for value in values]
            keep = part[3] < FIRST_LEFT_OUT
            yield number, part if keep.all() else [value[keep] for value in part]

    def _species(self, place: str, pdg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mass float32 (n,) [GeV] and group uint8 (n,) of PDG codes. Raises DataError for an unknown one."""
        found, inverse = np.unique(pdg, return_inverse=True)
        mass, group = np.zeros(len(found), np.float32), np.zeros(len(found), np.uint8)
        for index, code in enumerate(found.tolist()):
            mass[index], group[index] = of_pdg(code)
            if group[index] == UNKNOWN and not self.skip:
                raise DataError(
                    f"{place}: PDG code {code} is unknown, expected a particle of the PDG's table. If the file is sound, set "
                    "the source's `unknown_particles` to skip: such particles are then left out and counted."
                )
        return np.nan_to_num(mass)[inverse], group[inverse]

    def _check(self, place: str, columns: dict[str, np.ndarray], energy: np.ndarray, group: np.ndarray) -> None:
        """Raise DataError for numbers that cannot be; count what is left out."""
        if not all(np.isfinite(columns[name]).all() for name in ("kinetic_energy", "x", "y", "weight")):
            raise DataError(f"{place}: NaN or infinite values, expected finite numbers; {DAMAGED}")
        for name in ("kinetic_energy", "weight"):
            if columns[name].min(initial=0) < 0:
                raise DataError(f"{place}: {name} {columns[name].min():g} given, expected at least 0; {DAMAGED}")
        neutrinos, unknown = group == NEUTRINO, int(np.count_nonzero(group == UNKNOWN))
        if neutrinos.any():
            weight = columns["weight"][neutrinos].astype(float)
            weighted = float((energy[neutrinos] * weight).sum())
            count(self.left_out, {"neutrinos": float(weight.sum()), "neutrino_energy_gev": weighted})
        if unknown:
            count(self.left_out, {"unknown_particles": unknown})


def _check_energy(place: str, shower: int, energy: np.ndarray, group: np.ndarray, primary: float) -> None:
    factor, more = ENERGY_TOLERANCE
    highest = energy[group != UNKNOWN].max(initial=0)
    if not highest <= factor * primary + more:
        raise DataError(
            f"{place}: shower {shower}: a particle of {highest:g} GeV, expected at most the {primary:g} GeV of the primary; "
            "compare the units in config.yaml, or copy the run again."
        )


def _check_columns(file: Path, schema: Any) -> None:
    import pyarrow

    missing = [column for column in COLUMNS if column not in schema.names]
    if missing:
        raise DataError(
            f"{file}: column(s) {missing} missing, there is {schema.names}; expected {list(COLUMNS)}. "
            "Write the run again with a current CORSIKA 8."
        )
    for column in COLUMNS:
        kind, whole = schema.field(column).type, column in ("shower", "pdg")
        if not (pyarrow.types.is_integer(kind) or (pyarrow.types.is_floating(kind) and not whole)):
            raise DataError(f"{file}: {column} is of type {kind}, expected {'whole ' * whole}numbers; {DAMAGED}")


def _columns(place: str, batch: Any) -> dict[str, np.ndarray]:
    """Return the columns (n,) of a batch, numbers of showers and codes as int64, the others as float32."""
    found = {}
    for name in COLUMNS:
        if batch[name].null_count:
            raise DataError(f"{place}: {batch[name].null_count} empty values in {name}, expected numbers; {DAMAGED}")
        values = batch[name].to_numpy(zero_copy_only=False)
        with np.errstate(over="ignore"):
            found[name] = values.astype(np.int64 if name in ("shower", "pdg") else np.float32, copy=False)
    return found
