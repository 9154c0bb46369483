"""Which files the rule `predict` takes, from an experiment's `predictions`. Standard library only: the Snakefile imports this."""

from pathlib import Path

from cascada.errors import ConfigError


def files(settings: dict | None) -> dict[str, str]:
    """Return the path of each file to predict on by its name, which becomes that of the output.

    `settings`: the config's `predictions`. Raises ConfigError if there are none, no file, or equal names.
    """
    if not settings:
        raise ConfigError("predictions is missing in the experiment; name a folder: `predictions: {folder: data/new}`.")
    folder, pattern = Path(settings["folder"]), settings["pattern"]
    if not folder.is_dir():
        raise ConfigError(f"predictions.folder: {str(folder)!r} is no folder (from {Path.cwd()}).")
    found: dict[str, str] = {}
    for path in sorted(folder.glob(pattern)):
        if path.name.startswith("."):
            continue
        name = path.stem if path.suffix in (".h5", ".hdf5") else path.name
        if name in found:
            raise ConfigError(f"predictions: {path} and {found[name]} give one output; choose another pattern.")
        found[name] = str(path)
    if not found:
        raise ConfigError(f"predictions: no file in {str(folder)!r} is named like {pattern!r}.")
    return found


def one_file(settings: dict | None, name: str) -> str:
    """The path of one file by its name. Raises ConfigError for an unknown one."""
    found = files(settings)
    if name not in found:
        raise ConfigError(f"predictions: no file {name!r} in {settings['folder']!r}; found {list(found)[:5]}.")
    return found[name]
