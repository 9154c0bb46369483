"""Ready images in the layout of the thesis of M. J. Núñez Ruiz (Universidad de Granada, 2021).

One HDF5 file for training, one for test, of 80 × 80 images of the energy at ground in 4 m cells:

| path   | content                                                                                            |
|--------|----------------------------------------------------------------------------------------------------|
| `data` | (N, 80, 80) [GeV], taken as they are                                                               |
| `info` | a pandas table of N rows: `ID_shower`, `E0` [GeV], `theta0`, `Nmuons`, `Y_class` (0 iron, 1 proton) |

`info` is read with h5py in both of pandas's layouts, fixed and table, and as a plain compound data set. pandas stores
column names as pickles; they are listed with `pickletools`, which executes nothing, and never unpickled. `event_id` is
the row's number: shower numbers may start again in each class. `event` is `ID_shower`, where it is a number.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import ConfigError, DataError
from cascada.core.options import check, option
from cascada.data.format import IMAGE_SIZE, new_events
from cascada.data.hdf5 import check_chunks, check_filters, check_written, open_file, reading
from cascada.data.sources import Block, Progress
from cascada.data.values import check_events

KIND = "energy_ground"
IMAGES, INFO = "data", "info"
EXPECTED = f"expected `{IMAGES}` and `{INFO}` inside. Copy it again, or check --source or `kind:`."
COLUMNS = ("E0", "theta0", "Nmuons", "Y_class")  # the ones needed
NUMBER = "ID_shower"  # may be missing, or a text
PRIMARIES = (5626, 14)  # CORSIKA codes of iron and proton, by `Y_class`
SIGNATURES = {b"\x89HDF\r\n\x1a\n": (0, 512, 1024, 2048)}  # of HDF5, behind a block of the user's own too
BLOCK = 512  # images read at a time: 13 MB


@dataclass(frozen=True, kw_only=True)
class Options:
    channels: tuple[str, ...] = option(("energy",), "channels of the images")
    altitude: float = option(5200.0, "observation altitude of the simulation, above sea level [m]")
    role: str = option(
        "", 'what the file is for, "train" or "test"; "" lets the split decide', choices=("", "train", "test")
    )
    zenith_unit: str = option("rad", "unit of theta0", choices=("rad", "deg"))

    def __post_init__(self):
        check(self)
        if self.channels != ("energy",):
            raise ConfigError(
                f"Channels {list(self.channels)} given; files of kind {KIND} hold `energy` only. "
                "Set channels to [energy], or convert the particle files themselves."
            )


def why_not(path: Path) -> str:
    """Return '' if the file is HDF5 with `data` of one image per shower and an `info`, else what is wrong with it."""
    if path.is_dir():
        return "a folder, expected an HDF5 file"
    try:
        with open_file(path, EXPECTED) as file, reading(f"{path}"):
            _images(path, file)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    return ""


def can_read(path: Path) -> bool:
    return not why_not(path)


def showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Yield the showers of one file, block by block: memory does not grow with the file."""
    path = Path(path)
    with open_file(path, EXPECTED) as file:
        with reading(f"{path}"):
            images = _images(path, file)
        with reading(f"{path}: {INFO}"):
            events = _events(path, read_columns(path, file, COLUMNS, (NUMBER,)), len(images), options)
        step = _step(images)
        for start in range(0, len(images), step):
            yield Block(_read(path, images, start, step), events[start : start + step])
            if progress:
                progress(min(start + step, len(images)), len(images))


def _images(path: Path, file: h5py.File) -> h5py.Dataset:
    missing = {IMAGES, INFO} - set(file)
    if missing:
        raise DataError(
            f"{path}: {sorted(missing)} missing, there is {sorted(file)}; expected `{IMAGES}` (N, {IMAGE_SIZE}, "
            f"{IMAGE_SIZE}) and `{INFO}`. Check --source or `kind:`."
        )
    images = file[IMAGES]
    shape: tuple[int, ...] = getattr(images, "shape", ())
    if len(shape) != 3 or shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or images.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: {IMAGES}: shape {shape}, type {getattr(images, 'dtype', 'group')} given, expected numbers "
            f"(N, {IMAGE_SIZE}, {IMAGE_SIZE}) in cells of 4 m; other image sizes cannot be used."
        )
    if shape[0] == 0:
        raise DataError(f"{path}: {IMAGES}: no shower, expected at least one; leave this file out.")
    check_filters(f"{path}: {IMAGES}", images)
    check_chunks(f"{path}: {IMAGES}", images)
    check_written(f"{path}: {IMAGES}", images)
    return images


def _step(images: h5py.Dataset) -> int:
    """Return the images to read at a time: whole chunks, so that none is unpacked twice, but few enough for memory."""
    chunk = images.chunks[0] if images.chunks else 1
    return chunk * max(1, BLOCK // chunk) if chunk <= 8 * BLOCK else BLOCK


def _read(path: Path, images: h5py.Dataset, start: int, step: int) -> np.ndarray:
    """Return float32 images (n, 1, 80, 80) from `start`, finite and non-negative. Raises DataError."""
    with reading(f"{path}: {IMAGES}: images {start} to {start + step}"), np.errstate(over="ignore"):
        block = images[start : start + step].astype(np.float32, copy=False)
    bad = np.flatnonzero(~np.isfinite(block).all(axis=(1, 2)) | (block.min(axis=(1, 2)) < 0))
    if len(bad):
        raise DataError(
            f"{path}: {IMAGES}: image {start + bad[0]} holds NaN, infinite or negative cells, expected energies of "
            "0 GeV or more; leave that image out or produce it again."
        )
    return block[:, None]


def _events(path: Path, columns: dict[str, np.ndarray], images: int, options: Options) -> np.ndarray:
    """Return the events (N,) from the columns of `info`. Raises DataError where they contradict the images."""
    for name, column in columns.items():
        if len(column) != images:
            raise DataError(
                f"{path}: {INFO}: {len(column)} rows in {name}, but {images} images; expected as many. "
                "Get the original file: rows and images can no longer be matched."
            )
        bad = np.flatnonzero(~np.isfinite(column.astype(float)))
        if len(bad):
            raise DataError(f"{path}: {INFO}: row {bad[0]}: {name} is {column[bad[0]]}, expected a finite number.")
    classes = columns["Y_class"]
    bad = np.flatnonzero(~np.isin(classes, range(len(PRIMARIES))))
    if len(bad):
        raise DataError(
            f"{path}: {INFO}: row {bad[0]}: Y_class {classes[bad[0]]} given, expected 0 (iron) or 1 (proton)."
        )
    events = new_events(images)
    events["primary"] = np.where(classes == 1, PRIMARIES[1], PRIMARIES[0])
    with np.errstate(over="ignore"):
        events["true_energy"], events["muons"] = columns["E0"], columns["Nmuons"]
        events["zenith"] = np.radians(columns["theta0"]) if options.zenith_unit == "deg" else columns["theta0"]
    if NUMBER in columns:
        events["event"] = _numbers(path, columns[NUMBER])
    check_events(
        events,
        lambda row: f"{path}: {INFO}: row {row}",
        ("true_energy", "zenith", "muons"),
        "columns E0 [GeV], theta0 (see the source's `zenith_unit`) and Nmuons: repair the table or leave the file out.",
    )
    return events


def _numbers(path: Path, column: np.ndarray) -> np.ndarray:
    """Return the numbers of the showers, int64 (N,), from ID_shower (N,). Raises DataError for one that is no number."""
    bad = np.flatnonzero((column != np.trunc(column)) | (np.abs(column.astype(float)) >= 2**53))
    if len(bad):
        raise DataError(
            f"{path}: {INFO}: row {bad[0]}: {NUMBER} is {column[bad[0]]}, expected a whole number; repair the table."
        )
    return column.astype(np.int64)


def read_columns(
    path: Path, file: h5py.File, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Return the named columns (N,) of the pandas table `info`. Raises DataError for a missing one of `names`."""
    found = dict(_columns(file[INFO]))
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(
            f"{path}: {INFO}: column(s) {missing} missing, there is {sorted(found) or 'no numeric column'}; "
            f"expected {list(names)}. Write the table again with pandas's to_hdf(key='{INFO}')."
        )
    return {name: found[name] for name in (*names, *optional) if name in found}


def _columns(info: h5py.Group | h5py.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values of each numeric column, in whichever layout the table was written."""
    if isinstance(info, h5py.Dataset):
        yield from _compound(info)
    elif isinstance(info.get("table"), h5py.Dataset):
        yield from _compound(info["table"])
    else:
        yield from _fixed(info)


def _whole(data: h5py.Dataset) -> np.ndarray:
    """Read a data set of the table at once."""
    check_filters(f"{data.file.filename}: {data.name.strip('/')}", data)
    check_chunks(f"{data.file.filename}: {data.name.strip('/')}", data)
    check_written(f"{data.file.filename}: {data.name.strip('/')}", data)
    if data.size * data.dtype.itemsize > 2**32:
        raise DataError(f"{data.file.filename}: {data.name}: shape {data.shape}, expected a few numbers per shower.")
    return data[:]


def _compound(table: h5py.Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """pandas's table layout: a compound data set whose fields are columns or `values_block_<i>` of several columns."""
    rows = _whole(table)
    for field in rows.dtype.names or ():
        values = rows[field]
        if values.dtype.kind not in "fiub":
            continue
        if values.ndim == 1:
            yield field, values
        else:
            yield from zip(_pickled_strings(table.attrs.get(f"{field}_kind")), values.T, strict=False)


def _fixed(info: h5py.Group) -> Iterator[tuple[str, np.ndarray]]:
    """pandas's fixed layout: `block<i>_items`, the names, and `block<i>_values` (N, items), one pair per type."""
    for name in info:
        if name.startswith("block") and name.endswith("_items"):
            values = info[name.replace("_items", "_values")]
            if values.dtype.kind in "fiub":  # objects are pickles
                block = _whole(values) if values.attrs.get("transposed", 1) else _whole(values).T
                yield from zip([item.decode() for item in _whole(info[name])], block.T, strict=False)


def _pickled_strings(pickled: bytes | None) -> list[str]:
    """Return the strings in a pickle, in their order, without unpickling it."""
    try:
        return [argument for _, argument, _ in pickletools.genops(bytes(pickled or b"N.")) if isinstance(argument, str)]
    except ValueError:
        return []
