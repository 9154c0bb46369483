"""The costs of a search as a page, from their table."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cascada.core import tables
from cascada.report import headlines, html

NOTHING = {"", "unknown", "0", "0.00000"}
TEMPLATE = "costs.html.j2"
Table = tuple[list[str], list[list[str]]]


def write_costs(costs: Path, path: Path) -> None:
    """Write costs.tsv as a page: a table for each kind of sums, with the columns that are filled there."""
    rows = tables.read(costs)
    html.write(path, TEMPLATE, headlines=headlines.of_costs(rows), tables=by_kind(rows))


def by_kind(rows: Sequence[Mapping[str, str]]) -> dict[str, Table]:
    """Header and rows for each kind of sum. Pure."""
    kinds: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        kinds.setdefault(row["of"], []).append({name: cell for name, cell in row.items() if name != "of"})
    return {kind: _filled(of_kind) for kind, of_kind in kinds.items()}


def _filled(rows: list[dict[str, str]]) -> Table:
    """Header and rows of what is not 0 or unknown everywhere."""
    names = [name for name in rows[0] if any(row[name] not in NOTHING for row in rows)]
    return [name.replace("_", " ") for name in names], [[row[name] for name in names] for row in rows]
