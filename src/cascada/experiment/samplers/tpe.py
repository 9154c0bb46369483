"""Batches proposed by Optuna's TPE from the trials that are finished, the first by Sobol's sequence."""

from dataclasses import dataclass

from cascada.core.options import option
from cascada.experiment.proposers.tpe import propose

LEARNS = True
NEEDS = "optuna"  # the library, looked for at the dry-run

__all__ = ["LEARNS", "NEEDS", "Options", "propose"]


@dataclass(frozen=True, kw_only=True)
class Options:
    samples: int | dict[str, int] = option(
        help="number of configurations per model, one number or one for each model, or {total: n} to share out",
        minimum=1,
    )
    seed: int = option(1, "seed of the sampler", minimum=0)
    batch: int = option(
        0, "configurations per model that are proposed at a time; 0: eight, or more for at most six batches", minimum=0
    )
