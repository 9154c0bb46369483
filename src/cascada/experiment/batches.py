"""Batches of proposals: what a sampler that learns is told, how many configurations each batch has. Standard library only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cascada.core.errors import ConfigError

MOST_BATCHES = 6  # each is a checkpoint, at which Snakemake builds its graph of jobs anew
SMALLEST_BATCH = 8
TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Finished:
    """What a search knows of one configuration of a family.

    `values`: as they were proposed, without defaults. `score`: the deciding metric, mean over seeds, larger is better (so
    minus the loss); None or NaN for one that diverged. `status`: completed, diverged, failed or pending; the last two are
    known and teach nothing. `epochs`: the budget at which the score was measured.
    """

    configuration: str
    values: dict[str, Any]
    score: float | None
    status: str
    epochs: int


def sizes(samples: int, batch: int | None = None) -> list[int]:
    """Return how many configurations each batch proposes; `batch` per batch, or at most six batches of eight or more."""
    if batch is None:
        batch = max(SMALLEST_BATCH, -(-samples // MOST_BATCHES))
    whole, rest = divmod(samples, batch)
    return [batch] * whole + ([rest] if rest else [])


def samples_of(samples: int | dict[str, int] | None, models: list[str], sampler: str) -> dict[str, int]:
    """Return the number of configurations of each family, from `search.samples`.

    A number is per family, a mapping names each family's, and `{total: n}` shares n out evenly, what is left over to the
    first families. Raises ConfigError.
    """
    if samples is None:
        raise ConfigError(
            f"search.samples is missing; the sampler {sampler} needs the number of configurations per model."
        )
    if not isinstance(samples, dict):
        return dict.fromkeys(models, samples)
    if TOTAL in samples:
        return _shared(samples, models)
    missing = [model for model in models if model not in samples]
    if missing:
        raise ConfigError(
            f"search.samples: no number for {missing}; give one for each model, one for all, or {{total: n}} to share."
        )
    return {model: samples[model] for model in models}


def _shared(samples: dict[str, int], models: list[str]) -> dict[str, int]:
    total = samples[TOTAL]
    if len(samples) > 1:
        raise ConfigError(f"search.samples: {sorted(samples)} given; `total` shares a number out and stands alone.")
    if total < len(models):
        raise ConfigError(f"search.samples.total: {total} given for {len(models)} models, at least one each is needed.")
    share, rest = divmod(total, len(models))
    return {model: share + (place < rest) for place, model in enumerate(models)}


def learnable(finished: Iterable[Finished], enough: int) -> list[Finished]:
    """Return what a model may learn from: the results of the highest rung that has `enough`, else of the one with the most.

    Results of different budgets are not compared; of rungs with equally many the higher counts.
    """
    rungs: dict[int, list[Finished]] = {}
    for one in finished:
        if one.status in ("completed", "diverged"):
            rungs.setdefault(one.epochs, []).append(one)
    full = [epochs for epochs, results in rungs.items() if len(results) >= enough]
    if full:
        return rungs[max(full)]
    return max(rungs.items(), key=lambda rung: (len(rung[1]), rung[0]))[1] if rungs else []
