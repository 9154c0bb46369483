"""The model families: every file in this folder that defines `Config` and `Model` is one (README.md, the contract).

PyTorch is imported only when a family is asked for, so that the search can list the names without it.
"""

import dataclasses
import importlib
import re
import typing
from pathlib import Path

from cascada.core.errors import ConfigError
from cascada.experiment.hyperparameters import Hyperparameters

if typing.TYPE_CHECKING:
    from cascada.models.base import Base

_FAMILY = re.compile(r"^class Config\b.*^class Model\b", re.MULTILINE | re.DOTALL)


def families() -> list[str]:
    """Return the names of all families, sorted."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if _FAMILY.search(file.read_text(encoding="utf-8")))


def config_class(name: str) -> type:
    """Return the family's `Config` dataclass."""
    return _module(name).Config


def build(name: str, hyperparameters: dict, channels: int, classes: int) -> "Base":
    """Make a network with fresh weights out of the global random numbers of PyTorch.

    `hyperparameters` holds common and family values, of which the family's own are taken; what is left out has
    its default, a name that neither knows is a ConfigError.
    """
    module = _module(name)
    own = {item.name: item for item in dataclasses.fields(module.Config)}
    common = {item.name for item in dataclasses.fields(Hyperparameters)}
    unknown = sorted(hyperparameters.keys() - own.keys() - common)
    if unknown:
        raise ConfigError(
            f"Model {name!r}: unknown hyperparameters {unknown}; known are {sorted(own.keys() | common)}."
        )
    values = {key: _typed(name, own[key], value) for key, value in hyperparameters.items() if key in own}
    return module.Model(module.Config(**values), channels, classes)


def _module(name: str):
    if name not in families():
        raise ConfigError(
            f"Model {name!r} given, known are {families()}; a new family is a new file in {Path(__file__).parent}."
        )
    return importlib.import_module(f"{__name__}.{name}")


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
    raise ConfigError(f"Model {model!r}, hyperparameter {item.name!r}: {value!r} given, expected is {expected}.")
