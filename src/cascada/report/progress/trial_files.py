"""Folders, logs and JSON of many trials, with few calls of the file system: the status of ten thousand trials is wanted in a second.

Plain strings and os.scandir: with pathlib the whole status takes twice as long.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cascada.core import paths

LOG = str(paths.training_log(Path("{results}"), "{configuration}", "{seed}", "{epochs}"))  # type: ignore[arg-type]


def folders(results: Path) -> Iterator[str]:
    """Yield the folder of every trial, sorted: what `paths.TRIALS` matches."""
    top, *patterns = paths.TRIALS.split("/")
    yield from _matching([f"{results}/{top}"], [pattern.removesuffix("*") for pattern in patterns])


def _matching(above: list[str], prefixes: list[str]) -> list[str]:
    """The folders that lie as many levels below those given as there are prefixes of their names."""
    for prefix in prefixes:
        above = [entry.path for folder in above for entry in _entries(folder) if entry.name.startswith(prefix)]
    return above


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name; nothing where it is missing, or a file."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def trial_of(folder: str) -> tuple[str, int, int]:
    """Configuration, seed and epochs of a trial's folder, as `paths.trial_of`."""
    _, configuration, seed, epochs = folder.rsplit("/", 3)
    return configuration, int(seed.removeprefix("seed-")), int(epochs.removeprefix("epochs-"))


def logs(results: Path) -> set[str]:
    """The logs of all trainings."""
    top = LOG.rsplit("/", 2)[0].format(results=results)
    return {path for path in _matching([top], ["", ""]) if path.endswith(".log")}


def log_of(results: Path, configuration: str, seed: int, epochs: int) -> str:
    """As `paths.training_log`."""
    return LOG.format(results=results, configuration=configuration, seed=seed, epochs=epochs)


def read(path: str) -> dict[str, Any] | None:
    """Return the content of a JSON file; None where it is missing."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read().decode())
    except (FileNotFoundError, NotADirectoryError):
        return None
