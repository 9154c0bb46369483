"""Shards as the merge takes them: read, checked, and looked at image by image."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.data import checks, same_showers
from cascada.data.format import (
    IMAGE_SIZE,
    IMAGES,
    Header,
    SourceRow,
    open_showers,
    read_events,
    read_header,
    read_sources,
)
from cascada.data.skipped import Skipped, read_skipped

BLOCK = 1024  # showers read at once


@dataclass(slots=True)
class Shard:
    """A shard's events, with ids made unique, and which of its rows go where."""

    path: Path
    header: Header
    events: np.ndarray
    sources: list[SourceRow]
    skipped: list[Skipped]


@dataclass(slots=True)
class Seen:
    """What is kept of the images (N, C, 80, 80) while they are copied: their energies [GeV] and fingerprints (N,)."""

    energy: np.ndarray
    content: np.ndarray


def read_shard(path: Path) -> Shard:
    with open_showers(path) as file:
        events, skipped = read_events(file), read_skipped(file)
        if not len(events) and not skipped:
            raise DataError(f"{path}: holds no shower; leave it out of the sources or convert its raw file again.")
        expected = (len(events), len(read_header(file).channels), IMAGE_SIZE, IMAGE_SIZE)
        if file[IMAGES].shape != expected:
            raise DataError(
                f"{path}: {IMAGES} of shape {file[IMAGES].shape} given, {expected} expected; convert its raw file again."
            )
        return Shard(path, read_header(file), events, read_sources(file), skipped)


def with_showers(shards: list[Shard], skipped: list[Skipped]) -> list[Shard]:
    """Return the shards of which something could be read. Raises DataError if there are none."""
    found = [shard for shard in shards if len(shard.events)]
    if not found:
        raise DataError(
            f"All {len(skipped)} raw files were skipped, the first because of: {skipped[0].reason} "
            "Repair the files or the sources' options, or set `on_error: stop` to see the first error at once."
        )
    return found


def look(shards: list[Shard], number: int) -> Seen:
    """Check all images, block by block, and note what the checks need of each of the `number` images."""
    seen, first = Seen(np.zeros(number), np.zeros(number, np.uint64)), 0
    for shard in shards:
        channels = _energy_channels(shard.header.channels)
        for start, block in blocks(shard):
            _check_images(shard.path, block, start)
            rows = slice(first + start, first + start + len(block))
            seen.energy[rows] = block[:, channels].sum(axis=(1, 2, 3), dtype=np.float64)
            seen.content[rows] = same_showers.with_content(block, checks.fingerprints(block))
        first += len(shard.events)
    return seen


def blocks(shard: Shard) -> Iterator[tuple[int, np.ndarray]]:
    with open_showers(shard.path) as file:
        for start in range(0, len(shard.events), BLOCK):
            yield start, file[IMAGES][start : start + BLOCK]


def _energy_channels(channels: tuple[str, ...]) -> list[int]:
    """Return the channels that make up the total energy: `energy`, else the energies of all groups of particles."""
    if "energy" in channels:
        return [channels.index("energy")]
    return [index for index, name in enumerate(channels) if name.endswith("_energy")] or [0]


def _check_images(path: Path, block: np.ndarray, start: int) -> None:
    # a sum is one pass without a temporary; only a bad one is looked at twice
    if np.isfinite(block.sum()) and block.min() >= 0:
        return
    bad = ~(np.isfinite(block) & (block >= 0)).all(axis=(1, 2, 3))
    if bad.any():
        event = start + int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{path}: image {event} holds a value that is NaN, infinite or negative ({int(bad.sum())} such images in "
            f"showers {start} to {start + len(block) - 1}); energies at ground are finite and not negative. "
            "Repair the raw file and convert it again."
        )
