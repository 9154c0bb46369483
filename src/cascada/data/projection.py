"""Particles at ground → images of 80 × 80 cells: what falls on the array's disc of 160 m, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cascada.core.errors import ConfigError, DataError
from cascada.data.format import CELL_SIZE, CHANNELS, HALF_WIDTH, IMAGE_SIZE, new_events
from cascada.data.particles import ELECTROMAGNETIC, HADRON, MUON

if TYPE_CHECKING:
    from cascada.data.sources import Block

CELLS = IMAGE_SIZE * IMAGE_SIZE
GROUP_OF_CHANNEL = {"electromagnetic_energy": ELECTROMAGNETIC, "muon_energy": MUON, "hadron_energy": HADRON}
BLOCK_BYTES = 32 * 2**20


class Projection:
    """Images of one shower, seen with one or several cores, filled by any number of calls of `add`.

    `cores` (k, 2) [m]: where the shower's axis meets the ground, in the frame of the array. Results are
    `images` float64 (k, C, 80, 80) [GeV; `muons`: number] and `muons` float64 (k,), the weighted number in the disc.
    """

    def __init__(self, channels: Sequence[str], cores: np.ndarray):
        self._channels, self._cores = tuple(channels), np.asarray(cores, np.float32)
        self._images = np.zeros((len(cores), len(channels), CELLS))
        self.muons = np.zeros(len(cores))

    @property
    def images(self) -> np.ndarray:
        return self._images.reshape(*self._images.shape[:2], IMAGE_SIZE, IMAGE_SIZE)

    @np.errstate(over="ignore")  # of places far beyond the disc
    def add(self, x: np.ndarray, y: np.ndarray, energy: np.ndarray, group: np.ndarray, weight: np.ndarray | None):
        """Add particles: position [m] relative to the axis, energy [GeV], group, weight (None: all 1), each (n,)."""
        for core, image, index in zip(self._cores, self._images, range(len(self._cores)), strict=True):
            at_x, at_y = (x + core[0], y + core[1]) if core.any() else (x, y)
            inside = np.flatnonzero(at_x * at_x + at_y * at_y <= HALF_WIDTH**2)
            if len(inside) == 0:
                continue
            cell = cells(at_x[inside], at_y[inside])
            kinds = group[inside]
            weights = None if weight is None else weight[inside]
            muons = np.flatnonzero(kinds == MUON)
            self.muons[index] += len(muons) if weights is None else weights[muons].sum(dtype=np.float64)
            energies = energy[inside] if weights is None else energy[inside] * weights
            for channel, name in zip(image, self._channels, strict=True):
                if name == "energy":
                    channel += np.bincount(cell, energies, CELLS)
                elif name == "muons":
                    channel += np.bincount(cell[muons], None if weights is None else weights[muons], CELLS)
                else:
                    chosen = muons if name == "muon_energy" else np.flatnonzero(kinds == GROUP_OF_CHANNEL[name])
                    channel += np.bincount(cell[chosen], energies[chosen], CELLS)


def cells(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the flat cell number, row (y) * 80 + column (x), of positions [m] inside the square. int64 (n,)."""
    column = ((x + np.float32(HALF_WIDTH)) * np.float32(1 / CELL_SIZE)).astype(np.int32)
    cell = ((y + np.float32(HALF_WIDTH)) * np.float32(1 / CELL_SIZE)).astype(np.int32)
    # the disc touches the square's upper edge, x = 160 m, which belongs to the last cell
    np.minimum(column, IMAGE_SIZE - 1, out=column)
    np.minimum(cell, IMAGE_SIZE - 1, out=cell)
    cell *= IMAGE_SIZE
    cell += column
    return cell.astype(np.intp)


def check_channels(channels: Sequence[str]) -> None:
    """Raise ConfigError unless `channels` are distinct, known and at least one."""
    unknown = [name for name in channels if name not in CHANNELS]
    if unknown or not channels or len(set(channels)) != len(channels):
        raise ConfigError(
            f"Channels {list(channels)} given; expected one or several different ones of: {', '.join(CHANNELS)}."
        )


def check_cores(core_offset: float, cores_per_shower: int) -> None:
    """Raise ConfigError for settings of the random cores that cannot be meant together."""
    if cores_per_shower > 1 and core_offset == 0:
        raise ConfigError(
            f"cores_per_shower {cores_per_shower} with core_offset 0 would store the same image several times; "
            "set core_offset to the radius [m] of the disc in which cores shall fall."
        )


def random_cores(number: int, radius: float, seed: Sequence[int]) -> np.ndarray:
    """Return cores (number, 2) [m], uniform in a disc of `radius`; all (0, 0) for radius 0. Depends on `seed` only."""
    if radius == 0:
        return np.zeros((number, 2))
    generator = np.random.default_rng(np.random.SeedSequence(list(seed)))
    distance = radius * np.sqrt(generator.random(number))
    angle = 2 * np.pi * generator.random(number)
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1) + 0.0  # no negative zeros


def events_of(place: str, projection: Projection, cores: np.ndarray, shower: int, primary: dict) -> np.ndarray:
    """Return the events (k,) of one shower, whose number in the file, from 0, is `shower`; `primary`: its known fields.

    Raises DataError if the particles' energies do not sum to what a float32 can hold.
    """
    with np.errstate(over="ignore"):
        stored = projection.images.astype(np.float32)
    if not np.isfinite(stored).all():
        raise DataError(
            f"{place}: the energies at ground sum to more than can be stored, expected a shower; the file is damaged: "
            "copy it again or leave it out."
        )
    events = new_events(len(cores))
    events["event_id"] = shower * len(cores) + np.arange(len(cores))
    events["shower_id"] = shower
    events["core_x"], events["core_y"] = cores.T
    events["muons"] = projection.muons
    for name, value in primary.items():
        events[name] = value
    return events


def blocks(showers: Iterator[tuple[np.ndarray, np.ndarray]], left_out: dict[str, float]) -> Iterator[Block]:
    """Gather (images (k, C, 80, 80), events (k,)) of single showers into blocks of about 32 MB.

    What `showers` counts in `left_out` goes to the block that is yielded next.
    """
    images: list[np.ndarray] = []
    events: list[np.ndarray] = []
    size = 0
    for shower_images, shower_events in showers:
        images.append(shower_images.astype(np.float32))
        events.append(shower_events)
        size += images[-1].nbytes
        if size >= BLOCK_BYTES:
            yield _block(images, events, left_out)
            images, events, size = [], [], 0
    if images:
        yield _block(images, events, left_out)


def _block(images: list[np.ndarray], events: list[np.ndarray], left_out: dict[str, float]) -> Block:
    from cascada.data.sources import Block

    counts = dict(left_out)
    left_out.clear()
    return Block(np.concatenate(images), np.concatenate(events), counts)
