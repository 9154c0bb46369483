"""The YAML files of a CORSIKA 8 run: its primaries, its number, and the place and units of its observation plane."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cascada.core.errors import DataError
from cascada.data.format import UNKNOWN_NUMBER
from cascada.data.particles import code_of_pdg

EARTH_RADIUS = 6_371_000.0  # m, CORSIKA 8's, where the altitude is 0
ALTITUDE_TOLERANCE = 1.0  # m
LENGTHS = {"m": 1.0, "cm": 0.01, "km": 1000.0, "mm": 0.001}
ENERGIES = {"GeV": 1.0, "eV": 1e-9, "keV": 1e-6, "MeV": 1e-3, "TeV": 1e3, "PeV": 1e6}
LARGEST = 64 * 2**20  # bytes: some 400,000 primaries


def entries(file: Path) -> dict:
    """Return the entries of a YAML file; none where there is no such file or it holds no table. Raises DataError."""
    try:
        if not file.is_file():
            return {}
        if file.stat().st_size > LARGEST:
            raise DataError(f"{file}: {file.stat().st_size / 1e6:.0f} MB, expected a few numbers per shower; {_AGAIN}")
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError, OSError) as error:
        raise DataError(f"{file}: not readable as YAML ({' '.join(str(error).split())}); {_AGAIN}") from error
    return content if isinstance(content, dict) else {}


_AGAIN = "copy the run again or leave it out."


def run_number(path: Path) -> int:
    """Return the run's number: the seed that config.yaml names, which newer versions write, else UNKNOWN_NUMBER."""
    seed = entries(path / "config.yaml").get("seed")
    return seed if type(seed) is int and 0 <= seed < 2**63 else UNKNOWN_NUMBER


def primaries_of(path: Path, name: str) -> dict[int, dict[str, Any]]:
    """Return the known columns of the event of each shower, in the order of their numbers."""
    if not (path / "summary.yaml").is_file():
        raise DataError(
            f"{path}: summary.yaml missing, it is written when a run has finished; expected a finished run. "
            "Let it finish, or leave it out."
        )
    file = path / name / "summary.yaml"
    if not file.is_file():
        version = entries(path / "config.yaml").get("version", "of unknown version")
        raise DataError(
            f"{file}: no such file, expected the primaries, one for each shower (CORSIKA 8's PrimaryWriter); the run was "
            f"written by CORSIKA 8 {version}, of which the earliest (8.0.0-prealpha of 2022) wrote none: then simulate it "
            "again. If the simulation gave that output another name, set the source's `primary` to it."
        )
    table = entries(file)
    numbers = {key: int(key.removeprefix("shower_")) for key in table if _is_shower(key)}
    if not numbers:
        raise DataError(f"{file}: no shower, expected entries shower_0, shower_1, …; leave this run out.")
    expected = entries(path / "summary.yaml").get("showers")
    if type(expected) is int and expected != len(numbers):
        raise DataError(
            f"{file}: {len(numbers)} showers, expected {expected} as {path / 'summary.yaml'} says; {_AGAIN}"
        )
    return {numbers[key]: _primary(f"{file}: {key}", table[key]) for key in sorted(numbers, key=numbers.__getitem__)}


def _is_shower(key: Any) -> bool:
    number = str(key).removeprefix("shower_")
    return str(key).startswith("shower_") and number.isascii() and number.isdigit() and len(number) < 10


def _primary(place: str, entry: Any) -> dict[str, Any]:
    try:
        direction = np.array([entry["nx"], entry["ny"], entry["nz"]], float)
        energy, pdg = float(entry["total_energy"]), int(entry["pdg"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{place}: {error!r}; expected pdg, total_energy [GeV], nx, ny, nz. Is this the primary's output?"
        ) from error
    code, norm = code_of_pdg(pdg), np.linalg.norm(direction)
    if code == 0 or not np.isfinite([energy, *direction]).all() or not np.isclose(norm, 1, atol=1e-3):
        raise DataError(
            f"{place}: PDG code {pdg}, energy {energy} GeV, direction {direction.tolist()} given, expected a known particle "
            "and a direction of length 1; check the run."
        )
    # the direction of flight: straight down is (0, 0, -1), zenith 0
    return {
        "primary": code,
        "true_energy": energy,
        "zenith": np.arccos(np.clip(-direction[2] / norm, -1, 1)),
        "azimuth": np.arctan2(direction[1], direction[0]),
    }


def plane_units(path: Path, name: str, altitude: float) -> tuple[float, float]:
    """Return the units of length [m] and energy [GeV] of the plane's output. Raises DataError if it lies elsewhere.

    `altitude` [m] is what the source expects; the file gives the plane's centre from that of the Earth.
    """
    file = path / name / "config.yaml"
    config = entries(file)
    units = config.get("units")
    units = units if isinstance(units, dict) else {}
    length = _unit(file, "length", units.get("length", "m"), LENGTHS)
    energy = _unit(file, "energy", units.get("energy", "GeV"), ENERGIES)
    try:
        center = np.array(config["plane"]["center"], float)
        found = float(np.linalg.norm(center)) * length - EARTH_RADIUS
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{file}: no plane.center, expected the place of the observation plane, to compare it with the source's "
            f"`altitude`; {_AGAIN}"
        ) from error
    if center.shape != (3,) or not abs(found - altitude) <= ALTITUDE_TOLERANCE:
        raise DataError(
            f"{file}: the observation plane is at {found:g} m above sea level (plane.center {center.tolist()}), expected "
            f"{altitude:g} m; set the source's `altitude` to that of the plane, or give another run."
        )
    return length, energy


def _unit(file: Path, what: str, given: Any, known: dict[str, float]) -> float:
    if not isinstance(given, str) or given not in known:
        raise DataError(f"{file}: unit of {what} {given!r} given, expected one of {list(known)}; write the run again.")
    return known[given]
