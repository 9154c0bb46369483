"""The records of a CORSIKA 7 particle file as a stream of sub-blocks, many particles at a time.

corsikaio would iterate over the showers, but sub-block by sub-block in Python and with each shower whole in memory;
reading some forty records at once is faster and needs the same memory for a shower of any size. Layout: see the table in
sources/corsika7.py.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.data import foreign
from cascada.data.corsika_stream import Digest, Stream, open_stream

RECORD_MARKERS = {22932: False, 26208: True}  # bytes in a record: thinned?
WORDS = {False: 273, True: 312}  # thinned?: words in a sub-block
ROWS = 39  # particles in a sub-block
BLOCKS_PER_RECORD = 21
RECORDS = 40  # read at a time: 32,760 particles, which stay in the processor's cache
PARTICLES = ""  # the name given to sub-blocks of particles, which have none
_NAMES = {int.from_bytes(name.encode(), "little"): name for name in ("RUNH", "EVTH", "LONG", "EVTE", "RUNE")}
_FIRST_NAME, _LAST_NAME = min(_NAMES), max(_NAMES)


START, BETWEEN, INSIDE, ENDED = "start of file", "between showers", "inside a shower", "behind RUNE"
# where each sub-block may stand, and where one is after it; particles outside a shower must be zeros, which are padding
_FROM = {"RUNH": (START, ENDED), "EVTH": (BETWEEN,), PARTICLES: (INSIDE,), "LONG": (INSIDE,), "EVTE": (INSIDE,)}
_FROM |= {"RUNE": (BETWEEN,)}
_TO = {"RUNH": BETWEEN, "EVTH": INSIDE, "EVTE": BETWEEN, "RUNE": ENDED}


class _BrokenStreamError(Exception):
    """The file ends early or cannot be uncompressed; `sub_blocks` adds the place. `zeros`: only zeros are left in it."""

    def __init__(self, text: str, zeros: bool = False):
        super().__init__(text)
        self.zeros = zeros


def sub_blocks(path: Path, digest: Digest | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and words, float32 (n, 273 or 312), of the file's sub-blocks, from RUNH to RUNE, run by run.

    Consecutive sub-blocks of particles come together, under the name PARTICLES, in pieces of at most RECORDS records. The
    arrays are overwritten when the next ones are asked for. `digest`, where given, is updated with the bytes of the file.
    Raises DataError where the file ends early or is no particle file.
    """
    place, state = START, START
    try:
        thinned, marked = check_start(path, _head(path))
        place = "before the first shower"
        with open_stream(path, digest) as stream:
            for name, words in _named(_read(stream, WORDS[thinned], marked)):
                _check_order(f"{path}: {place}", name, words, state)
                state = _TO.get(name, state)
                place = _place(name, words, place)
                if name != PARTICLES or state == INSIDE:
                    yield name, words
        if state != ENDED:
            raise _BrokenStreamError("the file ends without RUNE")
    except _BrokenStreamError as error:
        if state == ENDED and error.zeros:
            return
        raise DataError(
            f"{path}: {place}: {error}; expected a complete CORSIKA 7 particle file, from RUNH to RUNE, and nothing behind "
            "it but zeros or another run. Copy the file again or leave it out."
        ) from error


def _place(name: str, words: np.ndarray, place: str) -> str:
    """Return where the reader is after a sub-block, in words."""
    number = f"{words[0, 1]:.9g}"
    places = {"RUNH": "before the first shower", "EVTH": f"in shower {number}", "EVTE": f"after shower {number}"}
    return (places | {"RUNE": f"behind the end of run {number}"}).get(name, place)


def _check_order(place: str, name: str, words: np.ndarray, state: str) -> None:
    """Raise DataError for a sub-block that cannot stand where it does. Zeros outside a shower are padding."""
    if state in _FROM[name] or (name == PARTICLES and not words.view("<u4").any()):
        return
    if state == ENDED:
        raise DataError(
            f"{place}: {name or 'bytes that are not zero'}, expected the end of the file, zeros or the run header (RUNH) of "
            "another run; the file is damaged: copy it again or leave it out."
        )
    raise DataError(
        f"{place}: {name or 'particles'} {'inside' if state == INSIDE else 'outside'} a shower, expected RUNH, then EVTH, "
        "particles, LONG, EVTE for each shower, then RUNE. The file is damaged: copy it again or leave it out."
    )


def check_start(path: Path, head: bytes) -> tuple[bool, bool]:
    """Return whether the file is thinned and whether it has record markers. Raises DataError for foreign files.

    The record marker tells thinned from plain files; the name of the second sub-block must agree.
    """
    if head[4:8] == b"RUNH":
        (marker,) = struct.unpack("<i", head[:4])
        if marker not in RECORD_MARKERS:
            raise DataError(
                f"{path}: start of file: record marker {marker} given, expected 22932 (plain) or 26208 (thinned); "
                "convert it on the kind of machine that wrote it, or write it again with CORSIKA's default output."
            )
        thinned, start = RECORD_MARKERS[marker], 4
    elif head[:4] == b"RUNH":  # no Fortran records: only the content can tell
        thinned, start = head[4 * WORDS[True] :][:4] in (b"EVTH", b"RUNE"), 0
    else:
        given = foreign.what(head) or f"{head[:8]!r} given"
        raise DataError(
            f"{path}: start of file: {given}; expected a record marker and RUNH. "
            "This is not a CORSIKA 7 particle file: check --source or `kind:`."
        )
    found = {key: head[start + 4 * words :][:4] for key, words in WORDS.items()}
    if found[thinned] not in (b"EVTH", b"RUNE"):
        if found[not thinned] in (b"EVTH", b"RUNE"):
            names = {False: "plain", True: "thinned"}
            raise DataError(
                f"{path}: first record: its marker says {names[thinned]}, its content is {names[not thinned]}; "
                "expected both to agree. The file was damaged or rewritten: get the original."
            )
        raise DataError(
            f"{path}: first record: {found[thinned]!r} after the run header, expected EVTH; "
            "the file is damaged or cut short: copy it again or leave it out."
        )
    return thinned, start == 4


def corsika_reason(path: Path) -> str:
    """Return '' if the file, once uncompressed, starts as a CORSIKA 7 file, else why not."""
    if path.is_dir():
        return "a folder, expected a file"
    try:
        check_start(path, _head(path))
    except (DataError, _BrokenStreamError) as error:
        return str(error).removeprefix(f"{path}: ")
    return ""


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, uncompressed: the first record as far as its second sub-block's name."""
    head = bytearray(4 + 4 * WORDS[True] + 4)
    try:
        with open_stream(path) as stream:
            size, error = _fill(stream, memoryview(head))
    except OSError as failure:
        raise _BrokenStreamError(str(failure)) from failure
    if error and size == 0:
        raise error
    return bytes(head[:size])


def _read(stream: Stream, words: int, marked: bool) -> Iterator[np.ndarray]:
    """Yield the sub-blocks float32 (n, words) of up to RECORDS records, markers checked and removed."""
    length = BLOCKS_PER_RECORD * words + 2 * marked
    buffers = itertools.cycle([np.empty((RECORDS, length), "<f4"), np.empty((RECORDS, length), "<f4")])
    blocks = np.empty((RECORDS, BLOCKS_PER_RECORD * words), "<f4")
    unit = 4 * length if marked else 4 * words  # without markers the file may end after any sub-block
    while True:
        buffer = next(buffers)
        size, error = _fill(stream, buffer.data.cast("B"))
        number = size // unit
        if marked:
            records = buffer[:number]
            markers = np.ascontiguousarray(records[:, [0, -1]]).view("<i4")
            good = int(np.argmin([*(markers == 4 * BLOCKS_PER_RECORD * words).all(axis=1), False]))
            np.copyto(blocks[:good], records[:good, 1:-1])
            yield blocks[:good].reshape(-1, words)
            if good < number:
                raise _BrokenStreamError("a record without its markers", _zeros(buffer, good * unit, size, stream))
        else:
            yield buffer.reshape(-1, words)[:number]
        if error:
            raise error
        if size % unit:
            zeros = _zeros(buffer, number * unit, size, stream)
            raise _BrokenStreamError("the file seems to be truncated: its last record is not whole", zeros)
        if size == 0:
            return


def _zeros(buffer: np.ndarray, start: int, stop: int, stream: Stream) -> bool:
    """Whether bytes `start` to `stop` of the buffer and all that is left in the stream are zeros."""
    rest = buffer.data.cast("B")
    while not np.frombuffer(rest[start:stop], np.uint8).any():
        if start == stop:
            return True
        size, error = _fill(stream, rest)
        start, stop = 0, size
        if error:
            return False
    return False


def _fill(stream: Stream, view: memoryview) -> tuple[int, _BrokenStreamError | None]:
    """Read until `view` is full or the stream ends; return the number of bytes and what went wrong after them."""
    size = 0
    # readinto would lose, with an error, what was uncompressed before it
    read: Callable[[memoryview], int | None] = getattr(stream, "readinto1", stream.readinto)
    try:
        while size < len(view) and (count := read(view[size:])):
            size += count
    except (OSError, EOFError, zlib.error) as error:
        return size, _BrokenStreamError(str(error))
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # named, so that zstandard is imported only for zstd files
            raise
        return size, _BrokenStreamError(str(error))
    return size, None


def _named(pieces: Iterator[np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Cut sub-blocks (n, words) into named ones and runs of particles."""
    for blocks in pieces:
        names = np.ascontiguousarray(blocks[:, 0]).view("<u4")
        end = 0
        for index in np.flatnonzero((names >= _FIRST_NAME) & (names <= _LAST_NAME)).tolist():
            if int(names[index]) not in _NAMES:
                continue
            if index > end:
                yield PARTICLES, blocks[end:index]
            yield _NAMES[int(names[index])], blocks[index : index + 1]
            end = index + 1
        if end < len(blocks):
            yield PARTICLES, blocks[end:]
