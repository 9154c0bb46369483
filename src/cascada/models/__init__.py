"""The model families: every file in this folder that defines `Config` and `Model` is one (README.md, the contract).

PyTorch is imported only when a network is built, so that the search can list the names without it.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.experiment.families import extension, families
from cascada.experiment.hyperparameters import Hyperparameters, later_defaults, without_neutral

if typing.TYPE_CHECKING:
    from cascada.models.base import Base

__all__ = ["Design", "build", "config_class", "families"]


def config_class(name: str) -> type:
    """Return the family's `Config` dataclass."""
    return _module(name).Config


@dataclass(frozen=True, slots=True)
class Design:
    """A model family with its hyperparameters, typed and checked: `common` to all families, and the family's own."""

    model: str
    common: Hyperparameters
    config: Any  # the family's `Config`

    @classmethod
    def of(cls, model: str, values: Mapping[str, Any]) -> Self:
        """Sort plain values, as a table or a checkpoint has them, and check each; what is left out has its default.

        Lists become tuples. Raises ConfigError for an unknown family, a name that is nobody's and a wrong type.
        """
        own = {item.name: item for item in dataclasses.fields(config_class(model))}
        common = {item.name for item in dataclasses.fields(Hyperparameters)}
        unknown = sorted(values.keys() - own.keys() - common)
        if unknown:
            raise ConfigError(
                f"Model {model!r}: unknown hyperparameters {unknown}; known are {sorted(own.keys() | common)}."
            )
        typed = {key: _typed(model, own[key], value) for key, value in values.items() if key in own}
        return cls(model, Hyperparameters.of(values), config_class(model)(**typed))

    def build(self, channels: int, classes: int) -> "Base":
        """Make a network with fresh weights out of the global random numbers of PyTorch."""
        return _module(self.model).Model(self.config, channels, classes)

    def plain(self) -> dict[str, Any]:
        """Every hyperparameter by name, as JSON has it: what is stored keeps its meaning when a default changes.

        Those that were added later stay out while they are neutral: such a default never changes.
        """
        neutral = later_defaults(Hyperparameters) | later_defaults(type(self.config))
        values = dataclasses.asdict(self.common) | dataclasses.asdict(self.config)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in without_neutral(values, neutral).items()
        }


def build(name: str, hyperparameters: Mapping[str, Any], channels: int, classes: int) -> "Base":
    """Make a network from plain values: `Design.of(…).build(…)`."""
    return Design.of(name, hyperparameters).build(channels, classes)


def _module(name: str) -> ModuleType:
    return extensions.load(extension(name))


def _typed(model: str, item: dataclasses.Field, value: object) -> object:
    """Check a value against its field's annotation; lists (from YAML) become tuples, whole numbers floats where due."""
    if item.type is float and type(value) is int:
        return float(value)
    if typing.get_origin(item.type) is tuple and isinstance(value, list | tuple):
        inner = typing.get_args(item.type)[0]
        if all(type(entry) is inner for entry in value):
            return tuple(value)
    elif type(value) is item.type:
        return value
    expected = getattr(item.type, "__name__", item.type) if typing.get_origin(item.type) is None else item.type
    raise ConfigError(f"Model {model!r}, hyperparameter {item.name!r}: expected {expected}, got {value!r}.")
