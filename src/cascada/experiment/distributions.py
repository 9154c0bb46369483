"""What may stand for a hyperparameter in a search space, and how to check it, list it and draw from it.

A plain scalar or list is a fixed value; what varies is written as one of
`{choice: [a, b]}`, `{randint: [low, high]}` (both included), `{uniform: [low, high]}`, `{loguniform: [low, high]}`;
a list may hold such entries, so that `channels: [{randint: [2, 20]}, {randint: [2, 20]}]` draws two numbers.
Standard library only: the Snakefile imports this.
"""

import itertools
import math
import random
from typing import Any

from cascada.core.errors import ConfigError, did_you_mean

DISTRIBUTIONS = ("choice", "randint", "uniform", "loguniform")


def check_entry(place: str, entry: Any) -> None:
    """Raise ConfigError for an entry that cannot be understood; `place`: its key in the experiment."""
    if isinstance(entry, list):
        for number, item in enumerate(entry):
            check_entry(f"{place}[{number}]", item)
    if not isinstance(entry, dict):
        return
    if len(entry) != 1 or next(iter(entry)) not in DISTRIBUTIONS:
        names = list(entry)
        near = did_you_mean(str(names[0]), DISTRIBUTIONS) if names else ""
        raise ConfigError(
            f"{place}: unknown distribution {names}{near}. Known are {list(DISTRIBUTIONS)}, one at a time."
        )
    kind, values = next(iter(entry.items()))
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{place}.{kind}: {values!r} given, a list is needed that is not empty.")
    if kind == "choice":
        for number, item in enumerate(values):
            check_entry(f"{place}.choice[{number}]", item)
    else:
        _check_range(f"{place}.{kind}", kind, values)


def _check_range(place: str, kind: str, values: list) -> None:
    if len(values) != 2 or not all(isinstance(v, int | float) for v in values) or values[0] > values[1]:
        hint = " YAML reads 1e-3 as text: write 1.0e-3." if any(isinstance(v, str) for v in values) else ""
        raise ConfigError(f"{place}: {values!r} given, [low, high] with low ≤ high is needed.{hint}")
    if kind == "randint" and not all(isinstance(v, int) for v in values):
        raise ConfigError(f"{place}: {values!r} given, whole numbers are needed.")
    if kind == "loguniform" and values[0] <= 0:
        raise ConfigError(f"{place}: {values!r} given, numbers above 0 are needed.")


def all_values(place: str, entry: Any) -> list:
    """All values of an entry. Raises ConfigError for a distribution that has no list of them."""
    if isinstance(entry, list):
        return [list(values) for values in itertools.product(*(all_values(place, item) for item in entry))]
    if not isinstance(entry, dict):
        return [entry]
    kind, values = next(iter(entry.items()))
    if kind == "choice":
        return [value for item in values for value in all_values(place, item)]
    if kind == "randint":
        return list(range(values[0], values[1] + 1))
    raise ConfigError(f"{place}: {kind} has no list of values for a grid; use choice, randint, or the sampler random.")


def draw(entry: Any, generator: random.Random) -> Any:
    """One value of an entry."""
    if isinstance(entry, list):
        return [draw(item, generator) for item in entry]
    if not isinstance(entry, dict):
        return entry
    kind, values = next(iter(entry.items()))
    if kind == "choice":
        return draw(generator.choice(values), generator)
    if kind == "randint":
        return generator.randint(*values)
    if kind == "uniform":
        return generator.uniform(*values)
    # six digits are enough for a logarithmic scale, and can be written down
    return float(f"{math.exp(generator.uniform(math.log(values[0]), math.log(values[1]))):.6g}")
