"""Whether a search space can be understood: names, distributions, branches. Standard library only."""

import graphlib
import math
from collections.abc import Iterable
from typing import Any

from cascada.core.errors import ConfigError, did_you_mean
from cascada.experiment.entries import DISTRIBUTIONS, VALUE, branch, dependents, distribution


def check(model: str, space: dict[str, Any], known: Iterable[str]) -> None:
    """Raise ConfigError, in one sentence, for a space of a family whose hyperparameters are `known`."""
    known = sorted(known)
    place = f"search.models.{model}"
    for name, entry in space.items():
        _check_name(model, place, name, known)
        _check(model, f"{place}.{name}", entry, known)
    try:
        graphlib.TopologicalSorter(dependents(space)).prepare()
    except graphlib.CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise ConfigError(
            f"{place}: a condition in a circle, {circle}; a branch cannot set what decides about it: "
            "leave one of these out of the other's branches."
        ) from None
    _together(place, space, set())


def _brought(place: str, entry: Any) -> set[str]:
    """Return the hyperparameters that some branch of an entry sets. Raises ConfigError where one point would have one twice."""
    if isinstance(entry, list):
        return _apart(place, [_brought(place, item) for item in entry])
    if not isinstance(entry, dict) or "choice" not in entry:
        return set()
    found: set[str] = set()
    for number, (value, own) in enumerate(map(branch, entry["choice"])):
        found |= _together(f"{place}.choice[{number}]", own, _brought(place, value))
    return found


def _together(place: str, space: dict[str, Any], more: set[str]) -> set[str]:
    """Return all names that a space, or a branch, sets; `more` are set beside it."""
    return _apart(place, [set(space), more, *(_brought(f"{place}.{name}", entry) for name, entry in space.items())])


def _apart(place: str, parts: list[set[str]]) -> set[str]:
    found: set[str] = set()
    for part in parts:
        if twice := sorted(found & part):
            raise ConfigError(
                f"{place}: {twice} would be set twice at a time; set a hyperparameter in the branches of one choice alone, "
                "or outside of all branches."
            )
        found |= part
    return found


def _check_name(model: str, place: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise ConfigError(
            f"{place}: unknown hyperparameter {name!r}{did_you_mean(str(name), known)}. {model} has {known}."
        )


def _check(model: str, place: str, entry: Any, known: list[str]) -> None:
    if isinstance(entry, list):
        for number, item in enumerate(entry):
            _check(model, f"{place}[{number}]", item, known)
    if not isinstance(entry, dict):
        return
    names = list(entry)
    if len(entry) != 1 or names[0] not in DISTRIBUTIONS:
        if VALUE in entry:
            raise ConfigError(f"{place}: {names} given; a branch (`value` and what exists with it) stands in a choice.")
        near = did_you_mean(str(names[0]), DISTRIBUTIONS) if names else ""
        raise ConfigError(
            f"{place}: unknown distribution {names}{near}. Known are {list(DISTRIBUTIONS)}, one at a time."
        )
    kind, given = distribution(entry)
    if not isinstance(given, list) or not given:
        raise ConfigError(f"{place}.{kind}: {given!r} given, a list is needed that is not empty.")
    if kind != "choice":
        _check_bounds(f"{place}.{kind}", kind, given)
        return
    for number, option in enumerate(given):
        _check_option(model, f"{place}.choice[{number}]", option, known)


def _check_option(model: str, place: str, option: Any, known: list[str]) -> None:
    if isinstance(option, dict) and VALUE not in option and option.keys() & set(known):
        raise ConfigError(
            f"{place}: {sorted(option)} given without `value`; a branch is written {{value: sgd, momentum: …}}."
        )
    value, own = branch(option)
    for name, entry in own.items():
        _check_name(model, place, name, known)
        _check(model, f"{place}.{name}", entry, known)
    _check(model, place, value, known)


def _check_bounds(place: str, kind: str, bounds: list) -> None:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in bounds)
    if len(bounds) != 2 or not numbers or bounds[0] > bounds[1]:
        hint = " YAML reads 1e-3 as text: write 1.0e-3." if any(isinstance(v, str) for v in bounds) else ""
        raise ConfigError(f"{place}: {bounds!r} given, [low, high] with low ≤ high is needed.{hint}")
    if kind == "randint" and not all(isinstance(v, int) for v in bounds):
        raise ConfigError(f"{place}: {bounds!r} given, whole numbers are needed.")
    if kind == "loguniform" and bounds[0] <= 0:
        raise ConfigError(f"{place}: {bounds!r} given, numbers above 0 are needed.")
