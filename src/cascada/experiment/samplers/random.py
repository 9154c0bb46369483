"""Independent random values; a search that grows keeps what it has drawn."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cascada.core.canonical import canonical
from cascada.core.errors import ConfigError
from cascada.core.options import option
from cascada.experiment.entries import drawing, walk

DRAWS_PER_SAMPLE = 100  # before a space is said to be too small


@dataclass(frozen=True, kw_only=True)
class Options:
    samples: int | dict[str, int] = option(
        help="number of configurations per model, one number or one for each model, or {total: n} to share out",
        minimum=1,
    )
    seed: int = option(1, "seed of the sampler", minimum=0)


def values(space: dict, options: Options, model: str) -> Iterator[dict[str, Any]]:
    wanted = options.samples[model] if isinstance(options.samples, dict) else options.samples
    # a generator per model: a model that is added or left out does not change what is drawn for the others
    generator = random.Random(f"{options.seed}/{model}")
    draws = drawing(generator)
    seen: dict[str, dict] = {}
    for _ in range(wanted * DRAWS_PER_SAMPLE):
        if len(seen) == wanted:
            break
        drawn = walk(space, draws)
        seen.setdefault(canonical(drawn), drawn)
    if len(seen) < wanted:
        raise ConfigError(
            f"search.models.{model}: {wanted} different samples asked for, the space gave {len(seen)}; "
            "ask for fewer or use the sampler grid."
        )
    yield from seen.values()
