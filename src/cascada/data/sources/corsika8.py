"""CORSIKA 8 output libraries: a folder of YAML and Parquet files, one per run.

| path                              | content                                                                       |
|-----------------------------------|-------------------------------------------------------------------------------|
| `summary.yaml`                    | written last: its presence says that the run has finished                      |
| `particles/particles.parquet`     | one row per particle at the observation plane: `shower`, `pdg`,                |
|                                   | `kinetic_energy` [GeV], `x`, `y` [m] in the plane, `weight`, and more          |
| `primary/summary.yaml`            | for each shower, under `shower_<number>`: `pdg`, `total_energy` [GeV], `nx`, `ny`, `nz` |

The names of the two outputs are chosen in the simulation program; `particles` and `primary` are those of its examples.
The energy of a particle is its kinetic energy plus its mass, as for CORSIKA 7. The shower's axis is taken to meet the
plane at its centre, (0, 0). Written after the writers in CORSIKA 8's own source code and tried on files made by the
tests only: no file of a real run was at hand.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cascada.data.format import UNKNOWN_NUMBER
from cascada.data.particles import BOOKKEEPING, code_of_pdg, groups, masses
from cascada.data.projection import Projection, blocks, check_channels, check_cores, events_of, random_cores
from cascada.data.sources import Block, Progress
from cascada.errors import ConfigError, DataError

KIND = "corsika8"
COLUMNS = ("shower", "pdg", "kinetic_energy", "x", "y", "weight")
BATCH = 131_072  # rows read at a time


@dataclass(frozen=True, kw_only=True)
class Options:
    channels: tuple[str, ...] = ("energy",)
    altitude: float = 5200.0  # m a.s.l.: of the observation plane; the files are not asked
    particles: str = "particles"  # name of the observation plane's output, for runs with several planes
    primary: str = "primary"  # name of the primary's output
    core_offset: float = 0.0  # m: radius of the disc in which random cores fall
    cores_per_shower: int = 1  # images made from one shower
    seed: int = 1  # of the random cores

    def __post_init__(self):
        check_channels(self.channels)
        check_cores(self.core_offset, self.cores_per_shower)
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed} given, expected 0 or more.")


def can_read(path: Path) -> bool:
    """Whether the folder holds the YAML and Parquet files of a run, finished or not."""
    return (path / "config.yaml").is_file() and any(path.glob("*/particles.parquet"))


def showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Yield the showers of one run, those of which nothing reached the ground included."""
    yield from blocks(_showers(Path(path), options, progress))


def _showers(path: Path, options: Options, progress: Progress | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if not (path / "summary.yaml").is_file():
        raise DataError(
            f"{path}: summary.yaml missing, it is written when a run has finished; expected a finished run. "
            "Let it finish, or leave it out."
        )
    primaries = _primaries(path, options.primary)
    number_of_run = _run(path)
    run = zlib.crc32((path / "summary.yaml").read_bytes() + (path / options.primary / "summary.yaml").read_bytes())
    particles = _particles(path, options.particles, primaries, progress)
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
        primary |= {"run": number_of_run, "event": shower}
        yield projection.images, events_of(projection, cores, number * len(cores), shower, primary)


def _run(path: Path) -> int:
    """Return the run's number: the seed that config.yaml names, which newer versions write, else UNKNOWN_NUMBER."""
    file = path / "config.yaml"
    content = _yaml(file) if file.is_file() else {}
    seed = content.get("seed")
    return seed if isinstance(seed, int) and 0 <= seed < 2**63 else UNKNOWN_NUMBER


def _yaml(file: Path) -> dict:
    """Return the entries of a YAML file; none where it holds anything else. Raises DataError if it cannot be read."""
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{file}: not readable as YAML ({error}); copy the run again.") from error
    return entries if isinstance(entries, dict) else {}


def _primaries(path: Path, name: str) -> dict[int, dict[str, Any]]:
    """Return the known fields of the event of each shower, in the order of their numbers."""
    file = path / name / "summary.yaml"
    if not file.is_file():
        raise DataError(
            f"{file}: no such file, expected the primaries (CORSIKA 8's PrimaryWriter). If the simulation gave that "
            "output another name, set the source's `primary` to it."
        )
    entries = _yaml(file)
    names = {key: int(key.removeprefix("shower_")) for key in entries if str(key).removeprefix("shower_").isdigit()}
    if not names:
        raise DataError(f"{file}: no shower, expected entries shower_0, shower_1, …; leave this run out.")
    return {names[key]: _primary(f"{file}: {key}", entries[key]) for key in sorted(names, key=names.get)}


def _primary(place: str, entry: dict[str, Any]) -> dict[str, Any]:
    try:
        direction = np.array([entry["nx"], entry["ny"], entry["nz"]], float)
        energy, pdg = float(entry["total_energy"]), int(entry["pdg"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{place}: {error!r}; expected pdg, total_energy [GeV], nx, ny, nz. Is this the primary's output?"
        ) from error
    code = code_of_pdg(pdg)
    if code == 0 or not np.isfinite([energy, *direction]).all():
        raise DataError(
            f"{place}: PDG code {pdg}, energy {energy} GeV given, expected a known particle; check the run."
        )
    # the direction of flight: straight down is (0, 0, -1), zenith 0
    zenith = np.arccos(np.clip(-direction[2] / np.linalg.norm(direction), -1, 1))
    return {
        "primary": code,
        "true_energy": energy,
        "zenith": zenith,
        "azimuth": np.arctan2(direction[1], direction[0]),
    }


def _particles(path: Path, name: str, primaries: dict[int, Any], progress: Progress | None):
    """Yield (shower, arguments of `Projection.add`) for runs of rows of one shower."""
    import pyarrow
    import pyarrow.parquet

    file = path / name / "particles.parquet"
    if not file.is_file():
        raise DataError(
            f"{file}: no such file, expected the particles at the observation plane. If the simulation gave that "
            "output another name, set the source's `particles` to it."
        )
    done = 0
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            missing = [column for column in COLUMNS if column not in table.schema_arrow.names]
            if missing:
                raise DataError(
                    f"{file}: column(s) {missing} missing, there is {table.schema_arrow.names}; expected {list(COLUMNS)}. "
                    "Write the run again with a current CORSIKA 8."
                )
            for batch in table.iter_batches(BATCH, columns=list(COLUMNS)):
                columns = {column: batch[column].to_numpy(zero_copy_only=False) for column in COLUMNS}
                yield from _split(f"{file}: rows {done} to {done + len(batch)}", columns, primaries)
                done += len(batch)
                if progress:
                    progress(done, table.metadata.num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"{file}: after row {done}: {error}; expected a complete Parquet file. Copy the run again or leave it out."
        ) from error


def _split(place: str, columns: dict[str, np.ndarray], primaries: dict[int, Any]):
    """Cut rows where the shower changes and turn PDG codes and kinetic energies into groups and energies."""
    shower = columns["shower"]
    pdg, inverse = np.unique(columns["pdg"], return_inverse=True)
    codes = np.array([code_of_pdg(int(value)) for value in pdg])
    group = groups()[codes]
    if (group >= BOOKKEEPING).any():
        raise DataError(
            f"{place}: PDG code {pdg[group >= BOOKKEEPING][0]} is unknown, expected a particle that CORSIKA knows; "
            "the file is damaged or needs a newer cascada."
        )
    energy = columns["kinetic_energy"] + masses()[codes][inverse]
    values = [columns["x"], columns["y"], energy, group[inverse], columns["weight"]]
    if not all(np.isfinite(value).all() for value in values):
        raise DataError(
            f"{place}: NaN or infinite values, expected finite numbers; the file is damaged: copy it again."
        )
    edges = [0, *np.flatnonzero(np.diff(shower)) + 1, len(shower)]
    for start, stop in itertools.pairwise(edges):
        if int(shower[start]) not in primaries:
            raise DataError(
                f"{place}: shower {shower[start]} has no primary, there are showers {list(primaries)[:10]}…; "
                "expected both outputs to be of the same run."
            )
        yield int(shower[start]), [value[start:stop] for value in values]
