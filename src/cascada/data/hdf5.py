"""Reading HDF5 files that others wrote: whatever fails becomes one sentence with file and place."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py

from cascada.data import foreign
from cascada.errors import DataError

_FILTERS = {
    32000: "LZF of another library",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32015: "zstd",
    32026: "blosc2",
}


def open_file(path: Path, expected: str) -> h5py.File:
    """Open for reading. Raises DataError that says what the file is and what was `expected` in it."""
    try:
        return h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: not a readable HDF5 file ({_what(path) or one_line(error)}); {expected}") from error


def _what(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return foreign.what(file.read(foreign.LENGTH))
    except OSError:
        return ""


@contextlib.contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn what h5py raises for a damaged file into a DataError; its kinds are many, and a file can be damaged anywhere."""
    try:
        yield
    except DataError:
        raise
    except (
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        MemoryError,
    ) as error:
        raise DataError(f"{place}: cannot be read ({one_line(error)}); copy the file again or leave it out.") from error


def check_filters(place: str, data: h5py.Dataset) -> None:
    """Raise DataError if the data set is compressed in a way that this HDF5 does not know."""
    properties = data.id.get_create_plist()
    for index in range(properties.get_nfilters()):
        code = properties.get_filter(index)[0]
        if not h5py.h5z.filter_avail(code):
            raise DataError(
                f"{place}: compressed with {_FILTERS.get(code, 'a filter')} (HDF5 filter {code}), which is not read; write it "
                "uncompressed or with gzip, in pandas without `complib`, or repack it: ptrepack --complib zlib IN OUT."
            )


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
