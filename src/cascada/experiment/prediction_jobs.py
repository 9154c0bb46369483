"""Which files the rule `predict` takes, from an experiment's `predictions`. Standard library only: the Snakefile imports this."""

from collections.abc import Callable
from pathlib import Path

from cascada.core.errors import ConfigError
from cascada.data import catalogue
from cascada.experiment import rawfiles


def files(settings: dict | None, say: Callable[[str], None] = lambda text: None) -> dict[str, str]:
    """Return the path of each file to predict on by its name, which becomes that of the output.

    `settings`: the config's `predictions`; `say` is told which files the pattern names in vain. Raises ConfigError if
    there are no settings, no file, or equal names.
    """
    settings = _given(settings)
    folder, pattern = Path(settings["folder"]), settings["pattern"]
    if not folder.is_dir():
        raise ConfigError(f"predictions.folder: {str(folder)!r} is not a folder (from {Path.cwd()}).")
    visible = [str(path) for path in sorted(folder.glob(pattern)) if not path.name.startswith(".")]
    kept, left_out = rawfiles.without_companions(visible)
    if left_out:
        say(rawfiles.said_of_companions("predictions.pattern", left_out))
    found: dict[str, str] = {}
    for path in map(Path, kept):
        name = path.stem if path.suffix in (".h5", ".hdf5") else path.name
        if name in found:
            raise ConfigError(f"predictions: {path} and {found[name]} give one output; choose another pattern.")
        found[name] = str(path)
    if not found:
        besides = f" except companions of particle files ({left_out[0]}…)" if left_out else ""
        raise ConfigError(f"predictions: no file in {str(folder)!r} is named like {pattern!r}{besides}.")
    return found


def check_files(settings: dict, found: dict[str, str]) -> None:
    """Look at the files' first bytes. Raises ConfigError for what cannot be read, and for a file named twice."""
    if settings.get("on_error", "stop") == "stop":
        kinds = [settings["source"]] if settings["source"] else [rawfiles.SHOWERS, *catalogue.readers()]
        rawfiles.check_contents("predictions.pattern", found.values(), kinds)
    rawfiles.check_once(dict.fromkeys(found.values(), "predictions.folder"))


def one_file(settings: dict | None, name: str) -> str:
    """The path of one file by its name. Raises ConfigError for an unknown one."""
    settings = _given(settings)
    found = files(settings)
    if name not in found:
        raise ConfigError(f"predictions: no file {name!r} in {settings['folder']!r}; found {list(found)[:5]}.")
    return found[name]


def _given(settings: dict | None) -> dict:
    if not settings:
        raise ConfigError("predictions is missing in the experiment; name a folder: `predictions: {folder: data/new}`.")
    return settings
