"""What grows by adding a file: the modules of one of our folders, and those that other people's packages give.

Another package names a module in its own pyproject.toml, under the group of the folder:

    [project.entry-points."cascada.sources"]
    npz = "toyshowers.npz"

Nothing is imported here: a module is found, read (cascada.core.options) and imported only where it is used. Standard library only.
"""

import functools
import importlib
import importlib.util
import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from cascada.core.errors import ConfigError

DETERMINES_NO_RESULT = True  # for cascada.core.digest: which modules there are; those in use are named to it

SOURCE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Extension:
    """A module by the name under which experiments know it; `package`: the distribution that gives it, "" for ours."""

    name: str
    module: str
    path: Path
    package: str = ""


def found(package: str, group: str = "") -> dict[str, Extension]:
    """Return the modules of one of our packages and those of an entry point group, by name. Raises ConfigError.

    The group's name says what they are to whoever reads a message: `cascada.sources`.
    """
    folder = SOURCE.joinpath(*package.split("."))
    ours = {
        path.stem: Extension(path.stem, f"{package}.{path.stem}", path) for path in sorted(folder.glob("[a-z]*.py"))
    }
    for extension in _foreign(group) if group else ():
        other = ours.setdefault(extension.name, extension)
        if other != extension:
            raise ConfigError(
                f"{group}: the name {extension.name!r} is given by {_whose(other)} and by {_whose(extension)}; "
                "uninstall one of them, or rename its entry point."
            )
    return ours


def _whose(extension: Extension) -> str:
    return f"the package {extension.package!r}" if extension.package else "Cascada itself"


@functools.cache
def _foreign(group: str) -> tuple[Extension, ...]:
    points = {(point.name, point.value, _distribution(point)) for point in entry_points(group=group)}
    return tuple(
        Extension(name, value.partition(":")[0].strip(), _path(group, name, value, package), package)
        for name, value, package in sorted(points)
    )


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "(unknown)"


def _path(group: str, name: str, value: str, package: str) -> Path:
    """Where a module's file lies, found without importing it or the packages that hold it. Raises ConfigError."""
    if not re.fullmatch(r"[a-z]\w*", name):
        raise ConfigError(
            f"{group}: the package {package!r} gives the name {name!r}; a name begins with a small letter and has letters, "
            "digits and underscores only. Rename its entry point."
        )
    top, *rest = value.partition(":")[0].strip().split(".")
    path = locate(top, *rest)
    if path is None:
        raise ConfigError(
            f"{group}: the package {package!r} names the module {value!r} for {name!r}, which is not there; "
            f"repair or uninstall {package!r}."
        )
    return path


def locate(top: str, *rest: str) -> Path | None:
    """Return the Python file of a module, None if there is none; `top` is looked up as an import would do."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder).joinpath(*rest)
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
    return None


def load(extension: Extension) -> ModuleType:
    """Import a module. Raises ConfigError where that of another package fails."""
    if not extension.package:
        return importlib.import_module(extension.module)
    try:
        return importlib.import_module(extension.module)
    except Exception as error:  # it may do anything
        raise ConfigError(
            f"{extension.name!r} of the package {extension.package!r} cannot be imported ({type(error).__name__}: {error}); "
            f"repair or uninstall {extension.package!r}."
        ) from error
