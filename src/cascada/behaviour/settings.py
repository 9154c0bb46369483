"""Names, thresholds and severities of the probes: the defaults of the config's section `behaviour`.

What a `gate` and a `warn` do stands in `verdicts.py`. The schema of the config repeats these values; a test compares.
"""

from dataclasses import dataclass, field

from cascada.core.errors import ConfigError
from cascada.statistics.verdicts import GATE, WARN

SEVERITIES = (GATE, WARN)


@dataclass(frozen=True, slots=True)
class Limit:
    """What one measured quantity is compared with."""

    threshold: float
    severity: str = GATE


# A loss that falls when the detector gets worse is a sign of a training gone wrong, but a loss is not quite monotonic in any network:
# a threshold of 0.25 to 10 MeV takes away next to nothing, and on surrogate showers the loss of ten networks then fell by 6e-8 to
# 0.017 of some 0.1, often significantly. So the fall has to be 0.005 at least before it is shown.
LIMITS = {
    "symmetry_change": Limit(0.02),
    "symmetry_flips": Limit(0.01),
    "symmetry_flips_unaveraged": Limit(0.01, WARN),
    "core_shift_4m_flips": Limit(0.02),
    "core_shift_8m_flips": Limit(0.05),
    "energy_scale_flips": Limit(0.03),
    "dead_cells_5_auc": Limit(0.98),
    "dead_cells_auc": Limit(0.95),
    "noise_auc": Limit(0.75),
    "cell_threshold_auc": Limit(0.75),
    "dead_cells_loss_drop": Limit(0.005, WARN),
    "noise_loss_drop": Limit(0.005, WARN),
    "cell_threshold_loss_drop": Limit(0.005, WARN),
    "accuracy_fall_with_energy": Limit(0.0, WARN),
    "odd_images_not_finite": Limit(0.0),
    "batch_size_change": Limit(1e-5),
    "batch_order_change": Limit(1e-5),
    "total_energy_auc": Limit(0.75),
    "core_offset_auc": Limit(0.55),
    "shuffled_labels_auc_offset": Limit(0.03),
}


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
                raise ConfigError(f"behaviour.probes: {name!r} given, known are {sorted(LIMITS)}.")
            limits[name] = Limit(**{"threshold": LIMITS[name].threshold, "severity": LIMITS[name].severity} | limit)
            if limits[name].severity not in SEVERITIES:
                raise ConfigError(
                    f"behaviour.probes.{name}.severity: {limits[name].severity!r} given, allowed are {list(SEVERITIES)}."
                )
        return cls(**given, limits=limits)
