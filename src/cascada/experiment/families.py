"""The model families by their names, and what their files say of their hyperparameters, without importing any (PyTorch).

A family is a file in models/ that defines `Config` and `Model` at its top (other files there are helpers), or a module that
another package names under the entry point group `cascada.models`. Standard library only: the Snakefile imports this.
"""

from typing import Any

from cascada.core import extensions
from cascada.core.errors import ConfigError, did_you_mean
from cascada.core.extensions import Extension
from cascada.core.options import Declared, class_in, declared
from cascada.experiment.hyperparameters import Hyperparameters, later_defaults

DETERMINES_NO_RESULT = True  # for cascada.core.digest: the family in use is named to it

ROOM = GROUP = "cascada.models"
CLASSES = ("Config", "Model")


def families() -> list[str]:
    """Return the names of all families."""
    return sorted(name for name, one in extensions.found(ROOM, GROUP).items() if not _missing(one))


def _missing(one: Extension) -> list[str]:
    return [name for name in CLASSES if class_in(one.path, name) is None]


def extension(model: str) -> Extension:
    """Return where a family's module is. Raises ConfigError for an unknown name and for a file that is no family."""
    found = extensions.found(ROOM, GROUP)
    if model not in found:
        raise ConfigError(
            f"unknown model {model!r}{did_you_mean(model, families())}. Known are {families()}; "
            "a new family is a new file in src/cascada/models."
        )
    if missing := _missing(found[model]):
        raise ConfigError(
            f"{model!r} is not a model family: {found[model].path} defines no {' and no '.join(missing)}. "
            f"Known are {families()}."
        )
    return found[model]


def family_defaults(model: str) -> dict[str, Any]:
    """Return the fields of a family's `Config` and their defaults. Raises ConfigError for an unknown family."""
    return {field.name: _lists(field.default) for field in _fields(model)}


def neutral_defaults(model: str) -> dict[str, Any]:
    """Return the hyperparameters of a model that were added later, common and its own, with their neutral defaults."""
    own = {field.name: _lists(field.default) for field in _fields(model) if field.later}
    return later_defaults(Hyperparameters) | own


def _fields(model: str) -> list[Declared]:
    fields = declared(extension(model).path, "Config")
    required = [field.name for field in fields if field.required]
    if required:
        raise ConfigError(f"{extension(model).path}: Config: {required} without a default; each needs one.")
    return list(fields)


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple | list) else value
