"""The data sources by their names, as their files describe them: what an experiment may say of each, without importing any.

Standard library only: the Snakefile imports this. The contract of a source stands in data/sources/__init__.py.
"""

import functools
from dataclasses import dataclass, field
from types import ModuleType

from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.core.extensions import Extension
from cascada.core.options import Declared, class_in, constants, declared, first_sentence

DETERMINES_NO_RESULT = True  # for cascada.core.digest: the source in use is named to it

ROOM, GROUP = "cascada.data.sources", "cascada.sources"
NOT_OF_THE_SOURCE = ("channels", "role")  # options that the experiment gives to all sources, or by which file it is
FILES, ROLES, RUNS = "files", "roles", "runs"


@dataclass(frozen=True, slots=True)
class Source:
    """What a source's file says of it. `takes`: FILES, ROLES (one file for training, one for test) or RUNS (it simulates)."""

    kind: str
    extension: Extension
    description: str
    takes: str
    options: tuple[Declared, ...]
    signatures: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    folder_with: str = ""
    primaries: tuple[int, ...] = ()

    @property
    def settings(self) -> tuple[Declared, ...]:
        """The options that an experiment may give for this source alone."""
        return tuple(one for one in self.options if one.name not in NOT_OF_THE_SOURCE)


def kinds() -> list[str]:
    """Return the names of all sources, those of other people's packages included."""
    return sorted(extensions.found(ROOM, GROUP))


def readers() -> list[str]:
    """Return the names of the sources that read files."""
    return [kind for kind in kinds() if describe(kind).takes != RUNS]


def extension(kind: str) -> Extension:
    """Return where a source's module is. Raises ConfigError for an unknown kind."""
    found = extensions.found(ROOM, GROUP)
    if kind not in found:
        raise ConfigError(f"Unknown source kind {kind!r}. Valid kinds are: {', '.join(sorted(found))}.")
    return found[kind]


def load(kind: str) -> ModuleType:
    """Import a source's module. Raises ConfigError for an unknown kind, and for one that cannot be imported."""
    return extensions.load(extension(kind))


@functools.cache
def describe(kind: str) -> Source:
    """Read a source's file. Raises ConfigError for an unknown kind and for a file that is no source."""
    one = extension(kind)
    options = declared(one.path, "Options")
    if "channels" not in (names := {item.name for item in options}) or "altitude" not in names:
        raise ConfigError(f"{one.path}: no dataclass Options with channels and altitude; see {ROOM}, the contract.")
    given = constants(one.path, "SIGNATURES", "FOLDER_WITH", "PRIMARIES")
    return Source(
        kind, one, first_sentence(one.path) or kind, RUNS if class_in(one.path, "Run") else ROLES if "role" in names else FILES, options,
        given.get("SIGNATURES", {}), given.get("FOLDER_WITH", ""), tuple(given.get("PRIMARIES", ())),
    )  # fmt: skip
