"""Successive halving before anything runs: budgets of the rungs, how many go on, finalists. Standard library only.

In an experiment, with `training.epochs` as the last budget:

    search:
      halving: {eta: 3, first: 1}         # 1, 3, 9, … epochs, up to training.epochs; both if left out
      halving: {rungs: [2, 4, 12]}        # or the budgets themselves
      rescore: {top: 2, seeds: [2, 3]}    # more seeds for the two best alone
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

from cascada.core.errors import ConfigError

ETA, FIRST = 3, 1  # unless an experiment says otherwise; docs/search.md has what they cost and lose
LEAST_ETA = 2


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: `configurations` at most so many are trained on to `epochs`, from the rung below's `start`."""

    number: int  # from 1
    epochs: int
    start: int  # epochs that they have been trained already
    configurations: int


def budgets(search: dict, epochs: int) -> list[int]:
    """Return the epochs of each rung, growing; the last is `training.epochs`, the only one without halving.

    With `eta` and `first` they are first · η^k; one that would lie within a factor √η below the last gives way to it, so that
    nothing is decided over a difference of few epochs. Raises ConfigError.
    """
    halving = search.get("halving")
    if halving is None:
        return [epochs]
    if "rungs" in halving and "first" in halving:
        raise ConfigError(
            f"search.halving: {sorted(halving)} given; give either `eta` and `first`, or `rungs`, the list of epochs."
        )
    return _listed(halving, epochs) if "rungs" in halving else _geometric(halving, epochs)


def check(search: dict, epochs: int) -> list[int]:
    """Return the budgets after checking them and the seeds. Raises ConfigError."""
    check_seeds(search)
    return budgets(search, epochs)


def _listed(halving: dict, epochs: int) -> list[int]:
    rungs = halving["rungs"]
    if "eta" in halving:
        raise ConfigError("search.halving: `eta` and `rungs` given; with `rungs` their epochs say how many go on.")
    if not rungs or any(not _whole(rung) or rung < 1 for rung in rungs):
        raise ConfigError(f"search.halving.rungs: {rungs} given, a list of whole numbers of epochs from 1 is needed.")
    if any(low >= high for low, high in itertools.pairwise(rungs)):
        raise ConfigError(f"search.halving.rungs: {rungs} given, each rung needs more epochs than the one before.")
    _check_first("rungs", rungs[0], epochs)
    if rungs[-1] != epochs:
        raise ConfigError(
            f"search.halving.rungs: the last of {rungs} is the budget of the finalists, and training.epochs is {epochs}; "
            f"end the list with {epochs}, or change training.epochs."
        )
    return list(rungs)


def _geometric(halving: dict, epochs: int) -> list[int]:
    eta, first = halving.get("eta", ETA), halving.get("first", FIRST)
    if not isinstance(eta, int | float) or isinstance(eta, bool) or not math.isfinite(eta) or eta < LEAST_ETA:
        raise ConfigError(f"search.halving.eta: {eta!r} given, at least {LEAST_ETA} is allowed: one of η goes on.")
    if not _whole(first) or first < 1:
        raise ConfigError(f"search.halving.first: {first!r} given, a whole number of epochs from 1 is needed.")
    _check_first("first", first, epochs)
    rungs, rung = [], float(first)
    while rung * math.sqrt(eta) <= epochs:
        rungs.append(round(rung))
        rung *= eta
    return [*rungs, epochs]


def _check_first(name: str, first: int, epochs: int) -> None:
    if first > epochs:
        raise ConfigError(
            f"search.halving.{name}: the first rung has {first} epochs and training.epochs is {epochs}; "
            "give fewer epochs to the first rung, or more to the training."
        )


def going_on(configurations: int, epochs: int, following: int) -> int:
    """Return how many of a rung's configurations go on: ⌈n · e_k / e_(k+1)⌉, at least one of one or more.

    So every rung costs about as much as another, and with budgets that grow by η one of η goes on. n counts what the rung
    was given, failed and diverged ones too: what fails does not thin out the rungs above.
    """
    return -(-configurations * epochs // following)


def ladder(configurations: int, rungs: list[int]) -> list[Rung]:
    """Return the rungs that a number of configurations climb; no rung gets more than that."""
    found, start = [], 0
    for number, epochs in enumerate(rungs, 1):
        found.append(Rung(number, epochs, start, configurations))
        start = epochs
        if number < len(rungs):
            configurations = going_on(configurations, epochs, rungs[number])
    return found


def trial_epochs(rungs: list[Rung], seeds: int = 1) -> int:
    """Return the epochs that all trials of a ladder train together; a rung's start is not trained again."""
    return seeds * sum(rung.configurations * (rung.epochs - rung.start) for rung in rungs)


def check_seeds(search: dict) -> None:
    """Raise ConfigError for a seed that stands twice, in `search.seeds`, in `search.rescore.seeds` or in both."""
    _check_once("search.seeds", search["seeds"])
    rescore: dict[str, Any] = search.get("rescore") or {}
    more = rescore.get("seeds", [])
    _check_once("search.rescore.seeds", more)
    known = sorted(set(more) & set(search["seeds"]))
    if known:
        raise ConfigError(
            f"search.rescore.seeds: {known} given, with which search.seeds trains every configuration already; "
            "give other seeds."
        )


def check_finalists(search: dict, configurations: int, rungs: list[int]) -> None:
    """Raise ConfigError where more finalists are asked for than configurations reach the last rung."""
    top = (search.get("rescore") or {}).get("top")
    if top is None:
        return
    last = ladder(configurations, rungs)[-1].configurations
    if not _whole(top) or not 1 <= top <= last:
        reach = (
            f"{last} of {configurations} configurations reach the last rung"
            if len(rungs) > 1
            else f"{last} are searched"
        )
        raise ConfigError(f"search.rescore.top: {top!r} given and {reach}; a whole number from 1 to {last} is allowed.")


def _check_once(place: str, seeds: list[int]) -> None:
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise ConfigError(f"{place}: {seeds} given, {twice} more than once; list each seed once.")


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
