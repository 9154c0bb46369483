"""Which showers a classifier gets right: the share of right answers in bins of what varies. Pure: arrays in, plain values out.

In each bin of all showers and of each class alone, with counts and exact (Clopper-Pearson) intervals over showers. The classes
stand apart because a bin may hold few of one of them (many muons: mostly iron), which moves F1 and the common accuracy
even where no shower is harder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cascada.statistics import bootstrap

NUMBER = 6  # bins of a variable


@dataclass(frozen=True, slots=True)
class Variable:
    """What stands on an axis: `title` and `unit`; a `logarithmic` one has bins of equal ratio, others of equal counts."""

    title: str
    unit: str
    logarithmic: bool = False


VARIABLES = {
    "true_energy": Variable("true energy", "TeV", logarithmic=True),
    "core_distance": Variable("distance of the core from the middle", "m"),
    "muons": Variable("muons within 160 m", ""),
    "zenith": Variable("zenith angle", "°"),
}


def values(events: np.ndarray) -> dict[str, np.ndarray]:
    """Events (N,) of EVENT_DTYPE → each of VARIABLES in its unit, (N,) float64; NaN where unknown."""
    columns = {name: events[name].astype(np.float64) for name in ("true_energy", "core_x", "core_y", "muons", "zenith")}
    return {
        "true_energy": columns["true_energy"] / 1000,
        "core_distance": np.hypot(columns["core_x"], columns["core_y"]),
        "muons": columns["muons"],
        "zenith": np.degrees(columns["zenith"]),
    }


def in_bins(
    right: np.ndarray, events: np.ndarray, classes: Sequence[str], shower: np.ndarray, confidence: float
) -> dict[str, dict]:
    """Whether each image was told right (N,), events (N,), numbers of their showers (N,) → by variable what metrics.json says.

    Variables that do not vary in these showers, or are not known, are left out.
    """
    labels, found = events["label"].astype(np.int64), {}
    for name, one in values(events).items():
        edges = _edges(one, VARIABLES[name].logarithmic)
        if len(edges) < 3:
            continue
        which = np.where(
            np.isfinite(one), np.clip(np.searchsorted(edges, one, side="right") - 1, 0, len(edges) - 2), -1
        )
        rows = []
        for place in range(len(edges) - 1):
            members = which == place
            row: dict[str, object] = {"from": float(edges[place]), "to": float(edges[place + 1])}
            row |= _share(right, members, shower, confidence)
            row["classes"] = {
                label: _share(right, members & (labels == k), shower, confidence) for k, label in enumerate(classes)
            }
            rows.append(row)
        found[name] = {"title": VARIABLES[name].title, "unit": VARIABLES[name].unit, "rows": rows}
    return found


def _share(right: np.ndarray, members: np.ndarray, shower: np.ndarray, confidence: float) -> dict:
    """Share of the members that are right, with its exact interval; None where there are none."""
    number, showers = int(members.sum()), len(np.unique(shower[members]))
    counts = {"images": number, "showers": showers}
    if not number:
        return counts | dict.fromkeys(("value", "low", "high"))
    count = int(right[members].sum())
    low, high = bootstrap.clopper_pearson(count, number, confidence, showers)
    return counts | {"value": count / number, "low": low, "high": high}


def _edges(one: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Edges (M + 1,) of the bins of values (N,), fewer than three where they do not vary; each of a few values has a bin of its own."""
    distinct = np.unique(one[np.isfinite(one)])
    if not len(distinct) or np.isclose(distinct[0], distinct[-1], rtol=1e-3, atol=1e-6):
        return distinct[:1]
    if len(distinct) <= NUMBER:
        return np.concatenate([distinct[:1], (distinct[1:] + distinct[:-1]) / 2, distinct[-1:]])
    if logarithmic and distinct[0] > 0:
        return np.geomspace(distinct[0], distinct[-1], NUMBER + 1)
    return np.unique(np.quantile(one[np.isfinite(one)], np.linspace(0, 1, NUMBER + 1)))
