"""The language of search spaces: what an entry may be, and how one value is taken from it. Standard library only.

A space maps the names of hyperparameters to entries:

    learning_rate: 0.001                             # a plain value or list is fixed
    batch_size: {choice: [32, 64, 128]}              # or randint, uniform, loguniform with [low, high]
    channels: [{randint: [2, 20]}, 16]               # a list may hold entries
    optimizer:                                       # what exists in one case alone stands in that branch
      choice:
        - adam
        - {value: sgd, momentum: {uniform: [0.5, 0.99]}}

A branch is a mapping in a `choice`: `value` is what the hyperparameter itself gets, the other names are hyperparameters that
exist in this branch alone; elsewhere they are absent, not None. `value` and they are entries again, so branches may nest.

Whoever takes values gives a function `pick(path, kind, values)` that is asked once for everything that varies: it returns
an index for a `choice` and a number otherwise. Paths tell the places of a space apart: `optimizer`, `channels[0]`,
`optimizer#1.momentum` (momentum in the branch of number 1).
"""

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cascada.core.canonical import canonical

DISTRIBUTIONS = ("choice", "randint", "uniform", "loguniform")
VALUE = "value"
DIGITS = 6  # of a loguniform value: enough for a logarithmic scale, and can be written down
TOLERANCE = 10.0 ** (1 - DIGITS)  # relative, by which rounding may carry a value over a bound

Pick = Callable[[str, str, list], int | float]


def walk(space: dict[str, Any], pick: Pick) -> dict[str, Any]:
    """Return one value for each hyperparameter that exists in the branches that `pick` takes."""
    values: dict[str, Any] = {}
    for name, entry in space.items():
        values[name] = _walk(name, entry, pick, values)
    return values


def _walk(path: str, entry: Any, pick: Pick, values: dict[str, Any]) -> Any:
    if isinstance(entry, list):
        return [_walk(f"{path}[{number}]", item, pick, values) for number, item in enumerate(entry)]
    if not isinstance(entry, dict):
        return entry
    kind, given = distribution(entry)
    picked = pick(path, kind, given)
    if kind == "loguniform":
        return float(f"{picked:.{DIGITS}g}")
    if kind != "choice":
        return picked
    value, own = branch(given[int(picked)])
    for name, inner in own.items():
        values[name] = _walk(f"{path}#{picked}.{name}", inner, pick, values)
    return _walk(f"{path}#{picked}", value, pick, values)


def distribution(entry: dict) -> tuple[str, list]:
    return next(iter(entry.items()))


def branch(option: Any) -> tuple[Any, dict[str, Any]]:
    """Split an option of a choice into its value and the entries that exist with it alone."""
    if isinstance(option, dict) and VALUE in option:
        return option[VALUE], {name: entry for name, entry in option.items() if name != VALUE}
    return option, {}


def taking(picks: dict[str, int | float]) -> Pick:
    """A `pick` that returns what is written down for each path."""
    return lambda path, kind, values: picks[path]


def drawing(generator: random.Random) -> Pick:
    """A `pick` that draws at random."""

    def pick(path: str, kind: str, values: list) -> int | float:
        if kind == "choice":
            return generator.randrange(len(values))
        if kind == "randint":
            return generator.randint(*values)
        if kind == "uniform":
            return generator.uniform(*values)
        return math.exp(generator.uniform(*map(math.log, values)))

    return pick


def completed(space: dict[str, Any], values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return a point's values with the defaults of all other hyperparameters, but for those of branches that it does not take."""
    absent = conditional(space) - values.keys()
    return {name: value for name, value in defaults.items() if name not in absent} | values


def dimensions(space: dict[str, Any]) -> dict[str, tuple[str, list]]:
    """Return path → (kind, values) of everything that varies, in whatever branch, in the order of the space."""
    found: dict[str, tuple[str, list]] = {}
    for name, entry in space.items():
        _visit(name, entry, found)
    return found


def _visit(path: str, entry: Any, found: dict[str, tuple[str, list]]) -> None:
    if isinstance(entry, list):
        for number, item in enumerate(entry):
            _visit(f"{path}[{number}]", item, found)
    elif isinstance(entry, dict):
        kind, given = found[path] = distribution(entry)
        for number, option in enumerate(given if kind == "choice" else ()):
            value, own = branch(option)
            for name, inner in own.items():
                _visit(f"{path}#{number}.{name}", inner, found)
            _visit(f"{path}#{number}", value, found)


def locate(space: dict[str, Any], values: dict[str, Any]) -> dict[str, int | float] | None:
    """Return what `pick` must have returned for these values, path → index or number; None where the space has no such point."""
    if not space.keys() <= values.keys():
        return None
    parts = (list(_located(name, entry, values[name], values)) for name, entry in space.items())
    for found in itertools.product(*parts):
        picks = {path: pick for part in found for path, pick in part.items()}
        if walk(space, taking(picks)).keys() == values.keys():
            return picks
    return None


def _located(path: str, entry: Any, value: Any, values: dict[str, Any]) -> Iterator[dict[str, int | float]]:
    """Yield the picks with which an entry gives a value; several where options of a choice are alike."""
    if isinstance(entry, list):
        if isinstance(value, list | tuple) and len(value) == len(entry):
            pairs = enumerate(zip(entry, value, strict=True))
            yield from _merged(_located(f"{path}[{number}]", item, one, values) for number, (item, one) in pairs)
        return
    if not isinstance(entry, dict):
        if canonical(entry) == canonical(value):
            yield {}
        return
    kind, given = distribution(entry)
    if kind != "choice":
        if _within(kind, given, value):
            yield {path: min(max(value, given[0]), given[1])}
        return
    for number, option in enumerate(given):
        one, own = branch(option)
        if own.keys() <= values.keys():
            inner = [_located(f"{path}#{number}.{name}", part, values[name], values) for name, part in own.items()]
            for found in _merged([_located(f"{path}#{number}", one, value, values), *inner]):
                yield {path: number, **found}


def _merged(parts: Iterable[Iterator[dict]]) -> Iterator[dict]:
    for found in itertools.product(*map(list, parts)):
        yield {path: pick for part in found for path, pick in part.items()}


def _within(kind: str, bounds: list, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if kind == "randint" else int | float):
        return False
    room = 0 if kind == "randint" else TOLERANCE * max(abs(bounds[0]), abs(bounds[1]) if kind == "uniform" else 0)
    above = TOLERANCE * abs(bounds[1]) if kind == "loguniform" else room
    return bounds[0] - room <= value <= bounds[1] + above


def size(space: dict[str, Any]) -> float:
    """Return how many points a space has, infinity where a number varies continuously; at most so many configurations exist."""
    return math.prod(map(_size, space.values()))


def _size(entry: Any) -> float:
    if isinstance(entry, list):
        return math.prod(map(_size, entry))
    if not isinstance(entry, dict):
        return 1
    kind, given = distribution(entry)
    if kind == "choice":
        return sum(_size(value) * size(own) for value, own in map(branch, given))
    if kind == "randint":
        return given[1] - given[0] + 1
    return 1 if given[0] == given[1] else math.inf


def every(space: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all points of a space in which nothing varies continuously: a grid."""
    parts = [_every(entry) for entry in space.values()]
    for found in itertools.product(*parts):
        values = {name: value for name, (value, _) in zip(space, found, strict=True)}
        yield values | {name: value for _, own in found for name, value in own.items()}


def _every(entry: Any) -> list[tuple[Any, dict[str, Any]]]:
    """All values of an entry, each with those of its branch's hyperparameters."""
    if isinstance(entry, list):
        parts = itertools.product(*map(_every, entry))
        return [([v for v, _ in one], {k: v for _, own in one for k, v in own.items()}) for one in parts]
    if not isinstance(entry, dict):
        return [(entry, {})]
    kind, given = distribution(entry)
    if kind == "randint":
        return [(value, {}) for value in range(given[0], given[1] + 1)]
    found: list[tuple[Any, dict[str, Any]]] = []
    for value, own in map(branch, given):
        for one, more in _every(value):
            found += [(one, more | points) for points in every(own)]
    return found


def conditional(space: dict[str, Any]) -> set[str]:
    """Return the hyperparameters that exist in some branch alone: one that a point lacks is absent, whatever its default."""
    return {name for names in dependents(space).values() for name in names}


def dependents(space: dict[str, Any]) -> dict[str, list[str]]:
    """Hyperparameter → those that branches of its entry bring directly, one for each choice and name."""
    found: dict[str, list[str]] = {}
    for name, entry in space.items():
        _depend(name, entry, found)
    return found


def _depend(name: str, entry: Any, found: dict[str, list[str]]) -> None:
    if isinstance(entry, list):
        for item in entry:
            _depend(name, item, found)
    elif isinstance(entry, dict) and "choice" in entry:
        brought: dict[str, list[Any]] = {}
        for value, own in map(branch, entry["choice"]):
            _depend(name, value, found)
            for inner, part in own.items():
                brought.setdefault(inner, []).append(part)
        found.setdefault(name, []).extend(brought)
        for inner, parts in brought.items():
            for part in parts:
                _depend(inner, part, found)
