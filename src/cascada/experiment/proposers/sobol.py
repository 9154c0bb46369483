"""Quasi-random configurations: the points of a scrambled Sobol sequence fill a space more evenly than random ones.

They are independent of what has been trained. More samples continue the sequence, so that a search that grows keeps what it has.
I. M. Sobol', USSR Comput. Math. Math. Phys. 7 (1967) 86; A. B. Owen, J. Complexity 14 (1998) 466 (the scrambling).
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

from cascada.core.canonical import canonical
from cascada.core.errors import ConfigError
from cascada.experiment.batches import Finished
from cascada.experiment.entries import dimensions, size, taking, walk

POINTS_PER_SAMPLE = 100  # before a space is said to be too small


def propose(
    space: dict[str, Any], number: int, seed: int | str, batch: int = 0, finished: Iterable[Finished] = ()
) -> list[dict[str, Any]]:
    """Return `number` different points of a family's space, none of which is in `finished`.

    `seed`: of the search and the family together. `batch` changes nothing: known points are left out. Raises ConfigError where
    the space has too few.
    """
    known = {canonical(one.values) for one in finished}
    found: dict[str, dict] = {}
    for values in _points(space, seed, POINTS_PER_SAMPLE * (number + len(known))):
        if len(found) == number:
            break
        if (key := canonical(values)) not in known:
            found.setdefault(key, values)
    if len(found) < number:
        raise too_small(number, len(found), space)
    return list(found.values())


def _points(space: dict[str, Any], seed: int | str, most: int) -> Iterator[dict[str, Any]]:
    """Yield the sequence's points, a power of two at a time, as its balance demands."""
    varying = dimensions(space)
    paths = list(varying)
    if not paths:
        yield walk(space, lambda path, kind, values: 0)
        return
    from scipy.stats import qmc

    engine = qmc.Sobol(d=len(paths), scramble=True, rng=number_of(seed))
    drawn, block = 0, 64
    while drawn < most:
        for row in engine.random(block).tolist():
            levels = dict(zip(paths, row, strict=True))
            yield walk(space, taking({path: quantile(*varying[path], level) for path, level in levels.items()}))
        drawn, block = drawn + block, drawn + block


def quantile(kind: str, values: list, level: float) -> int | float:
    """Return the index of a choice or the number at a level from 0 to below 1 of a distribution."""
    if kind == "choice":
        return int(level * len(values))
    low, high = values
    if kind == "randint":
        return low + int(level * (high - low + 1))
    if kind == "uniform":
        return low + level * (high - low)
    return math.exp(math.log(low) + level * (math.log(high) - math.log(low)))


def number_of(*seeds: int | str) -> int:
    """Return 32 bits for a generator, of what names a stream of random numbers."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, seeds)).encode()).digest()[:4], "big")


def too_small(wanted: int, found: int, space: dict[str, Any]) -> ConfigError:
    return ConfigError(
        f"search.models: {wanted} more different samples asked for, a space of {size(space):.6g} points over {sorted(space)} "
        f"gave {found}; ask for fewer, widen the space, or use the sampler grid."
    )
