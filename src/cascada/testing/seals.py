"""What sealed showers, and what the showers of a training, are identified by: sha256 over their content, whatever the file's bytes."""

import hashlib
from pathlib import Path

import numpy as np

from cascada.data.checks import fingerprints
from cascada.data.format import IMAGES, UNKNOWN_NUMBER, open_showers, read_events, read_sources

BLOCK = 512
NUMBERS = {"run": "<i8", "event": "<i8", "primary": "<i8", "true_energy": "<f4"}
KIND = "S32"


def images_sha256(path: Path) -> str:
    """Identify the images, in whatever order."""
    with open_showers(path) as file:
        return _digest(np.sort(_prints(file)).astype("<u8"))


def showers_sha256(path: Path) -> str | None:
    """Identify the showers by kind of source, run, event, primary and energy, in whatever order and whatever images they gave.

    None where a shower has no run or event number: data of version 1, and the thesis's layout.
    """
    with open_showers(path) as file:
        events, kinds = read_events(file), [row.kind for row in read_sources(file)]
    if not len(events) or (events["run"] == UNKNOWN_NUMBER).any() or (events["event"] == UNKNOWN_NUMBER).any():
        return None
    keys = np.zeros(len(events), [("kind", KIND), *NUMBERS.items()])
    keys["kind"] = np.array(kinds, KIND)[events["source"]]
    for name in NUMBERS:
        keys[name] = events[name]
    return _digest(np.unique(keys))  # images of one shower count once


def training_sha256(path: Path) -> str:
    """Identify what a selection was made on: the images of train.h5 with their labels and splits, in whatever order."""
    with open_showers(path) as file:
        events, prints = read_events(file), _prints(file)
    keys = np.zeros(len(events), [("print", "<u8"), ("label", "<i8"), ("split", "<i8")])
    keys["print"], keys["label"], keys["split"] = prints, events["label"], events["split"]
    return _digest(np.sort(keys))


def _prints(file) -> np.ndarray:
    images = file[IMAGES]
    blocks = [fingerprints(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK)]
    return np.concatenate([np.zeros(0, np.uint64), *blocks])


def _digest(keys: np.ndarray) -> str:
    return hashlib.sha256(keys.tobytes()).hexdigest()
