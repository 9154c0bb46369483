"""Parallel coordinates of a family: a line per configuration through all hyperparameters that vary; plotly lets one brush them.

Plotly draws no line through a missing value and takes it for zero elsewhere, so what does not exist stands at a place of its own,
below the axis's smallest value, under the name "absent" (a hyperparameter of another branch) or "none" (no result).
"""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from cascada.report.search.axes import Axis, absent_at
from cascada.report.search.content import Configuration
from cascada.report.search.figures import counted, figure

ABSENT, NONE = "absent", "none"
TICKS = 5
WIDTH = 96  # pixels for an axis, so that their names can be read


def parallel(
    axes: Sequence[Axis], group: Sequence[Configuration], budgets: Sequence[int], title: str, smaller: bool = False
) -> go.Figure:
    """Axes, the epochs reached, and the metric at the first and at the last budget; coloured by the first, the best bright.

    `smaller`: the metric's best values are its small ones.
    """
    results = [[one.values.get(epochs) for one in group] for epochs in dict.fromkeys((budgets[0], budgets[-1]))]
    dimensions = [dimension(axis) for axis in axes]
    if len(budgets) > 1:
        dimensions.append(_numbers("epochs reached", [one.epochs for one in group], False, ABSENT))
    for epochs, values in zip(dict.fromkeys((budgets[0], budgets[-1])), results, strict=True):
        dimensions.append(_numbers(f"{title}, {counted(epochs)}", values, False, NONE))
    known = [value for value in results[0] if value is not None]
    drawing = figure(420)
    line: dict[str, Any] = {"colorscale": "Cividis", "reversescale": smaller}
    if known:
        line |= {
            "color": dimensions[-len(results)]["values"],
            "cmin": min(known),
            "cmax": max(known),
            "showscale": True,
        }
    drawing.add_parcoords(dimensions=dimensions, line=line, ids=[one.name for one in group])
    drawing.update_layout(margin={"l": 60, "r": 60, "t": 50, "b": 24}, meta={"width": WIDTH * (len(dimensions) + 1)})
    return drawing


def dimension(axis: Axis) -> dict[str, Any]:
    """Plotly's dimension of an axis."""
    if axis.number:
        return _numbers(axis.name, axis.values, axis.logarithmic, ABSENT)
    places: dict[Any, int] = {option: place for place, option in enumerate(axis.options)}
    texts: dict[int, str] = {place: option for option, place in places.items()}
    if None in axis.values:
        texts = {-1: ABSENT} | texts
    values = [-1 if value is None else places[str(value)] for value in axis.values]
    short = [text if len(text) < 18 else text[:16] + "…" for text in texts.values()]
    return {"label": axis.name, "values": values, "tickvals": list(texts), "ticktext": short}


def _numbers(label: str, values: Sequence[Any], logarithmic: bool, missing: str) -> dict[str, Any]:
    """A dimension of numbers, in powers of ten where the axis is logarithmic; what is missing has a tick of its own."""
    known = [_scaled(value, logarithmic) for value in values if value is not None]
    away = absent_at(known)
    ticks = _ticks(known, logarithmic)
    if None in values:
        ticks = {away: missing} | ticks
    found = [away if value is None else _scaled(value, logarithmic) for value in values]
    return {"label": label, "values": found, "tickvals": list(ticks), "ticktext": list(ticks.values())}


def _scaled(value: float, logarithmic: bool) -> float:
    return float(f"{math.log10(value) if logarithmic else value:.6g}")


def _ticks(known: Sequence[float], logarithmic: bool) -> dict[float, str]:
    """At the values themselves where they are few, else evenly from the smallest to the largest."""
    places = sorted(set(known))
    if len(places) > TICKS:
        low, high = places[0], places[-1]
        places = [low + (high - low) * step / (TICKS - 1) for step in range(TICKS)]
    return {place: f"{10**place if logarithmic else place:.3g}" for place in places}
