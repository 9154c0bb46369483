"""All combinations of the values of a space."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cascada.core.errors import ConfigError
from cascada.experiment.entries import dimensions, every, size

LISTED = ("choice", "randint")
MOST = 100_000  # per family: ten times the largest search that was measured


@dataclass(frozen=True, kw_only=True)
class Options:
    """None: the space says everything."""


def values(space: dict, options: Options, model: str) -> Iterator[dict[str, Any]]:
    """All points of the space. It is looked at before anything is listed: four ranges have billions of combinations."""
    place = f"search.models.{model}"
    for path, (kind, _) in dimensions(space).items():
        if kind not in LISTED:
            raise ConfigError(
                f"{place}.{_written(path)}: {kind} has no list of values for a grid; use choice, randint, or the sampler random."
            )
    if (number := size(space)) > MOST:
        raise ConfigError(
            f"{place}: a grid of {number:,} combinations, at most {MOST:,} are allowed; "
            "use fewer values, or the sampler random or sobol with `samples`."
        )
    return every(space)


def _written(path: str) -> str:
    """A path of cascada.experiment.entries as the experiment's file has it: `optimizer#1.momentum` is in a choice."""
    return re.sub(r"#(\d+)", r".choice[\1]", path)
