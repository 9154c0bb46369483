"""Data model, version 2: what stands where in an HDF5 file of showers.

| path       | content                                                                                     |
|------------|---------------------------------------------------------------------------------------------|
| `/images`  | float32 (N, C, 80, 80): energy at ground per 4 m × 4 m cell [GeV] (`muons`: a count)          |
| `/events`  | one row of `EVENT_DTYPE` per shower                                                          |
| `/sources` | one row of `SOURCE_DTYPE` per raw file or surrogate run                                      |
| `/skipped` | raw files that could not be read and were skipped: see skipped.py                            |

The attribute `classes` names the classes in the order of their labels, `signal` the signal class where it is not the second one.

`/images` is [shower, channel, row, column]: the row is y and the column is x, both growing with the index; cell (0, 0)
covers x, y in [-160, -156] m. A shower's axis meets the ground at (`core_x`, `core_y`) in that frame.

Version 1 had no `run` and `event`, which are UNKNOWN_NUMBER where it is read, and counted neutrinos into `energy`.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from cascada import __version__
from cascada.core.classes import PRIMARY_NAMES
from cascada.core.errors import DataError
from cascada.core.files import atomic_path
from cascada.data.hdf5 import check_heaps, one_line, open_file, reading
from cascada.data.skipped import Skipped, write_skipped

DATA_MODEL_VERSION = 2
READABLE_VERSIONS = (1, 2)

IMAGES = "images"
EVENTS = "events"
SOURCES = "sources"

IMAGE_SIZE = 80  # cells along each side
CELL_SIZE = 4.0  # m
HALF_WIDTH = IMAGE_SIZE * CELL_SIZE / 2  # 160 m: half the square's side, and the radius of the disc

CHANNELS = ("energy", "electromagnetic_energy", "muon_energy", "hadron_energy", "muons")
PROTON, IRON = PRIMARY_NAMES["proton"], PRIMARY_NAMES["iron"]  # CORSIKA's particle codes
SPLITS = {"train": 0, "validation": 1, "test": 2}
NO_SPLIT, NO_LABEL = -1, -1
ROLES = ("", "train", "test")  # of a shard: what its raw file is for
NEW_IN_VERSION_2 = ("run", "event")
WITH_NEUTRINOS = ("corsika7", "corsika8")  # kinds whose raw files hold neutrinos, which version 1 counted
UNKNOWN_NUMBER = -1  # `run` or `event` of a shower whose file does not say it

EVENT_DTYPE = np.dtype(
    [
        ("event_id", "<i8"),
        ("source", "<i4"),  # row of /sources
        ("primary", "<i4"),  # CORSIKA's particle code
        ("label", "<i2"),  # -1 in a shard
        ("true_energy", "<f4"),  # GeV
        ("zenith", "<f4"),  # rad
        ("azimuth", "<f4"),  # rad
        ("core_x", "<f4"),  # m, NaN where unknown
        ("core_y", "<f4"),
        ("muons", "<f4"),  # weighted number of muons within the disc
        ("shower_id", "<i8"),  # shared by the images made from one shower with several cores
        ("split", "<i1"),  # SPLITS, -1 in a shard
        ("run", "<i8"),  # numbers of the run and of the shower in it, as the raw file counts them, -1 where unknown
        ("event", "<i8"),
    ]
)
UNITS = {"true_energy": "GeV", "zenith": "rad", "azimuth": "rad", "core_x": "m", "core_y": "m"}

SOURCE_DTYPE = np.dtype(
    [
        ("file", h5py.string_dtype()),
        ("sha256", h5py.string_dtype()),
        ("kind", h5py.string_dtype()),
        ("events", "<i8"),
    ]
)


@dataclass(kw_only=True, slots=True)
class SourceRow:
    """One row of `/sources`. `sha256` is empty for a surrogate run, whose name holds its seed."""

    file: str
    sha256: str
    kind: str
    events: int


@dataclass(kw_only=True, slots=True)
class Header:
    """The attributes of a file: everything about it except its showers."""

    channels: tuple[str, ...] = ("energy",)
    observation_altitude: float = 5200.0  # m
    classes: tuple[str, ...] = ()  # names in the order of their labels; empty in a shard
    signal: str = ""  # name of the signal class; empty in a shard and where it is the second class
    role: str = ""  # of a shard whose raw file is meant for one purpose only: "train" or "test"
    left_out: dict[str, float] = field(default_factory=dict)  # what the reader counted and left out: sources.LEFT_OUT
    version: int = DATA_MODEL_VERSION  # of what the showers hold: 1 where neutrinos count


class ShowerWriter:
    """Append blocks of showers to a new file of showers. Use `create`, which also renames the finished file."""

    def __init__(self, file: h5py.File, header: Header, showers: int | None = None):
        self._file, self._header, self._written = file, header, 0
        channels = len(header.channels)
        growing = {
            "maxshape": (None, channels, IMAGE_SIZE, IMAGE_SIZE),
            "chunks": (16, channels, IMAGE_SIZE, IMAGE_SIZE),
        }
        # uncompressed: nothing has to be unpacked; contiguous where the number is known: the file can be mapped
        self._images = file.create_dataset(
            IMAGES,
            (showers or 0, channels, IMAGE_SIZE, IMAGE_SIZE),
            "<f4",
            **(growing if showers is None else {}),
        )
        self._images.attrs["channels"] = list(header.channels)
        self._images.attrs["unit"] = ["1" if name == "muons" else "GeV" for name in header.channels]
        self._events = file.create_dataset(EVENTS, (0,), EVENT_DTYPE, maxshape=(None,), chunks=(4096,))
        for name, unit in UNITS.items():
            self._events.attrs[f"{name}_unit"] = unit
        write_header(file, header)

    def append(self, images: np.ndarray, events: np.ndarray) -> None:
        """Append images float32 (n, C, 80, 80) and their events (n,) of EVENT_DTYPE."""
        expected = (len(events), len(self._header.channels), IMAGE_SIZE, IMAGE_SIZE)
        if images.shape != expected:
            raise DataError(f"Images of shape {images.shape} given, {expected} expected.")
        start, stop = self._written, self._written + len(events)
        if stop > len(self._images):
            self._images.resize(stop, axis=0)
        self._images[start:stop] = images
        self._events.resize(stop, axis=0)
        self._events[start:] = events
        self._written = stop

    def take_back(self, number: int) -> None:
        """Forget all showers but the first `number`: those of a raw file that could not be read to its end."""
        self._images.resize(number, axis=0)
        self._events.resize(number, axis=0)
        self._written = number

    def write_sources(self, rows: list[SourceRow]) -> None:
        write_sources(self._file, rows)

    def write_left_out(self, counts: dict[str, float]) -> None:
        self._file.attrs["left_out"] = json.dumps(counts)

    def write_skipped(self, rows: Sequence[Skipped]) -> None:
        write_skipped(self._file, rows)


def write_header(file: h5py.File, header: Header) -> None:
    file.attrs["data_model_version"] = header.version
    file.attrs["cell_size"] = CELL_SIZE
    file.attrs["cell_size_unit"] = "m"
    file.attrs["observation_altitude"] = header.observation_altitude
    file.attrs["observation_altitude_unit"] = "m"
    file.attrs.create("classes", list(header.classes), dtype=h5py.string_dtype())
    if header.signal:
        file.attrs["signal"] = header.signal
    file.attrs["role"] = header.role
    file.attrs["left_out"] = json.dumps(header.left_out)
    file.attrs["writer"] = f"cascada {__version__}"


def write_sources(file: h5py.File, rows: list[SourceRow]) -> None:
    table = np.array([(row.file, row.sha256, row.kind, row.events) for row in rows], dtype=SOURCE_DTYPE)
    file.create_dataset(SOURCES, data=table)


@contextlib.contextmanager
def create(path: str | os.PathLike, header: Header, showers: int | None = None) -> Iterator[ShowerWriter]:
    """Create a file of showers under a temporary name; it appears at `path` only when the block ends without error."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        yield ShowerWriter(file, header, showers)


@contextlib.contextmanager
def open_showers(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Open a file of showers for reading, after checking that all is in it that this version needs. Raises DataError.

    Damage that shows only when images are read is a DataError, too.
    """
    from cascada.data.opening import AGAIN, check_showers  # which needs the layout above

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected an HDF5 file of showers (data model {DATA_MODEL_VERSION}).")
    with open_file(path, "convert raw files with `cascada convert`.") as file:
        with reading(f"{path}"):
            check_heaps(path)
            check_showers(path, file)
        try:
            yield file
        except OSError as error:
            if "read data" not in str(error):  # not this file's
                raise
            raise DataError(f"{path}: cannot be read to its end ({one_line(error)}); {AGAIN}") from error


def read_header(file: h5py.File) -> Header:
    return Header(
        channels=tuple(str(name) for name in file[IMAGES].attrs["channels"]),
        observation_altitude=float(file.attrs["observation_altitude"]),
        classes=tuple(str(name) for name in file.attrs["classes"]),
        signal=str(file.attrs.get("signal", "")),
        role=str(file.attrs["role"]),
        left_out=json.loads(file.attrs.get("left_out", "{}")),
        version=int(file.attrs["data_model_version"]),
    )


def read_events(file: h5py.File, rows: slice = slice(None)) -> np.ndarray:
    """Return events (n,) of EVENT_DTYPE, whatever version wrote them: what that version did not know is `new_events`'."""
    stored = file[EVENTS][rows]
    if stored.dtype == EVENT_DTYPE:
        return stored
    events = new_events(len(stored))
    for name in stored.dtype.names:
        events[name] = stored[name]
    return events


def read_sources(file: h5py.File) -> list[SourceRow]:
    return [
        SourceRow(
            file=row["file"].decode(),
            sha256=row["sha256"].decode(),
            kind=row["kind"].decode(),
            events=int(row["events"]),
        )
        for row in file[SOURCES][:]
    ]


def new_events(number: int) -> np.ndarray:
    """Return `number` events with every field at its 'not known yet' value; event and shower ids count from 0.

    Primary 0 is one of which nothing is known.
    """
    events = np.zeros(number, EVENT_DTYPE)
    events["event_id"] = events["shower_id"] = np.arange(number)
    events["label"], events["split"] = NO_LABEL, NO_SPLIT
    events["run"] = events["event"] = UNKNOWN_NUMBER
    for name in ("zenith", "azimuth", "core_x", "core_y", "muons"):
        events[name] = np.nan
    return events
