"""Names, thresholds and severities of what the probes measure: the defaults of the config's section `behaviour`.

What a `gate` and a `warn` do stands in `verdicts.py`. The schema of the config repeats PROBED; a test compares, whole.
"""

from dataclasses import dataclass, field

from cascada.core.errors import ConfigError, did_you_mean
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
PROBED = {
    "symmetry_change": (
        Limit(0.02),
        "Mean change of the probability under the worst of the seven rotations and mirrors.",
    ),
    "symmetry_flips": (Limit(0.01), "Share of labels that flip under the worst of the seven rotations and mirrors."),
    "symmetry_flips_unaveraged": (
        Limit(0.01, WARN),
        "The same without the average over them, where the classifier takes one (`evaluation` symmetric).",
    ),
    "core_shift_4m_flips": (Limit(0.02), "Share of labels that flip when the core moves by 4 m."),
    "core_shift_8m_flips": (Limit(0.05), "Share of labels that flip when the core moves by 8 m."),
    "energy_scale_flips": (
        Limit(0.03),
        "Share of labels that flip under the worst factor of 0.8 to 1.2 on all energies.",
    ),
    "dead_cells_5_auc": (Limit(0.98), "ROC AUC with a twentieth of the cells dead, at least."),
    "dead_cells_auc": (Limit(0.95), "ROC AUC with a tenth of the cells dead, at least."),
    "noise_auc": (Limit(0.75), "ROC AUC with noise of 10 MeV per cell, at least."),
    "cell_threshold_auc": (Limit(0.75), "ROC AUC with a threshold of 10 MeV per cell, at least."),
    "dead_cells_loss_drop": (
        Limit(0.005, WARN),
        "Fall of the loss from one share of dead cells to the next, where significant.",
    ),
    "noise_loss_drop": (Limit(0.005, WARN), "Fall of the loss from one level of noise to the next, where significant."),
    "cell_threshold_loss_drop": (
        Limit(0.005, WARN),
        "Fall of the loss from one threshold to the next, where significant.",
    ),
    "accuracy_fall_with_energy": (
        Limit(0.0, WARN),
        "Accuracy in the lowest third of energies less that in the highest, where significant.",
    ),
    "odd_images_not_finite": (
        Limit(0.0),
        "Blank images and images with one hot cell that get no finite probabilities.",
    ),
    "batch_size_change": (Limit(1e-5), "Largest change of a probability with the size of the batch."),
    "batch_order_change": (Limit(1e-5), "Largest change of a probability with the order of the batch."),
    "total_energy_auc": (Limit(0.75), "ROC AUC of the total energy alone."),
    "core_offset_auc": (Limit(0.55), "ROC AUC of the core's offset alone."),
    "shuffled_labels_auc_offset": (Limit(0.03), "Distance from 0.5 of the ROC AUC after trainings on shuffled labels."),
}
LIMITS = {name: limit for name, (limit, _) in PROBED.items()}


def schema() -> dict:
    """The properties of the config's `behaviour.probes`, as JSON schema: what the schema's file has to say."""
    return {name: _schema(limit, description) for name, (limit, description) in PROBED.items()}


def _schema(limit: Limit, description: str) -> dict:
    properties = {
        "threshold": {"type": "number", "default": limit.threshold},
        "severity": {"enum": list(SEVERITIES), "default": limit.severity},
    }
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "default": {},
        "properties": properties,
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
                raise ConfigError(
                    f"behaviour.probes: {name!r} given{did_you_mean(name, LIMITS)}; known are {sorted(LIMITS)}."
                )
            limits[name] = Limit(**{"threshold": LIMITS[name].threshold, "severity": LIMITS[name].severity} | limit)
            if limits[name].severity not in SEVERITIES:
                raise ConfigError(
                    f"behaviour.probes.{name}.severity: {limits[name].severity!r} given, allowed are {list(SEVERITIES)}."
                )
        return cls(**given, limits=limits)
