"""Independent random values; a search that grows keeps what it has drawn."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cascada.core.canonical import canonical
from cascada.core.errors import ConfigError
from cascada.core.options import option
from cascada.experiment.distributions import draw

DRAWS_PER_SAMPLE = 100  # before a space is said to be too small


@dataclass(frozen=True, kw_only=True)
class Options:
    samples: int | dict[str, int] = option(
        help="number of random configurations per model, one number or one for each model", minimum=1
    )
    seed: int = option(1, "seed of the random sampler", minimum=0)


def values(space: dict, options: Options, model: str) -> Iterator[dict[str, Any]]:
    wanted = _wanted(options.samples, model)
    # a generator per model: a model that is added or left out does not change what is drawn for the others
    generator = random.Random(f"{options.seed}/{model}")
    seen: dict[str, dict] = {}
    for _ in range(wanted * DRAWS_PER_SAMPLE):
        if len(seen) == wanted:
            break
        drawn = {name: draw(entry, generator) for name, entry in space.items()}
        seen.setdefault(canonical(drawn), drawn)
    if len(seen) < wanted:
        raise ConfigError(
            f"search.models.{model}: {wanted} different samples asked for, the space gave {len(seen)}; "
            "ask for fewer or use the sampler grid."
        )
    yield from seen.values()


def _wanted(samples: int | dict[str, int], model: str) -> int:
    if not isinstance(samples, dict):
        return samples
    if model not in samples:
        raise ConfigError(
            f"search.models.{model}: search.samples has no number for it, only for {sorted(samples)}; "
            "add one, or give one number for all models."
        )
    return samples[model]
