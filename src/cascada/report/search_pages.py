"""The leaderboard and the costs of a search as pages, from their tables."""

from pathlib import Path

from cascada.core import tables
from cascada.core.files import read_json
from cascada.report import html
from cascada.selection.ranking import ORIGIN

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
    """Write costs.tsv as a page."""
    rows = tables.read(costs)
    header = [name.replace("_", " ") for name in rows[0]]
    html.write(path, COSTS, header=header, rows=[list(row.values()) for row in rows])
