"""The pictures of the page of a search, as plotly figures. Colours of Okabe and Ito (2008), each with a mark of its own."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cascada.report.search.axes import Axis, ticks
from cascada.report.search.content import Configuration, Search
from cascada.report.search.importance import Importance
from cascada.statistics import effects

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star")
GREY = "#767676"
MANY = 100  # lines that only their density shows
SPREAD = 0.18  # of the points of a category to both sides, so that they do not hide each other


def figure(height: int, **layout) -> go.Figure:
    """An empty figure in the page's style; it is as wide as the page lets it."""
    found = go.Figure()
    found.update_layout(
        template="none", height=height, font={"family": "system-ui, sans-serif", "size": 12, "color": "#222"},
        margin={"l": 60, "r": 16, "t": 16, "b": 48}, hoverlabel={"align": "left"}, **layout,
    )  # fmt: skip
    found.update_xaxes(automargin=True, gridcolor="#e4e4e4", zeroline=False)
    found.update_yaxes(automargin=True, gridcolor="#e4e4e4", zeroline=False)
    return found


def importance(found: Sequence[Importance]) -> go.Figure:
    """Bars with the share of each hyperparameter; a tick where shuffled results reach."""
    drawing = figure(
        90 + 26 * len(found), barmode="overlay", legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"}
    )
    names = [one.name for one in found]
    drawing.add_bar(
        x=_short(one.share for one in found), y=names, orientation="h", marker_color=COLOURS[0], name="share"
    )
    drawing.add_scatter(
        x=_short(one.chance for one in found), y=names, mode="markers", name="95 % of shuffled results stay below",
        marker={"symbol": "line-ns-open", "size": 18, "color": COLOURS[1], "line": {"width": 3}},
    )  # fmt: skip
    drawing.update_yaxes(autorange="reversed")
    drawing.update_xaxes(title_text="share of the importance", rangemode="tozero")
    return drawing


def numbers(axis: Axis, values: Sequence[float], names: Sequence[str], title: str) -> go.Figure:
    """The metric against a number; `values` and `names` belong to the axis's configurations, all of which are present."""
    drawing = figure(260)
    drawing.add_scatter(
        x=_short(axis.present), y=_short(values), mode="markers", text=list(names), hovertemplate="%{text}<br>%{x}: %{y}<extra></extra>",
        marker={"color": COLOURS[0], "opacity": 0.65, "size": 7},
    )  # fmt: skip
    drawing.update_xaxes(title_text=axis.name, exponentformat="none")
    if axis.logarithmic:
        places = ticks(min(axis.present), max(axis.present))
        drawing.update_xaxes(type="log", tickvals=places, ticktext=[f"{place:g}" for place in places])
    drawing.update_yaxes(title_text=title)
    return drawing


def categories(axis: Axis, values: Sequence[float], names: Sequence[str], title: str) -> go.Figure:
    """The metric for each option, with the mean and its 95 % interval beside the points."""
    drawing = figure(260, showlegend=False)
    places = {option: place for place, option in enumerate(axis.options)}
    scatter = np.random.default_rng(0).uniform(-SPREAD, SPREAD, len(values))
    drawing.add_scatter(
        x=_short(places[option] + shift for option, shift in zip(axis.present, scatter, strict=True)), y=_short(values),
        mode="markers", text=list(names), hovertemplate="%{text}<br>%{y}<extra></extra>",
        marker={"color": COLOURS[0], "opacity": 0.45, "size": 6},
    )  # fmt: skip
    means = {
        option: effects.mean([value for one, value in zip(axis.present, values, strict=True) if one == option])
        for option in places
    }
    half = [0.0 if math.isnan(one["high"]) else one["high"] - one["value"] for one in means.values()]
    drawing.add_scatter(
        x=[place + 0.32 for place in places.values()], y=_short(one["value"] for one in means.values()), mode="markers",
        error_y={"type": "data", "array": _short(half), "thickness": 2, "width": 6}, hovertemplate="mean %{y}<extra></extra>",
        marker={"symbol": "diamond", "size": 10, "color": COLOURS[1]},
    )  # fmt: skip
    texts = [option if len(option) < 24 else option[:22] + "…" for option in places]
    drawing.update_xaxes(title_text=axis.name, tickvals=list(places.values()), ticktext=texts)
    drawing.update_xaxes(range=[-0.5, len(places) - 0.5])
    drawing.update_yaxes(title_text=title)
    return drawing


def rungs(search: Search, title: str) -> go.Figure:
    """The metric of every configuration from rung to rung, by the rung that it reached."""
    drawing = figure(380, legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"})
    last, many = search.budgets[-1], len(search.configurations) > MANY
    for place, epochs in enumerate(search.budgets):
        group = [one for one in search.configurations.values() if one.epochs == epochs]
        points = [point for one in group for point in _way(one)]
        name = f"reached {counted(epochs)} ({len(group)})"
        drawing.add_scatter(
            x=[None if x is None else str(x) for x, _, _ in points], y=_short(y for _, y, _ in points), mode="lines+markers",
            text=[name for _, _, name in points], hovertemplate="%{text}<br>%{x} epochs: %{y}<extra></extra>", name=name,
            line={"width": 2 if epochs == last and not many else 1}, opacity=0.25 if many else 0.95 if epochs == last else 0.55,
            marker={"symbol": MARKS[place % len(MARKS)], "size": 8}, line_color=COLOURS[place % len(COLOURS)],
        )  # fmt: skip
    order = list(map(str, search.budgets))
    drawing.update_xaxes(title_text="epochs of the rung", type="category", categoryorder="array", categoryarray=order)
    drawing.update_yaxes(title_text=title)
    return drawing


def _way(one: Configuration) -> list[tuple[int | None, float | None, str]]:
    """The points of one configuration, and a gap."""
    return [*((epochs, one.values[epochs], one.name) for epochs in sorted(one.values)), (None, None, "")]


def costs(search: Search, hours: dict[str, float], unit: str, title: str) -> go.Figure:
    """The metric at the full budget against what each configuration cost (`hours` by name), a mark for each family."""
    drawing = figure(360, legend={"orientation": "h", "y": 1.0, "yanchor": "bottom"})
    for place, (family, group) in enumerate(search.families().items()):
        there = [one for one in group if one.values.get(search.budgets[-1]) is not None and one.name in hours]
        drawing.add_scatter(
            x=_short(hours[one.name] for one in there), y=_short(one.values[search.budgets[-1]] for one in there),
            mode="markers", name=family, text=[one.name for one in there],
            hovertemplate="%{text}<br>%{x}: %{y}<extra></extra>",
            marker={"color": COLOURS[place % len(COLOURS)], "symbol": MARKS[place % len(MARKS)], "size": 9, "opacity": 0.75},
        )  # fmt: skip
    drawing.update_xaxes(title_text=unit)
    drawing.update_yaxes(title_text=title)
    return drawing


def counted(epochs: int) -> str:
    return f"{epochs} epoch{'s' if epochs > 1 else ''}"


def _short(values) -> list[float | None]:
    """Five digits of each, which no screen shows more of; a gap for what is not known."""
    return [None if value is None or not math.isfinite(value) else float(f"{value:.5g}") for value in values]
