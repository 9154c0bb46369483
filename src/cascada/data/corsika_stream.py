"""The bytes of a CORSIKA 7 file, uncompressed on the way, whose checksum is made while they are read."""

from __future__ import annotations

import gzip
import io
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from concurrent.futures import Future

    from _typeshed import WriteableBuffer
    from zstandard import ZstdDecompressionObj

Stream = io.RawIOBase | io.BufferedIOBase
ZSTD_PIECE = 2048  # compressed bytes at a time, which are at most some 64 MB of others


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes | memoryview, /) -> None: ...


class _Digested(io.FileIO):
    """A file whose bytes go to a digest while they are read: reading it twice would cost a quarter of the time.

    The digest is made in a thread of its own, beside the work with the bytes, unless `wait` is set. What a call of
    `readinto` has filled must then stay as it is until the next but one: `_read` uses two buffers in turns.
    """

    def __init__(self, path: Path, digest: Digest, wait: bool):
        super().__init__(path)
        self._digest, self._waiting = digest, 0 if wait else 1
        self._pool = ThreadPoolExecutor(1)
        self._running: deque[Future[None]] = deque()

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._finish(self._waiting)
        size = super().readinto(buffer)
        self._running.append(self._pool.submit(self._digest.update, memoryview(buffer)[:size]))
        self._finish(self._waiting)
        return size

    def _finish(self, left: int) -> None:
        while len(self._running) > left:
            self._running.popleft().result()

    def close(self) -> None:
        self._finish(0)
        self._pool.shutdown()
        super().close()


def open_stream(path: Path, digest: Digest | None = None) -> Stream:
    """Open a file, uncompressed on the way if its first bytes say gzip or zstd, whatever its name."""
    with path.open("rb") as file:
        magic = file.read(4)
    packed = magic[:2] == b"\x1f\x8b" or magic == b"\x28\xb5\x2f\xfd"
    if not packed:
        return path.open("rb") if digest is None else _Digested(path, digest, wait=False)
    file = path.open("rb") if digest is None else io.BufferedReader(_Digested(path, digest, wait=True))
    return _Gzip(file) if magic[:2] == b"\x1f\x8b" else io.BufferedReader(_Zstd(file))


class _Zstd(io.RawIOBase):
    """The uncompressed bytes of a zstd file: of every frame in it, and an EOFError where the last one is not whole.

    zstandard's own reader ends in silence where a frame is cut off.
    """

    def __init__(self, file: BinaryIO):
        from zstandard import ZstdDecompressor

        self._file, self._new = file, ZstdDecompressor().decompressobj
        self._frame: ZstdDecompressionObj | None = None
        self._input, self._output = b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not self._output:
            if not self._input:
                self._input = self._file.read(ZSTD_PIECE)
            if not self._input and self._frame is None:
                return 0
            if not self._input:
                raise EOFError("Compressed file ended inside a zstd frame")
            frame = self._frame = self._frame or self._new()
            self._output = memoryview(frame.decompress(self._input))
            self._input = b""
            if frame.eof:
                self._input, self._frame = frame.unused_data, None
        view = memoryview(buffer)
        size = min(len(view), len(self._output))
        view[:size] = self._output[:size]
        self._output = self._output[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


class _Gzip(gzip.GzipFile):
    """One that closes its file."""

    def __init__(self, file: BinaryIO):
        self._below = file
        super().__init__(fileobj=file)

    def close(self) -> None:
        super().close()
        self._below.close()
