"""What a trial is given: all that determines its result, where its outputs go, and what the machine allows."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cascada.core.errors import CascadaError
from cascada.models import Design

METRICS = ("loss", "accuracy", "f1", "roc_auc")


@dataclass(kw_only=True, slots=True, frozen=True)
class Settings:
    """What all configurations of an experiment share: its `training`, epochs apart, and the metric of its search."""

    metric: str = "f1"  # of validation, chooses the best epoch
    precision: str = "auto"

    def __post_init__(self):
        if self.metric not in METRICS:
            raise CascadaError(f"Metric {self.metric!r} given, allowed are {list(METRICS)}.")


@dataclass(kw_only=True, slots=True)
class Trial:
    """All that determines a trial's result, and where its outputs go."""

    configuration: str
    design: Design
    settings: Settings
    seed: int
    epochs: int
    data: Path
    folder: Path
    tensorboard: Path
    code: str = ""
    absent: frozenset[str] = frozenset()  # hyperparameters of branches that the configuration does not take

    @classmethod
    def of(cls, *, model: str, hyperparameters: Mapping[str, Any], settings: Mapping[str, Any], **others: Any) -> Self:
        """From plain values. Raises ConfigError."""
        return cls(design=Design.of(model, hyperparameters), settings=Settings(**settings), **others)

    @classmethod
    def of_table(cls, *, hyperparameters: Mapping[str, Any], **others: Any) -> Self:
        """As `of`, from a row of the table of configurations: it names every hyperparameter but those of branches not taken."""
        trial = cls.of(hyperparameters=hyperparameters, **others)
        trial.absent = frozenset(trial.design.plain().keys() - hyperparameters.keys())
        return trial

    def hyperparameters(self) -> dict[str, Any]:
        """Plain values of those that the configuration has, for tables; a default that nothing uses would look as if it were tried."""
        return {name: value for name, value in self.design.plain().items() if name not in self.absent}

    def determines(self) -> dict[str, Any]:
        """Plain values of what determines the result, epochs, data and code apart."""
        return {
            "model": self.design.model,
            "hyperparameters": self.design.plain(),
            "settings": dataclasses.asdict(self.settings),
            "seed": self.seed,
        }


@dataclass(kw_only=True, slots=True)
class Machine:
    """What the profile allows on this machine; only `threads`, `precision` and the tier `stream` change bits."""

    device: str = "auto"
    threads: int = 1
    tier: str = "auto"
    precision: str = "auto"
