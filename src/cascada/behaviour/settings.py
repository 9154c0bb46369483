"""The config's section `behaviour`; thresholds and severities stand in the files of the probes."""

from dataclasses import dataclass, field

from cascada.core.errors import ConfigError, did_you_mean
from cascada.experiment.probe_limits import SEVERITIES, Limit, probed

LIMITS = {name: limit for name, (limit, _) in probed().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`showers`: at most so many validation showers, evenly spread; `bootstrap`, `confidence`: of the intervals."""

    showers: int = 2000
    seed: int = 1
    bootstrap: int = 500
    confidence: float = 0.95
    limits: dict[str, Limit] = field(default_factory=lambda: dict(LIMITS))

    @classmethod
    def of(cls, config: dict) -> "Settings":
        """Make settings from the config's section, where `probes` maps names to `threshold` and `severity`."""
        given = dict(config)
        limits = dict(LIMITS)
        for name, limit in given.pop("probes", {}).items():
            if name not in LIMITS:
                raise ConfigError(
                    f"behaviour.probes: {name!r} given{did_you_mean(name, LIMITS)}; known are {sorted(LIMITS)}."
                )
            limits[name] = Limit(**{"threshold": LIMITS[name].threshold, "severity": LIMITS[name].severity} | limit)
            if limits[name].severity not in SEVERITIES:
                raise ConfigError(
                    f"behaviour.probes.{name}.severity: {limits[name].severity!r} given, allowed are {list(SEVERITIES)}."
                )
        return cls(**given, limits=limits)
