"""The one check of a file of showers when it is opened: that it has what the data model says, of the right kind and size."""

import json
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import DataError
from cascada.data.format import (
    EVENT_DTYPE,
    EVENTS,
    IMAGE_SIZE,
    IMAGES,
    NEW_IN_VERSION_2,
    NO_LABEL,
    NO_SPLIT,
    READABLE_VERSIONS,
    ROLES,
    SOURCE_DTYPE,
    SOURCES,
    SPLITS,
    read_events,
    read_header,
    read_sources,
)
from cascada.data.hdf5 import check_chunks, check_filters, check_written, reading
from cascada.data.values import check_events

AGAIN = "convert the raw files again with `cascada convert`."


def check_showers(path: Path, file: h5py.File) -> None:
    """Raise DataError for the first thing in the file that is not as data model 1 or 2 says."""
    version = file.attrs.get("data_model_version")
    if not isinstance(version, int | np.integer) or version not in READABLE_VERSIONS:
        raise DataError(
            f"{path}: data model version {version} given, this cascada reads {list(READABLE_VERSIONS)}; {AGAIN}"
        )
    missing = [name for name in (IMAGES, EVENTS, SOURCES) if not isinstance(file.get(name), h5py.Dataset)]
    if missing:
        raise DataError(f"{path}: {missing} missing, data model {version} needs {[IMAGES, EVENTS, SOURCES]}; {AGAIN}")
    _check_images(f"{path}: {IMAGES}", file[IMAGES])
    _check_columns(f"{path}: {EVENTS}", file[EVENTS], _columns_of(int(version)))
    _check_columns(f"{path}: {SOURCES}", file[SOURCES], SOURCE_DTYPE)
    for name in (IMAGES, EVENTS, SOURCES):
        check_filters(f"{path}: {name}", file[name])
        check_chunks(f"{path}: {name}", file[name])
        check_written(f"{path}: {name}", file[name])
    _check_attributes(path, file)
    if file[EVENTS].shape != file[IMAGES].shape[:1]:
        raise DataError(
            f"{path}: {len(file[EVENTS])} rows in {EVENTS}, but {len(file[IMAGES])} images; expected as many. {AGAIN}"
        )
    with reading(f"{path}: {SOURCES}"):
        read_header(file), read_sources(file)  # texts that are none
    _check_rows(path, file)


def _columns_of(version: int) -> np.dtype:
    old = [name for name in _names(EVENT_DTYPE) if name not in NEW_IN_VERSION_2]
    return EVENT_DTYPE if version >= 2 else np.dtype([(name, EVENT_DTYPE[name]) for name in old])


def _check_images(place: str, images: h5py.Dataset) -> None:
    shape: tuple[int, ...] = images.shape or ()
    if images.dtype != np.dtype("<f4") or len(shape) != 4 or shape[1] < 1 or shape[2:] != (IMAGE_SIZE, IMAGE_SIZE):
        raise DataError(
            f"{place}: {images.dtype} {shape} given, expected float32 (N, channels, {IMAGE_SIZE}, {IMAGE_SIZE}); {AGAIN}"
        )
    channels = images.attrs.get("channels")
    if not _are_texts(channels) or len(set(channels)) != len(channels) or len(channels) != shape[1]:
        raise DataError(
            f"{place}: attribute `channels` is {_shown(channels)}, expected the names of {shape[1]} channel(s); {AGAIN}"
        )


def _check_attributes(path: Path, file: h5py.File) -> None:
    attributes = file.attrs
    altitude = attributes.get("observation_altitude")
    if not isinstance(altitude, float | int | np.floating | np.integer) or not np.isfinite(altitude):
        raise DataError(
            f"{path}: attribute `observation_altitude` is {_shown(altitude)}, expected a height in m; {AGAIN}"
        )
    if not _are_texts(attributes.get("classes"), empty=True):
        raise DataError(
            f"{path}: attribute `classes` is {_shown(attributes.get('classes'))}, expected names of classes, none in a "
            f"shard; {AGAIN}"
        )
    if attributes.get("role") not in ROLES:
        raise DataError(
            f"{path}: attribute `role` is {_shown(attributes.get('role'))}, expected one of {list(ROLES)}; {AGAIN}"
        )
    if not _is_table_of_numbers(attributes.get("left_out", "{}")):
        raise DataError(
            f"{path}: attribute `left_out` is {_shown(attributes['left_out'])}, expected counts in JSON; {AGAIN}"
        )


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:80]


def _are_texts(value: object, empty: bool = False) -> bool:
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        return False
    return (empty or len(value) > 0) and all(isinstance(item, str) for item in value)


def _is_table_of_numbers(text: object) -> bool:
    try:
        table = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return isinstance(table, dict) and all(type(number) in (int, float) for number in table.values())


def _check_columns(place: str, table: h5py.Dataset, expected: np.dtype) -> None:
    given: np.dtype = table.dtype
    if table.ndim != 1 or given.names is None:
        raise DataError(f"{place}: {given} {table.shape} given, expected a table of {list(_names(expected))}; {AGAIN}")
    for name in _names(expected):
        if name not in given.names or given[name] != expected[name]:
            found = given[name] if name in given.names else "missing"
            raise DataError(f"{place}: column {name} is {found}, expected {_kind(expected[name])}; {AGAIN}")


def _names(dtype: np.dtype) -> tuple[str, ...]:
    """The columns of a table's type; a type that is no table's has none."""
    return dtype.names or ()


def _kind(dtype: np.dtype) -> str:
    return "a text" if dtype.kind == "O" else dtype.name


def _check_rows(path: Path, file: h5py.File) -> None:
    """Raise DataError for an event that cannot be, or that points to a source, class or split that is not there."""
    events, place = read_events(file), f"{path}: {EVENTS}: row"
    check_events(events, lambda row: f"{place} {row}", ("true_energy",), AGAIN)
    ranges = {
        "source": (0, len(file[SOURCES]) - 1 if len(file[SOURCES]) else np.inf),  # none: nobody knows where from
        "label": (NO_LABEL, max(len(file.attrs["classes"]) - 1, NO_LABEL)),
        "split": (NO_SPLIT, max(SPLITS.values())),
    }
    for name, (lowest, highest) in ranges.items():
        bad = np.flatnonzero((events[name] < lowest) | (events[name] > highest))
        if len(bad):
            raise DataError(
                f"{place} {bad[0]}: {name} is {events[name][bad[0]]}, expected {lowest} to {highest}; {AGAIN}"
            )
