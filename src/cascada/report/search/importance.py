"""How much each hyperparameter mattered for reaching the best results: Optuna's PED-ANOVA, beside what chance alone would give.

PED-ANOVA (Watanabe et al., arXiv:2304.10255; for conditional hyperparameters arXiv:2601.20800) compares where the best of the
configurations lie on an axis with where all of them lie. Its numbers have no natural zero: a few configurations differ from the
others by chance. So each stands beside the level that shuffled results reach.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cascada.report.search.axes import Axis

FEWEST = 10  # configurations; from fewer nothing can be said
BEST = 5  # as many at least are the best; Optuna advises five or more
QUANTILE = 0.1  # of the configurations are the best, if these are enough
SHUFFLES, LEVEL = 40, 0.95


@dataclass(frozen=True, slots=True)
class Importance:
    """A share of the sum over a family's hyperparameters; `chance`: 95 % of shuffled results stay below it, in the same unit."""

    name: str
    share: float
    chance: float


def quantile(number: int) -> float:
    """Which part of the configurations counts as the best."""
    return min(0.5, max(QUANTILE, BEST / number))


def importances(axes: Sequence[Axis], losses: Sequence[float], seed: int = 0) -> list[Importance]:
    """Return the importance of each axis for small losses (N,), the largest first.

    Infinite losses (diverged) count as worse than all others. Nothing can be said, and nothing is returned, for fewer than
    ten configurations, without axes, and where all losses are equal.
    """
    if len(losses) < FEWEST or not axes or len(set(losses)) < 2:
        return []
    worst = max((loss for loss in losses if math.isfinite(loss)), default=0.0) + 1.0
    order = np.array([loss if math.isfinite(loss) else worst for loss in losses])
    evaluate, generator = _evaluator(axes), np.random.default_rng(seed)
    whole = evaluate(order)
    shuffled = [evaluate(generator.permutation(order)) for _ in range(SHUFFLES)]
    chance, total = np.quantile(shuffled, LEVEL, axis=0), float(whole.sum()) or 1.0
    found = [
        Importance(axis.name, float(value) / total, float(level) / total)
        for axis, value, level in zip(axes, whole, chance, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.share, one.name))


def _evaluator(axes: Sequence[Axis]):
    """A function from losses (N,) to PED-ANOVA's value of each axis; the study is built once."""
    import optuna

    study = _study(axes)

    def evaluate(losses: np.ndarray) -> np.ndarray:
        ped = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile(len(losses)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a target is minimised, as it is meant; and branches that few have
            found = ped.evaluate(study, target=lambda trial: float(losses[trial.number]))
        return np.array([found.get(axis.name, 0.0) for axis in axes])

    return evaluate


def _study(axes: Sequence[Axis]):
    """Optuna's study of all configurations; what is absent in one is left out there."""
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

    distributions: dict[str, BaseDistribution] = {}
    for axis in axes:
        if axis.number:
            limits = (float(min(axis.present)), float(max(axis.present)))
            distributions[axis.name] = FloatDistribution(*limits, log=axis.logarithmic)
        else:
            distributions[axis.name] = CategoricalDistribution(axis.options)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    optuna.logging.set_verbosity(verbosity)
    for place in range(len(axes[0].values)):
        values = {axis.name: axis.values[place] for axis in axes if axis.values[place] is not None}
        of = {name: distributions[name] for name in values}
        study.add_trial(optuna.create_trial(params=values, distributions=of, value=0.0))
    return study
