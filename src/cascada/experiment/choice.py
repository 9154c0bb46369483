"""The section `selection` of an experiment, before anything runs. Standard library only: the Snakefile imports this.

selection:
  rule: cheapest       # or best, the default
  tolerance: 0.002     # of `cheapest`: how much lower F1 may be than that of the best
  seed: median         # which trial of the configuration is tested and exported, or one of the seeds
  ensemble: true       # all its seeds, of which there have to be several
  calibration: none    # or temperature
"""

from typing import Any

from cascada.core.errors import ConfigError, did_you_mean

BEST, CHEAPEST = "best", "cheapest"  # rules
MEDIAN = "median"  # of a configuration's trials, by the metric


def check(config: dict[str, Any]) -> None:
    """Raise ConfigError for a seed with which nothing is trained, and for an ensemble of one; the schema has looked at everything else."""
    given, known = config["selection"]["seed"], trained_seeds(config["search"])
    if config["selection"]["ensemble"] and len(set(known)) == 1:
        raise ConfigError(
            f"selection.ensemble: true given, but the search trains with the one seed {known[0]}; give search.seeds several, add seeds with "
            "search.rescore, or set it to false."
        )
    if given == MEDIAN or (given in known and not isinstance(given, bool)):
        return
    meant = did_you_mean(given, [MEDIAN]) if isinstance(given, str) else ""
    raise ConfigError(
        f"selection.seed: {given!r} given{meant}, but the search trains with the seeds {known}; give one of these, or {MEDIAN!r}."
    )


def trained_seeds(search: dict[str, Any]) -> list[int]:
    """All seeds that the chosen configuration can have: those of the search, and those of its finalists."""
    return [*search["seeds"], *(search.get("rescore") or {}).get("seeds", [])]
