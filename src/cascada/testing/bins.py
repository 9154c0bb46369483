"""Which showers a classifier gets right: the share of right answers in bins of what varies. Pure: arrays in, plain values out.

In each bin of all showers and of each class alone, with counts and exact (Clopper-Pearson) intervals over showers. The classes
stand apart because a bin may hold few of one of them (many muons: mostly iron), which moves F1 and the common accuracy
even where no shower is harder. Under a stated spectrum the shares are weighted: a bin of many muons holds showers of many energies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cascada.statistics import bootstrap
from cascada.statistics import weights as weighting

NUMBER = 6  # bins of a variable
PREFIX = "bins."


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


def statistics(right: np.ndarray, events: np.ndarray, classes: Sequence[str]) -> dict[str, bootstrap.Statistic]:
    """By variable the shares of right answers (R, M · (1 + K)) that `in_bins` needs the draws of under weights."""
    return {
        f"{PREFIX}{name}": bootstrap.means(right.astype(float), members.reshape(len(members), -1))
        for name, (_, members) in _groups(events, len(classes)).items()
    }


def in_bins(
    right: np.ndarray,
    events: np.ndarray,
    classes: Sequence[str],
    shower: np.ndarray,
    confidence: float,
    weight: np.ndarray | None = None,
    drawn: Mapping[str, dict] | None = None,
) -> dict[str, dict]:
    """Whether each image was told right (N,), events (N,), numbers of their showers (N,) → by variable what metrics.json says.

    Variables that do not vary in these showers, or are not known, are left out. Under weights (N,) the shares are weighted,
    `showers` are as many as these are worth, and the intervals are at least those of `statistics` in `drawn`.
    """
    found = {}
    for name, (edges, members) in _groups(events, len(classes)).items():
        ends = _ends(members.shape[1:], (drawn or {}).get(f"{PREFIX}{name}"))
        rows = []
        for place in range(members.shape[1]):
            of_all, *of_class = (
                _share(right, members[:, place, column], shower, confidence, weight, ends[place, column])
                for column in range(members.shape[2])
            )
            row: dict[str, object] = {"from": float(edges[place]), "to": float(edges[place + 1])}
            rows.append(row | of_all | {"classes": dict(zip(classes, of_class, strict=True))})
        found[name] = {"title": VARIABLES[name].title, "unit": VARIABLES[name].unit, "rows": rows}
    return found


def _groups(events: np.ndarray, classes: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By variable the edges (M + 1,) of its bins and who belongs, (N, M, 1 + K): of all, and of each class."""
    labels, found = events["label"].astype(np.int64), {}
    mine = np.column_stack([np.ones(len(labels), bool), labels[:, None] == np.arange(classes)])
    for name, one in values(events).items():
        edges = _edges(one, VARIABLES[name].logarithmic)
        if len(edges) < 3:
            continue
        place = np.clip(np.searchsorted(edges, one, side="right") - 1, 0, len(edges) - 2)
        inside = np.isfinite(one)[:, None] & (place[:, None] == np.arange(len(edges) - 1))
        found[name] = edges, inside[:, :, None] & mine[:, None, :]
    return found


def _ends(shape: tuple[int, ...], drawn: dict | None) -> np.ndarray:
    """The ends (M, 1 + K, 2) of the drawn intervals; without any they are empty, and widen nothing."""
    if drawn is None:
        return np.broadcast_to([np.inf, -np.inf], (*shape, 2))
    return np.stack([np.reshape(drawn[end], shape) for end in ("low", "high")], axis=-1)


def _share(
    right: np.ndarray,
    members: np.ndarray,
    shower: np.ndarray,
    confidence: float,
    weight: np.ndarray | None,
    ends: np.ndarray,
) -> dict:
    """Share of the members that are right, with its exact interval, as wide as from `ends` (2,) at least; None where there are none."""
    number, of_shower = int(members.sum()), shower[members]
    mine = None if weight is None else weight[members]
    showers = len(np.unique(of_shower)) if mine is None else weighting.worth(mine, of_shower)
    counts = {"images": number, "showers": showers}
    if not number:
        return counts | dict.fromkeys(("value", "low", "high"))
    value = float(np.average(right[members], weights=mine))
    low, high = bootstrap.clopper_pearson(round(value * number), number, confidence, showers)
    return counts | {"value": value, "low": min(low, float(ends[0])), "high": max(high, float(ends[1]))}


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
