"""The rows of a CORSIKA 7 particle file, many at a time: which are particles, of what mass and group, and which cannot be.

A row's first word is code * 1000 + generation * 10 + number of the observation level, a whole number of at least 1000. A
row of zeros is padding, a negative word describes an ancestor (EHIST). Cherenkov light has rows of the same length that
begin with the photons of a bunch, or with 99e5 + 10 * photons + 1 among the particles: neither is a particle.
"""

from functools import cache

import numpy as np

from cascada.core.errors import DataError
from cascada.data.particles import (
    BOOKKEEPING,
    CODES,
    ELSEWHERE,
    EMPTY,
    FIRST_LEFT_OUT,
    FIRST_NO_PARTICLE,
    IMPOSSIBLE,
    UNKNOWN,
    groups,
    masses,
)

FIRST_NUCLEUS = 200_000  # descriptions below belong to elementary particles
END = 1000 * CODES  # no particle's description reaches it


def look_up(place: str, first: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of rows whose first words, finite float32 (n,), are `first`.

    Raises DataError for a row that cannot stand in a particle file.
    """
    lowest, highest = first.min(), first.max()
    if lowest <= -END or highest >= END or (np.trunc(first) != first).any():
        raise _impossible(place, first, (np.abs(first) >= END) | (np.trunc(first) != first))
    description = first.astype(np.intp)
    if lowest >= 0 and highest < FIRST_NUCLEUS:
        squared_mass, group_of = _tables(level)
        squared_mass, group = squared_mass[description], group_of[description]
    else:
        squared_mass, group_of = _code_tables()
        code = np.maximum(description, 0) // 1000
        squared_mass, group = squared_mass[code], _group(description, group_of[code], level)
    if group.max() == IMPOSSIBLE:
        raise _impossible(place, first, group == IMPOSSIBLE)
    return squared_mass, group


def particles_in(group: np.ndarray) -> int:
    """Return how many rows are what CORSIKA counts as particles: on all levels, known or not."""
    return int(np.count_nonzero(group < FIRST_NO_PARTICLE)) + int(np.count_nonzero(group == UNKNOWN))


def unknown_code(place: str, first: np.ndarray, group: np.ndarray) -> DataError:
    code = int(first[np.argmax(group == UNKNOWN)]) // 1000
    return DataError(
        f"{place}: particle code {code} is unknown, expected a code of CORSIKA's table of particles. If the file is sound, "
        "set the source's `unknown_particles` to skip: such particles are then left out and counted."
    )


def check_empty(place: str, columns: np.ndarray, group: np.ndarray) -> None:
    """Raise DataError if a row, of columns float32 (6 or 7, n), has no code but values: it is not padding."""
    if columns[:, group == EMPTY].any():
        raise DataError(
            f"{place}: a row of particles has values but no particle code, expected a row of zeros where no particle is; "
            "the file is damaged: copy it again or leave it out."
        )


def left_out(group: np.ndarray) -> bool:
    """Whether any row stays out of the images."""
    return bool(group.max() >= FIRST_LEFT_OUT)


def _impossible(place: str, first: np.ndarray, bad: np.ndarray) -> DataError:
    return DataError(
        f"{place}: a row begins with {first[np.argmax(bad)]:.9g}, expected code * 1000 + generation * 10 + level, a whole "
        f"number from 1000 to {END - 1}. Bunches of Cherenkov photons look like this: give a particle file without them "
        "(DAT......); if it is one, it is damaged: copy it again."
    )


def _group(description: np.ndarray, group: np.ndarray, level: int) -> np.ndarray:
    """Return the groups of descriptions (n,), given those of their codes."""
    elsewhere = (description % 10 != level % 10) & (group < BOOKKEEPING)
    group = np.where(elsewhere, ELSEWHERE, group).astype(np.uint8)
    group[description < 1000] = IMPOSSIBLE
    group[description <= -1000] = BOOKKEEPING
    group[description == 0] = EMPTY
    return group


@cache
def _code_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of each code."""
    return np.nan_to_num(masses()) ** 2, groups()


@cache
def _tables(level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return squared mass [GeV²] and group of each possible description below FIRST_NUCLEUS.

    Looking a whole word up is faster than taking it apart.
    """
    description = np.arange(FIRST_NUCLEUS)
    squared_mass, group_of = (table[description // 1000] for table in _code_tables())
    return squared_mass, _group(description, group_of, level)
