"""All combinations of the values of a space."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cascada.experiment.entries import every


@dataclass(frozen=True, kw_only=True)
class Options:
    """None: the space says everything."""


def values(space: dict, options: Options, model: str) -> Iterator[dict[str, Any]]:
    return every(f"search.models.{model}", space)
