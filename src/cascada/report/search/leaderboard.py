"""The leaderboard of the page of a search: which columns, in which order, and what their cells say. Pure.

Columns that leaderboard.tsv has and this module does not know are shown as they are.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cascada.core.classes import meaning
from cascada.report.search.axes import varying
from cascada.selection.leaderboard import ORIGIN
from cascada.statistics import words
from cascada.statistics.names import METRICS, TITLES

Row = Mapping[str, str]
FIRST = ("rank", "configuration", "chosen", "in_set", "model", "status")
NEXT = (
    "seeds", "epochs", "parameters", "multiply_adds", "gpu_hours", "wall_seconds", "training_ms_per_shower", "p_value", "f1_loss",
    "f1_loss_limit",
)  # fmt: skip
NAMES = {"in_set": "in the best set", "model": "family", "gpu_hours": "GPU-hours", "wall_seconds": "wall time [s]", "training_ms_per_shower": "training time per shower [ms]", "f1_loss": "loss in F1 against the best", "f1_loss_limit": "its upper limit", "multiply_adds": "multiply-adds"}  # fmt: skip
PARTS = ("mean", "spread", "low", "high")  # of a metric: they make one cell


def leaderboard(
    rows: Sequence[Row], hyperparameters: Mapping[str, Mapping[str, Any]], metric: str, content: Mapping
) -> tuple[list[str], list[list[str]]]:
    """Return header and rows; `hyperparameters` by configuration, of which those that vary have a column, `content` names the classes."""
    if not rows:
        return [], []
    names = [str(column) for column in rows[0]]
    metrics = [metric, *(one for one in METRICS if one != metric)]
    shown = [one for one in metrics if f"validation_{one}_mean" in names]
    known = {*FIRST, *NEXT, *ORIGIN, *(f"validation_{one}_{part}" for one in shown for part in PARTS)}
    known |= {name for one in hyperparameters.values() for name in one}
    first = [name for name in FIRST if name in names]
    rest = [name for name in names if name not in known] + [name for name in NEXT if name in names]
    axes = [axis.name for axis in varying(list(hyperparameters.values()))]
    whole = list(dict.fromkeys(_whole(axis, hyperparameters) for axis in axes))
    header = [*(_title(name) for name in first), *(_metric_title(one, content) for one in shown)]
    header += [*(_title(name) for name in rest), *whole]
    cells = []
    for row in rows:
        of = hyperparameters.get(row["configuration"], {})
        line = [_cell(row[name]) for name in first] + [metric_cell(row, one) for one in shown]
        cells.append(line + [_cell(row[name]) for name in rest] + [_value(of, name) for name in whole])
    return header, cells


def _whole(axis: str, hyperparameters: Mapping[str, Mapping[str, Any]]) -> str:
    """The hyperparameter that an axis is of, which may be one element of a list."""
    names = {name for one in hyperparameters.values() for name in one}
    return axis if axis in names else axis.rpartition(" ")[0]


def _title(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _metric_title(metric: str, content: Mapping) -> str:
    return f"{TITLES[metric]}{meaning(content, metric)}"


def metric_cell(row: Row, metric: str) -> str:
    """Mean, spread over seeds, interval over showers: what there is of these."""
    mean, spread, low, high = (row.get(f"validation_{metric}_{part}") or "" for part in PARTS)
    text = _number(mean)
    text += f" {words.spread(float(spread), int(row['seeds']))}" if spread else ""
    return f"{text} [{_number(low)}, {_number(high)}]" if low and high else text


def _cell(text: str) -> str:
    return _number(text) if "." in text else text


def _number(text: str) -> str:
    """Four digits behind the point, which is more than an interval ever leaves certain; words stay."""
    try:
        value = float(text)
    except ValueError:
        return text
    return text if value == int(value) and "." not in text else f"{value:.4f}"


def _value(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name, "")
    return value if isinstance(value, str) else json.dumps(value)
