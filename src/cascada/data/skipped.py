"""Raw files that were skipped with `on_error: skip`: which, and why, in the file of showers that they are missing from.

| path       | content                                                                      |
|------------|------------------------------------------------------------------------------|
| `/skipped` | one row of `SKIPPED_DTYPE` per file; the data set is there only if one was skipped |
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from cascada.core import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

SKIPPED = "skipped"
STATUS = 3  # of a command that has done its work without some of its inputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """One raw file; `reason` is the sentence that would have ended the conversion."""

    file: str
    kind: str
    reason: str


COLUMNS = tuple(field.name for field in fields(Skipped))
SKIPPED_DTYPE = np.dtype([(name, h5py.string_dtype()) for name in COLUMNS])


def write_skipped(file: h5py.File, rows: Sequence[Skipped]) -> None:
    if rows:
        table = np.array([tuple(asdict(row).values()) for row in rows], SKIPPED_DTYPE)
        file.create_dataset(SKIPPED, data=table)


def read_skipped(file: h5py.File) -> list[Skipped]:
    if SKIPPED not in file:
        return []
    return [Skipped(**{name: row[name].decode() for name in COLUMNS}) for row in file[SKIPPED][:]]


def write_list(path: Path, rows: Sequence[Skipped]) -> None:
    """Write a table for people, tab-separated, with a header even if nothing was skipped."""
    tables.write(path, COLUMNS, [tuple(asdict(row).values()) for row in rows])
