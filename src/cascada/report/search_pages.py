"""The leaderboard and the costs of a search as pages, from their tables."""

from pathlib import Path

from cascada.core import tables
from cascada.core.files import read_json
from cascada.report import html
from cascada.selection.ranking import ORIGIN

NOTHING = {"", "unknown", "0", "0.00000"}
LEADERBOARD, COSTS = "leaderboard.html.j2", "costs.html.j2"


def write_leaderboard(leaderboard: Path, summary: Path, metric: str, path: Path) -> None:
    """Write leaderboard.tsv as a page; where its rows come from stands once, below it."""
    rows = tables.read(leaderboard)
    names = [name for name in rows[0] if name not in ORIGIN]
    facts: dict[str, object] = {name: rows[0].get(name, "") for name in ORIGIN}
    facts |= {"git_dirty": facts["git_dirty"] == "True", "data_sha256": {"training": facts["data_sha256"]}}
    html.write(
        path,
        LEADERBOARD,
        data=read_json(summary),
        metric=metric,
        header=[name.replace("_", " ") for name in names],
        rows=[[row[name] for name in names] for row in rows],
        facts=facts,
    )


def write_costs(costs: Path, path: Path) -> None:
    """Write costs.tsv as a page: a table for each kind of sums, with the columns that are filled there."""
    kinds: dict[str, list[dict[str, str]]] = {}
    for row in tables.read(costs):
        kinds.setdefault(row.pop("of"), []).append(row)
    html.write(path, COSTS, tables={kind: _filled(rows) for kind, rows in kinds.items()})


def _filled(rows: list[dict[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of what is not 0 or unknown everywhere."""
    names = [name for name in rows[0] if any(row[name] not in NOTHING for row in rows)]
    return [name.replace("_", " ") for name in names], [[row[name] for name in names] for row in rows]
