"""The points of a scrambled Sobol sequence: they fill a space more evenly than random ones, and are proposed in a job."""

from dataclasses import dataclass

from cascada.core.options import option
from cascada.experiment.proposers.sobol import propose

__all__ = ["Options", "propose"]


@dataclass(frozen=True, kw_only=True)
class Options:
    samples: int | dict[str, int] = option(
        help="number of configurations per model, one number or one for each model, or {total: n} to share out",
        minimum=1,
    )
    seed: int = option(1, "seed of the sampler", minimum=0)
