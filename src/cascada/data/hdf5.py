"""Reading HDF5 files that others wrote: whatever fails becomes one sentence with file and place."""

import contextlib
import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import h5py

from cascada.core.errors import DataError
from cascada.data import foreign

MOST_AT_ONCE = 256 * 2**20  # bytes of one chunk, which cannot be read in parts
HEAPS_WITHIN = 2**20  # bytes from the beginning and the end: where files of showers have their texts
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


def check_chunks(place: str, data: h5py.Dataset) -> None:
    """Raise DataError for chunks so large that reading one row would take more memory than a file of showers needs."""
    if data.dtype.itemsize * math.prod(data.chunks or (1,)) > MOST_AT_ONCE:
        raise DataError(f"{place}: chunks of {data.chunks}, expected at most 256 MB each; repack the file (h5repack).")


def check_heaps(path: Path) -> None:
    """Raise DataError if a heap of texts near the beginning or the end of the file is broken.

    HDF5 1.14 would read it for ever. A collection is "GCOL", version 1, its size, then objects: index, references, size
    and bytes up to a multiple of 8; index 0 is the free space. (HDF5 File Format Specification, section III.E.)
    """
    with path.open("rb") as file:
        for start in {0, max(path.stat().st_size - HEAPS_WITHIN, 0)}:
            file.seek(start)
            data = file.read(HEAPS_WITHIN)
            for found in re.finditer(rb"GCOL\x01\0\0\0", data):
                if not _is_heap(data, found.start()):
                    raise DataError(f"{path}: its heap of texts is damaged; copy the file again or make it again.")


def _is_heap(data: bytes, start: int) -> bool:
    stop = start + int.from_bytes(data[start + 8 : start + 16], "little")
    place = start + 16
    while place + 16 <= min(stop, len(data)):
        index, _, _, size = struct.unpack_from("<HHIQ", data, place)
        if index == 0:
            return size >= 16
        place += 16 + -(-size // 8) * 8
        if place > stop:
            return False
    return True


def check_written(place: str, data: h5py.Dataset) -> None:
    """Raise DataError if parts of the data set were never written: HDF5 would return zeros for them in silence."""
    if data.is_virtual:
        raise DataError(
            f"{place}: a virtual data set, whose missing parts read as zeros; give the files it is made of."
        )
    size, stored = data.size * data.dtype.itemsize, data.id.get_storage_size()
    if data.chunks and data.id.get_create_plist().get_nfilters():
        expected = math.prod(-(-length // chunk) for length, chunk in zip(data.shape, data.chunks, strict=True))
        missing = data.id.get_num_chunks() < expected
    else:
        missing = stored < size
    if missing:
        raise DataError(
            f"{place}: {stored} bytes of {size} are in the file, the others were never written; make it again."
        )


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
