"""Tab-separated tables as the stages leave them: a header, no quotation marks around cells (text/tab-separated-values of IANA)."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cascada.core.files import write_text


def read(path: Path) -> list[dict[str, str]]:
    """All rows, by the names in the header."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A whole table; a tab or a line end inside a cell becomes a space."""
    return "".join("\t".join(re.sub(r"[\t\r\n]+", " ", str(cell)) for cell in row) + "\n" for row in [header, *rows])


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    write_text(path, text(header, rows))
