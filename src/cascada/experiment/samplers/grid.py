"""All combinations of the values of a space."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cascada.experiment.distributions import all_values


@dataclass(frozen=True, kw_only=True)
class Options:
    """None: the space says everything."""


def values(space: dict, options: Options, model: str) -> Iterator[dict[str, Any]]:
    names = list(space)
    for combination in itertools.product(*(all_values(f"search.models.{model}.{name}", space[name]) for name in names)):
        yield dict(zip(names, combination, strict=True))
