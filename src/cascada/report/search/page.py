"""The search as one page, `<results>/search/index.html`: everything inside, so that it can be sent and opened without a network.

Of it there is a light form without the pictures that need a script of 4.8 MB. It stands in Snakemake's report, which puts a page into
an address of its own: Chromium leaves pages in addresses of more than 2 MiB empty.
"""

import json
from pathlib import Path
from typing import Any

from cascada.core.classes import meaning
from cascada.report import costs_page, html
from cascada.report.search import facts, family
from cascada.report.search import figures as search_figures
from cascada.report.search.content import Search, second_panel
from cascada.report.search.importance import FEWEST
from cascada.report.search.leaderboard import leaderboard
from cascada.report.search.tables import rung_rows
from cascada.statistics.names import TITLES

TEMPLATE = "search.html.j2"
COSTS = ("rung", "family", "saved", "all")  # kinds of sums; those of rules and single trials stand in costs.html
MOST_IN_REPORT = 300  # rows of the leaderboard in the light form


def write_search_page(search: Search, page: Path, in_report: Path) -> None:
    """Write the whole page, and its light form for Snakemake's report."""
    from plotly.offline import get_plotlyjs

    content = _content(search)
    html.write(page, TEMPLATE, **content, script=get_plotlyjs(), light=False)
    rows, fewer = content["rows"][:MOST_IN_REPORT], len(content["rows"]) > MOST_IN_REPORT
    html.write(
        in_report,
        TEMPLATE,
        **content | {"rows": rows, "fewer": fewer, "figures": {}, "curves": {}},
        script="",
        light=True,
    )


def _content(search: Search) -> dict[str, Any]:
    title = f"{TITLES[search.metric]}{meaning(search.summary, search.metric)}"
    families = [family.describe(search, name, group) for name, group in search.families().items()]
    figures = {name: drawing for one in families for name, drawing in family.figures(search, one).items()}
    if len(search.budgets) > 1:
        figures["rungs"] = search_figures.rungs(search, f"validation {title}")
    hours, unit = facts.hours(search)
    figures["costs"] = search_figures.costs(search, hours, unit, f"validation {title}")
    of = {one.name: one.hyperparameters for one in search.configurations.values()}
    header, rows = leaderboard(search.leaderboard, of, search.metric, search.summary)
    return {
        "search": search,
        "title": title,
        "headlines": facts.tiles(search),
        "caveats": facts.caveats(search),
        "header": header,
        "rows": rows,
        "fewer": False,
        "families": families,
        "first": search_figures.counted(search.budgets[0]),
        "fewest": FEWEST,
        "rungs": rung_rows(search),
        "costs": {kind: table for kind, table in costs_page.by_kind(search.costs).items() if kind in COSTS},
        "origin": facts.provenance(search),
        "figures": {name: json.loads(drawing.to_json()) for name, drawing in figures.items()},
        "curves": search.curves,
        "picked": [row["configuration"] for row in search.leaderboard if row["rank"]][:5],
        "panels": [
            {"name": name, "title": f"{TITLES[name]}{meaning(search.summary, name)}"}
            for name in dict.fromkeys((second_panel(search.metric), "loss"))
        ],
    }
