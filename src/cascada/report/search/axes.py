"""The hyperparameters of several configurations as axes of pictures: numbers or categories, absent in some configurations. Pure."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = float | str | None  # None: the hyperparameter does not exist in this configuration (a branch of a choice)
MOST_LISTS = 6  # different lists that are shown as categories; of more, each element is an axis
WIDE = 10  # largest over smallest value from which on an axis is logarithmic
BEYOND = 0.12  # of an axis's length: so far below the smallest value stands what is absent


@dataclass(frozen=True, slots=True)
class Axis:
    """`values` has one entry per configuration, in their order; those of a number are finite."""

    name: str
    number: bool
    values: tuple[Value, ...]

    @property
    def present(self) -> list[Any]:
        return [value for value in self.values if value is not None]

    @property
    def options(self) -> list[str]:
        """Of a category: its values, in alphabetical order."""
        return sorted(set(self.present))

    @property
    def logarithmic(self) -> bool:
        return self.number and min(self.present) > 0 and max(self.present) / min(self.present) >= WIDE

    def take(self, places: Sequence[int]) -> "Axis":
        """The axis of some of the configurations."""
        return Axis(self.name, self.number, tuple(self.values[place] for place in places))


def varying(configurations: Sequence[Mapping[str, Any]]) -> list[Axis]:
    """The hyperparameters that differ between configurations (name → value each), where they exist, in alphabetical order."""
    names = sorted({name for one in configurations for name in one})
    columns = {name: [one.get(name) for one in configurations] for name in names}
    found = [_axis(name, values) for whole, column in columns.items() for name, values in _split(whole, column)]
    return [axis for axis in found if len(set(axis.present)) > 1]


def constant(configurations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The hyperparameters that all configurations have with the same value."""
    first = configurations[0] if configurations else {}
    return {name: first[name] for name in sorted(first) if all(one.get(name) == first[name] for one in configurations)}


def _split(name: str, column: list[Any]) -> list[tuple[str, list[Any]]]:
    """A column of many different lists becomes one column per element; shorter lists lack the last ones."""
    lists = [value for value in column if isinstance(value, list)]
    if len({json.dumps(value) for value in lists}) <= MOST_LISTS:
        return [(name, column)]
    length = max(map(len, lists))
    elements = [[*value, *[None] * length] if isinstance(value, list) else [None] * length for value in column]
    return [(f"{name} {place + 1}", [one[place] for one in elements]) for place in range(length)]


def _axis(name: str, column: list[Any]) -> Axis:
    number = all(value is None or _is_number(value) for value in column)
    return Axis(name, number, tuple(value if value is None or number else words(value) for value in column))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two positive numbers: for a logarithmic axis."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = [float(f"{step}e{decade}") for decade in decades for step in (1, 2, 5)]
    return [place for place in places if low <= place <= high]


def absent_at(values: Sequence[float]) -> float:
    """Where a number stands that does not exist: below all others, at a distance that can be seen and told from them."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return low - BEYOND * ((high - low) or abs(low) or 1.0)
