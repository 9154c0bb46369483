"""Configurations from a model of what has been trained: Optuna's tree-structured Parzen estimator, in batches.

The first batch is Sobol's. A later one learns from all that has finished by then and is the same in whatever order that
was. J. Bergstra et al., NeurIPS 24 (2011); S. Watanabe, arXiv:2304.11127; docs/search.md says what this adds to Optuna.
"""

import math
import random
import warnings
from collections.abc import Iterable
from typing import Any

from cascada.core.canonical import canonical
from cascada.core.errors import ConfigError
from cascada.experiment.batches import Finished, learnable
from cascada.experiment.entries import dimensions, drawing, locate, walk
from cascada.experiment.proposers import sobol

ENOUGH = 4  # results of one budget before they teach more than random numbers do
TRIES = 10  # asks and random draws per configuration before a space is said to be too small


def propose(
    space: dict[str, Any], number: int, seed: int | str, batch: int = 0, finished: Iterable[Finished] = ()
) -> list[dict[str, Any]]:
    """Return `number` different points of a family's space, none of which is in `finished`.

    `seed`: of the search and the family together. Raises ConfigError without Optuna, and where the space has too few points.
    """
    optuna = _optuna()
    finished = sorted(finished, key=lambda one: (one.configuration, one.epochs))
    if batch == 0 or not dimensions(space):
        return sobol.propose(space, number, seed, batch, finished)
    study = _study(optuna, space, learnable(finished, ENOUGH), sobol.number_of(seed, batch))
    known = {canonical(one.values) for one in finished}
    found: dict[str, dict] = {}
    for _ in range(TRIES * number):
        if len(found) == number:
            break
        values = walk(space, _asking(study.ask()))
        if (key := canonical(values)) not in known:
            found.setdefault(key, values)
    _check_distributions(study, space, optuna)
    return _filled(space, found, known, number, random.Random(f"{seed}/{batch}"))


def _optuna():
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            f"search.sampler: tpe needs Optuna, which cannot be imported ({error}); install it with "
            "`pip install optuna` in the version of envs/requirements.txt, or use sobol or random."
        ) from None
    return optuna


def _study(optuna, space: dict[str, Any], results: list[Finished], seed: int):
    """A study in memory that knows the results; those that the space does not hold any more are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # `group`
        # `group`: hyperparameters of a branch are modelled together with those that they occur with
        sampler = optuna.samplers.TPESampler(seed=seed, group=True, constant_liar=True, n_startup_trials=ENOUGH)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(before)
    known, space_of = _distributions(optuna, space), dimensions(space)
    for one in results:
        picks = locate(space, one.values)
        if picks is not None:
            parameters = {path: _external(space_of[path], pick) for path, pick in picks.items()}
            used = {path: known[path] for path in picks}
            study.add_trial(optuna.trial.create_trial(params=parameters, distributions=used, value=_score(one)))
    return study


def _score(one: Finished) -> float:
    """The score; the worst there is for a diverged one, since Optuna refuses NaN and learns nothing from a failed trial."""
    if one.status == "diverged" or one.score is None or math.isnan(one.score):
        return -math.inf
    return one.score


def _labels(options: list) -> list[str]:
    """Options of a choice as text: Optuna takes no lists, and takes true for 1."""
    return [canonical(option) for option in options]


def _distributions(optuna, space: dict[str, Any]) -> dict[str, Any]:
    return {path: _distribution(optuna, kind, values) for path, (kind, values) in dimensions(space).items()}


def _distribution(optuna, kind: str, values: list):
    if kind == "choice":
        return optuna.distributions.CategoricalDistribution(tuple(dict.fromkeys(_labels(values))))
    if kind == "randint":
        return optuna.distributions.IntDistribution(*values)
    return optuna.distributions.FloatDistribution(float(values[0]), float(values[1]), log=kind == "loguniform")


def _external(dimension: tuple[str, list], pick: int | float) -> str | int | float:
    """What Optuna calls a pick."""
    kind, values = dimension
    return _labels(values)[int(pick)] if kind == "choice" else pick


def _asking(trial):
    """A `pick` that asks Optuna."""

    def pick(path: str, kind: str, values: list) -> int | float:
        if kind == "choice":
            labels = _labels(values)
            return labels.index(trial.suggest_categorical(path, list(dict.fromkeys(labels))))
        if kind == "randint":
            return trial.suggest_int(path, *values)
        return trial.suggest_float(path, float(values[0]), float(values[1]), log=kind == "loguniform")

    return pick


def _check_distributions(study, space: dict[str, Any], optuna) -> None:
    """Optuna's memory takes trials whose choices differ from another's, and then proposes nonsense: assert that none do."""
    known = _distributions(optuna, space)
    for trial in study.get_trials(deepcopy=False):
        for path, distribution in trial.distributions.items():
            assert distribution == known[path], f"{path}: {distribution} in one trial, {known[path]} in the space"


def _filled(space: dict, found: dict[str, dict], known: set[str], number: int, generator: random.Random) -> list[dict]:
    """Fill up with random points where the model proposed the same ones again and again."""
    for _ in range(sobol.POINTS_PER_SAMPLE * number):
        if len(found) == number:
            return list(found.values())
        values = walk(space, drawing(generator))
        if (key := canonical(values)) not in known:
            found.setdefault(key, values)
    if len(found) < number:
        raise sobol.too_small(number, len(found), space)
    return list(found.values())
