"""The hyperparameters that every model family shares. Standard library only: the Snakefile imports this.

What a family adds stands in the `Config` dataclass of its own file under models/.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from cascada.core.errors import ConfigError
from cascada.core.options import LATER, later

OPTIMIZERS = ("adam", "sgd")
TRANSFORMS = ("linear", "log1p")
# parts of an augmentation in the order of their names in an id; a new one comes at the end
AUGMENTATIONS = ("symmetries", "shifts", "scale", "dead_cells", "noise", "wide_scale")
PLAIN, SYMMETRIC = "plain", "symmetric"
EVALUATIONS = (PLAIN, SYMMETRIC)


def later_defaults(config: type) -> dict[str, Any]:
    """Return name and neutral default of the fields of a dataclass that were made by `later`."""
    return {item.name: item.default for item in dataclasses.fields(config) if item.metadata.get(LATER)}


def without_neutral(values: dict[str, Any], neutral: dict[str, Any]) -> dict[str, Any]:
    """Leave out what has its neutral default; `neutral` maps the names of such fields to it."""
    return {name: value for name, value in values.items() if name not in neutral or not _same(value, neutral[name])}


def _same(one: Any, other: Any) -> bool:
    # as JSON: a tuple is a list, and `false` is not 0
    one, other = (float(value) if type(value) is int else value for value in (one, other))
    return json.dumps(one) == json.dumps(other)


def augmentation_parts(text: str) -> tuple[str, ...]:
    """Return the parts of an augmentation such as "symmetries+shifts" in their canonical order, () for "none".

    Raises ConfigError for a part that is not known or stands twice.
    """
    if text == "none":
        return ()
    given = text.split("+")
    if set(given) <= set(AUGMENTATIONS) and len(set(given)) == len(given):
        return tuple(part for part in AUGMENTATIONS if part in given)
    raise ConfigError(
        f"augmentation: {text!r} given, allowed are 'none' and any of {list(AUGMENTATIONS)}, each once, joined by '+'."
    )


def join_parts(parts: Iterable[str]) -> str:
    return "+".join(parts) or "none"


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
    augmentation: str = "none"  # or parts joined by +: models/augmentation.py says what each does
    averaging: float = later(0.0)  # decay per step of the average of the weights that is validated and kept; 0 for none
    evaluation: str = later(PLAIN)  # symmetric: the trained classifier averages over the eight rotations and mirrors

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return the common ones among a configuration's hyperparameters, defaults for those left out. Raises ConfigError."""
        names = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _of_type(field.name, getattr(self, field.name), type(field.default))
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("transform", self.transform, TRANSFORMS)
        _one_of("evaluation", self.evaluation, EVALUATIONS)
        # one name for one augmentation, in whatever order its parts were typed
        object.__setattr__(self, "augmentation", join_parts(augmentation_parts(self.augmentation)))
        _at_least("batch_size", self.batch_size, 1)
        for name in ("learning_rate", "threshold"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: expected a number above 0, got {getattr(self, name)}.")
        _at_least("weight_decay", self.weight_decay, 0)
        for name in ("momentum", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 0 and below 1, got {getattr(self, name)}.")


def _of_type(name: str, value: object, expected: type) -> None:
    """A string such as "no" is a true value, and YAML reads 1e-3 as a string: neither may pass for what it looks like."""
    if type(value) is expected or (expected is float and type(value) is int):
        return
    hint = "; in YAML write 1.0e-3, not 1e-3" if expected is float and isinstance(value, str) else ""
    raise ConfigError(f"{name}: expected {expected.__name__}, got {value!r}{hint}.")


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name}: expected one of {list(allowed)}, got {value!r}.")


def _at_least(name: str, value: float, minimum: float) -> None:
    if value < minimum:
        raise ConfigError(f"{name}: expected at least {minimum}, got {value}.")
