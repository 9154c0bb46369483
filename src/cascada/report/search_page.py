"""The search as one page, `<results>/search/index.html`: everything inside, so that it can be sent and opened without a network.

Of it there is a light form without the pictures that need a script of 4.8 MB. It stands in Snakemake's report, which puts a page into
an address of its own: Chromium leaves pages in addresses of more than 2 MiB empty.
"""

import json
import math
from pathlib import Path
from typing import Any

from cascada.core.classes import meaning
from cascada.report import costs_page, html, search_facts, search_figures
from cascada.report.axes import constant, varying
from cascada.report.importance import FEWEST, importances, quantile
from cascada.report.parallel import parallel
from cascada.report.search_content import Configuration, Search, second_panel
from cascada.report.search_table import leaderboard
from cascada.report.search_tables import effect_rows, rung_rows
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
    figures: dict[str, Any] = {}
    families = [_family(search, family, group, figures) for family, group in search.families().items()]
    if len(search.budgets) > 1:
        figures["rungs"] = search_figures.rungs(search, f"validation {title}")
    hours, unit = search_facts.hours(search)
    figures["costs"] = search_figures.costs(search, hours, unit, f"validation {title}")
    of = {one.name: one.hyperparameters for one in search.configurations.values()}
    header, rows = leaderboard(search.leaderboard, of, search.metric, search.summary)
    return {
        "search": search,
        "title": title,
        "headlines": search_facts.tiles(search),
        "header": header,
        "rows": rows,
        "fewer": False,
        "families": families,
        "same": {
            family: constant([one.hyperparameters for one in group]) for family, group in search.families().items()
        },
        "rungs": rung_rows(search),
        "costs": {kind: table for kind, table in costs_page.by_kind(search.costs).items() if kind in COSTS},
        "origin": search_facts.provenance(search),
        "figures": {name: json.loads(drawing.to_json()) for name, drawing in figures.items()},
        "curves": search.curves,
        "picked": [row["configuration"] for row in search.leaderboard if row["rank"]][:5],
        "panels": [
            {"name": name, "title": f"{TITLES[name]}{meaning(search.summary, name)}"}
            for name in dict.fromkeys((second_panel(search.metric), "loss"))
        ],
    }


def _family(search: Search, family: str, group: list[Configuration], figures: dict[str, Any]) -> dict[str, Any]:
    """What a family's section says; its pictures are put into `figures`, by names that begin with the family's."""
    part, whole = _part(group)
    first = search.budgets[0]
    values = [one.values.get(first) for one in part]
    axes = varying([one.hyperparameters for one in part])
    shown = f"validation {TITLES[search.metric]}"
    sign = 1.0 if search.smaller_is_better else -1.0
    losses = [math.inf if value is None else sign * value for value in values]
    found = importances(axes, losses)
    if found:
        figures[f"{family}/importance"] = search_figures.importance(found)
    pictures = []
    for axis in axes:
        places = [place for place, value in enumerate(values) if value is not None and axis.values[place] is not None]
        if places:
            draw = search_figures.numbers if axis.number else search_figures.categories
            known, names = [values[place] for place in places], [part[place].name for place in places]
            figures[f"{family}/{axis.name}"] = draw(axis.take(places), known, names, shown)
            pictures.append(axis.name)
    wide = varying([one.hyperparameters for one in group])
    if wide and len(group) > 1:
        figures[f"{family}/parallel"] = parallel(
            wide, group, search.budgets, TITLES[search.metric], search.smaller_is_better
        )
    return {
        "name": family,
        "number": len(group),
        "part": len(part),
        "whole": whole,
        "results": sum(value is not None for value in values),
        "first": first,
        "quantile": quantile(len(part)) if found else None,
        "fewest": FEWEST,
        "importance": bool(found),
        "pictures": pictures,
        "parallel": bool(wide) and len(group) > 1,
        "effects": effect_rows(axes, values, {one.name: one for one in found}),
    }


def _part(group: list[Configuration]) -> tuple[list[Configuration], bool]:
    """What effects are computed on: the part that no result has chosen, and whether it is that; all, where it is too small."""
    ended = [one for one in group if one.statuses[min(one.statuses)] != "failed"]
    sampled = [one for one in ended if one.sampled]
    if len(sampled) == len(ended) or len(sampled) >= FEWEST:
        return sampled, True
    return ended, False
