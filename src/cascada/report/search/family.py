"""What the page of a search says of one family: on which configurations, how important each hyperparameter is, what it does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from cascada.report.search import figures as search_figures
from cascada.report.search.axes import Axis, constant, varying
from cascada.report.search.content import Configuration, Search
from cascada.report.search.importance import FEWEST, Importance, importances, quantile
from cascada.report.search.parallel import parallel
from cascada.report.search.tables import effect_rows
from cascada.statistics.names import TITLES


@dataclass(frozen=True, slots=True)
class Family:
    """`part`: the configurations that effects are computed on; `values`: their results; `axes`: what varies among them.

    `whole`: no configuration of the part was proposed because of a result.
    """

    name: str
    group: list[Configuration]
    part: list[Configuration]
    whole: bool
    values: list[float | None]
    axes: list[Axis]
    importances: list[Importance]

    @property
    def chosen(self) -> int:
        return sum(not one.sampled for one in self.part)

    @property
    def results(self) -> int:
        return sum(value is not None for value in self.values)

    @property
    def quantile(self) -> float:
        return quantile(len(self.part))

    @property
    def effects(self) -> list[tuple[str, str, str]]:
        return effect_rows(self.axes, self.values, {one.name: one for one in self.importances})

    @property
    def same(self) -> dict:
        """The hyperparameters that all its configurations share."""
        return constant([one.hyperparameters for one in self.group])


def describe(search: Search, name: str, group: list[Configuration]) -> Family:
    """Compare a family's configurations at the first budget, which all of them had."""
    part, whole = comparable(group)
    values = [one.values.get(search.budgets[0]) for one in part]
    axes = varying([one.hyperparameters for one in part])
    sign = 1.0 if search.smaller_is_better else -1.0
    losses = [math.inf if value is None else sign * value for value in values]
    return Family(name, group, part, whole, values, axes, importances(axes, losses))


def comparable(group: Sequence[Configuration]) -> tuple[list[Configuration], bool]:
    """The part that no result has chosen, and True; where that is too small all, and False. What failed says nothing."""
    ended = [one for one in group if one.statuses[min(one.statuses)] != "failed"]
    sampled = [one for one in ended if one.sampled]
    enough = len(sampled) == len(ended) or len(sampled) >= FEWEST
    return (sampled, True) if enough else (ended, False)


def figures(search: Search, family: Family) -> dict[str, go.Figure]:
    """The family's pictures, by names that begin with its own."""
    found = {axis.name: _effect(search, family, axis) for axis in family.axes}
    if family.importances:
        found["importance"] = search_figures.importance(family.importances)
    axes = varying([one.hyperparameters for one in family.group])
    if axes:
        title = TITLES[search.metric]
        found["parallel"] = parallel(axes, family.group, search.budgets, title, search.smaller_is_better)
    return {f"{family.name}/{name}": drawing for name, drawing in found.items() if drawing is not None}


def _effect(search: Search, family: Family, axis: Axis) -> go.Figure | None:
    """Nothing where no configuration has both the hyperparameter and a result."""
    known = [(place, value) for place, value in enumerate(family.values) if value is not None]
    pairs = [(place, value) for place, value in known if axis.values[place] is not None]
    if not pairs:
        return None
    draw = search_figures.numbers if axis.number else search_figures.categories
    names = [family.part[place].name for place, _ in pairs]
    shown = axis.take([place for place, _ in pairs])
    return draw(shown, [value for _, value in pairs], names, f"validation {TITLES[search.metric]}")
