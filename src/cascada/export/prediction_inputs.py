"""What `predict` reads: files of showers and raw files of any source, as blocks of images, and what is odd about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from cascada.core.errors import ConfigError, DataError
from cascada.core.files import sha256
from cascada.data import sources
from cascada.data.energies import first_wrong
from cascada.data.format import (
    DATA_MODEL_VERSION,
    EVENTS,
    IMAGE_SIZE,
    IMAGES,
    WITH_NEUTRINOS,
    Header,
    SourceRow,
    open_showers,
    read_events,
    read_header,
    read_sources,
)

if TYPE_CHECKING:
    from cascada.export.predict import Model, Request

BATCH = 128  # showers read at a time, at most so many are computed at a time
EVENTS_AT_ONCE = 4096  # events of a file of showers, read ahead of their images: small, and each read costs 0.1 ms
BEYOND_ENERGY, BEYOND_ZENITH = 0.05, 0.02  # relative, and rad: so far outside of the training range goes unsaid

Warn = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Input:
    """One file to predict on: its rows of `/sources`, and its blocks of images float32 (n, C, 80, 80) and events (n,).

    The arrays of a block are overwritten when the next one is asked for.
    """

    rows: list[SourceRow]
    blocks: Iterator[tuple[np.ndarray, np.ndarray]]


def open_input(path: Path, model: Model, request: Request, progress: Progress | None, warn: Warn) -> Input:
    """Raises DataError for a file that no source can read or that has other channels, ConfigError for wrong options."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; give simulation files or a file of showers.")
    if not request.source and _is_showers(path):
        return _open_showers(path, model, progress, warn)
    kind = request.source or sources.detect(path)
    module = sources.source(kind)
    if hasattr(module, "Run"):
        raise ConfigError(
            f"--source {kind}: this source makes showers and reads no files; use `cascada convert` first."
        )
    settings = {"altitude": model.content["input"]["observation_altitude_m"]} | (request.options or {})
    settings["channels"] = list(model.channels)
    options = sources.make_options(kind, settings)
    _compare_altitude(path, options.altitude, model, warn)
    _compare_versions(path, DATA_MODEL_VERSION, {kind}, model, warn)
    blocks = ((block.images, block.events) for block in module.showers(path, options, progress))
    digest = sha256(path) if path.is_file() else ""
    return Input([SourceRow(file=path.name, sha256=digest, kind=kind, events=0)], blocks)


def _is_showers(path: Path) -> bool:
    try:
        with h5py.File(path, "r", locking=False) as file:
            return "data_model_version" in file.attrs
    except OSError:
        return False


def _open_showers(path: Path, model: Model, progress: Progress | None, warn: Warn) -> Input:
    with open_showers(path) as file:
        header, rows = read_header(file), read_sources(file)
    missing = [name for name in model.channels if name not in header.channels]
    if missing:
        raise DataError(
            f"{path}: the model needs the channels {list(model.channels)}, got {list(header.channels)}; "
            "convert the raw files with these channels."
        )
    _compare_altitude(path, header.observation_altitude, model, warn)
    _compare_versions(path, header.version, {row.kind for row in rows}, model, warn)
    return Input(rows, _blocks(path, header, model.channels, progress))


def _blocks(path: Path, header: Header, channels: tuple[str, ...], progress: Progress | None) -> Iterator:
    places = [header.channels.index(name) for name in channels]
    with open_showers(path) as file:
        images, total = file[IMAGES], len(file[EVENTS])
        buffer = np.empty((BATCH, *images.shape[1:]), np.float32)
        for start in range(0, total, BATCH):
            if start % EVENTS_AT_ONCE == 0:
                events = read_events(file, slice(start, start + EVENTS_AT_ONCE))
            block = buffer[: min(BATCH, total - start)]
            images.read_direct(block, np.s_[start : start + len(block)])
            if header.channels != channels:
                block = np.ascontiguousarray(block[:, places])
            first = start % EVENTS_AT_ONCE
            yield block, events[first : first + len(block)]
            if progress:
                progress(min(start + BATCH, total), total)


def _compare_altitude(path: Path, altitude: float, model: Model, warn: Warn) -> None:
    expected = model.content["input"]["observation_altitude_m"]
    if abs(altitude - expected) > 1:
        warn(
            f"{path}: observed at {altitude:g} m, the model was trained for {expected:g} m: its probabilities may be off"
        )


def _compare_versions(path: Path, version: int, kinds: set[str], model: Model, warn: Warn) -> None:
    """Warn where neutrinos count in the training images or in these, but not in both."""
    data = model.content["data"]
    trained = data.get("data_model_version", DATA_MODEL_VERSION)
    of_corsika = trained > 1 or any(row["kind"] in WITH_NEUTRINOS for row in data.get("sources", []))
    if trained != version and of_corsika and kinds & set(WITH_NEUTRINOS):
        counted = "count" if version == 1 else "do not count"
        warn(
            f"{path}: neutrinos {counted} in its images (data model version {version}), unlike in those that the model "
            f"was trained on (version {trained}): its probabilities may be off; convert or train again"
        )


@dataclass(slots=True)
class Watch:
    """Counts what a model was not trained for. `ranges`: of its training showers, as in model.json, may be empty."""

    ranges: dict[str, list[float] | None]
    showers: int = 0
    blank: int = 0
    outside: dict[str, int] = field(default_factory=lambda: {"true_energy": 0, "zenith": 0})

    def look(self, path: Path, images: np.ndarray, events: np.ndarray) -> None:
        """Count a batch: images float32 (n, C, 80, 80), events (n,). Raises DataError for images that hold no energies."""
        if images.shape[1:] != (images.shape[1], IMAGE_SIZE, IMAGE_SIZE) or images.dtype != np.float32:
            raise DataError(f"{path}: expected images float32 (C, 80, 80), got {images.dtype} {images.shape[1:]}.")
        if wrong := first_wrong(images):
            raise DataError(
                f"{path}: image {self.showers + wrong[0]} holds a value that is {wrong[1]}, energies [GeV] are expected; repair the file."
            )
        self.showers += len(images)
        self.blank += int(
            (images.reshape(len(images), -1).sum(axis=1) == 0).sum()
        )  # none is negative; one pass without a temporary
        for name in self.outside:
            self.outside[name] += self._beyond(name, events[name])

    def _beyond(self, name: str, values: np.ndarray) -> int:
        limits = self.ranges.get(name)
        if not limits:
            return 0
        low, high = limits
        if name == "zenith":
            low, high = low - BEYOND_ZENITH, high + BEYOND_ZENITH
        else:
            low, high = low * (1 - BEYOND_ENERGY), high * (1 + BEYOND_ENERGY)
        return int(((values < low) | (values > high)).sum())

    def sentences(self, path: Path) -> Iterator[str]:
        """Say what was counted, a sentence each."""
        if self.blank:
            yield f"{path}: {self.blank} of {self.showers} images are blank: their probabilities say nothing about the showers"
        for name, what, unit in (("true_energy", "energies", "GeV"), ("zenith", "zenith angles", "rad")):
            if self.outside[name] and (limits := self.ranges.get(name)):
                low, high = limits
                yield (
                    f"{path}: {self.outside[name]} of {self.showers} showers have {what} outside of {low:g} to {high:g} {unit}, "
                    "which the model was trained on: their probabilities are extrapolated"
                )


def given_twice(inputs: Sequence[Path]) -> dict[int, str]:
    """Return a sentence for each input that an earlier one is too, whatever paths or links lead to it, by its place."""
    seen: dict[tuple[int, int], Path] = {}
    found = {}
    for index, path in enumerate(inputs):
        if path.exists():
            state = path.stat()
            other = seen.setdefault((state.st_dev, state.st_ino), path)
            if other is not path:
                found[index] = f"{path}: is the same as {other}, so its showers would occur twice; give it once."
    return found


def part(progress: Progress | None, index: int, inputs: int) -> Progress | None:
    """Return the progress of one of several inputs, each worth a thousand steps."""
    if progress is None:
        return None
    return lambda done, total: progress(int(1000 * (index + done / max(total, 1))), 1000 * inputs)
