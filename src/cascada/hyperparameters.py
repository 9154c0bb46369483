"""The hyperparameters that every model family shares. Standard library only: the Snakefile imports this.

What a family adds stands in the `Config` dataclass of its own file under models/.
"""

import dataclasses
from dataclasses import dataclass

from cascada.errors import ConfigError

OPTIMIZERS = ("adam", "sgd")
TRANSFORMS = ("linear", "log1p")
AUGMENTATIONS = ("none", "symmetries", "symmetries+shifts", "symmetries+shifts+scale")


@dataclass(kw_only=True, slots=True, frozen=True)
class Hyperparameters:
    """Optimisation and input hyperparameters of one configuration."""

    optimizer: str = "adam"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    momentum: float = 0.9  # sgd only
    batch_size: int = 64
    transform: str = "log1p"  # of the energies: as they are, or log(1 + E / threshold)
    threshold: float = 0.01  # GeV per cell, the scale of log1p
    normalize: bool = True  # subtract the training images' mean, divide by their standard deviation
    augmentation: str = "none"  # eight rotations and mirrors, shifts by at most two cells, a factor on all energies

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _of_type(field.name, getattr(self, field.name), type(field.default))
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("transform", self.transform, TRANSFORMS)
        _one_of("augmentation", self.augmentation, AUGMENTATIONS)
        _at_least("batch_size", self.batch_size, 1)
        for name in ("learning_rate", "threshold"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: {getattr(self, name)} given, a number above 0 is allowed.")
        _at_least("weight_decay", self.weight_decay, 0)
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"momentum: {self.momentum} given, 0 to below 1 is allowed.")


def _of_type(name: str, value: object, expected: type) -> None:
    """A string such as "no" is a true value, and YAML reads 1e-3 as a string: neither may pass for what it looks like."""
    if type(value) is expected or (expected is float and type(value) is int):
        return
    hint = "; in YAML write 1.0e-3, not 1e-3" if expected is float and isinstance(value, str) else ""
    raise ConfigError(f"{name}: {value!r} given, a value of type {expected.__name__} is allowed{hint}.")


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name}: {value!r} given, allowed are {list(allowed)}.")


def _at_least(name: str, value: float, minimum: float) -> None:
    if value < minimum:
        raise ConfigError(f"{name}: {value} given, at least {minimum} is allowed.")
