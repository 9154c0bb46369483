"""Samplers: each turns a search space into configurations. One sampler is one file in this folder.

The contract of a sampler, a module `<name>.py` in this folder (no list to edit elsewhere: the folder is listed):

docstring
    its first sentence says what it does; it stands in the schema of experiments.
`Options`
    a frozen, keyword-only dataclass with the keys of an experiment's `search` that it takes, each
    `name: type = option(default, "help", minimum=…)` (cascada.core.options), without a default where it must be given.
    It may be empty. Two samplers that take the same key write it alike.
`values(space: dict, options: Options, model: str) -> Iterator[dict[str, Any]]`
    the values of one family's space (experiment/entries.py), each a dictionary from the names in the space to plain
    values; one that comes twice is trained once. The same for the same space, options and model, whatever else is searched.
    Raises ConfigError that begins with `search.models.<model>`.
`propose`, instead of `values`, where the points are computed in a job of its own (rule `propose`), because that needs a heavy library
    or trials that are finished: the contract is in cascada.experiment.proposers. `LEARNS = True` says that it needs trials;
    then it proposes in batches of `Options.batch`, otherwise all at once. `NEEDS` names a library that must be installed.

Standard library only at the top: the Snakefile imports the sampler in use.
"""

from typing import Any

from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.core.extensions import Extension
from cascada.core.options import Declared, declared, first_sentence
from cascada.experiment.batches import samples_of

ROOM = __name__


def names() -> list[str]:
    """Return the names of all samplers."""
    return sorted(extensions.found(ROOM))


def _extension(name: str) -> Extension:
    found = extensions.found(ROOM)
    if name not in found:
        raise ConfigError(f"search.sampler: {name!r} given, allowed are {sorted(found)}.")
    return found[name]


def described() -> dict[str, str]:
    """Return the first sentence of each sampler by its name."""
    return {name: first_sentence(one.path) or name for name, one in sorted(extensions.found(ROOM).items())}


def settings() -> dict[str, Declared]:
    """Return the keys of `search` that samplers take, by name. Raises ConfigError where two of them differ on one."""
    found: dict[str, Declared] = {}
    for extension in extensions.found(ROOM).values():
        for item in declared(extension.path, "Options"):
            if found.setdefault(item.name, item) != item:
                raise ConfigError(f"{extension.path}: the option {item.name!r} is another sampler's, too, and differs.")
    return found


def load(search: dict) -> tuple[Any, Any]:
    """Return the module of the sampler that `search` names, and its options. Raises ConfigError."""
    name = search["sampler"]
    module, fields = extensions.load(_extension(name)), declared(_extension(name).path, "Options")
    for item in fields:
        if item.required and item.name not in search:
            raise ConfigError(f"search.{item.name} is missing; the sampler {name} needs it: {item.help}.")
    given = {item.name: search[item.name] for item in fields if item.name in search}
    if "samples" in given:
        given["samples"] = samples_of(given["samples"], list(search["models"]), name)
    return module, module.Options(**given)
