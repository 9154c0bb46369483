"""One table of all files that the rule `predict` has done: how many showers each had, or why it was skipped."""

from collections.abc import Sequence
from pathlib import Path

import h5py

from cascada.core import tables
from cascada.data.skipped import read_skipped

COLUMNS = ("predictions", "file", "showers", "skipped")


def list_predictions(predictions: Sequence[Path], path: Path) -> int:
    """Write the table, tab-separated, a row for each raw file or file of showers; return how many were skipped."""
    rows = [row for one in predictions for row in _rows(one)]
    tables.write(path, COLUMNS, rows)
    return sum(bool(reason) for *_, reason in rows)


def _rows(path: Path) -> list[tuple[str, str, int, str]]:
    with h5py.File(path, "r") as file:
        rows = [(path.name, row["file"].decode(), int(row["events"]), "") for row in file["sources"][:]]
        return rows + [(path.name, row.file, 0, row.reason) for row in read_skipped(file)]
