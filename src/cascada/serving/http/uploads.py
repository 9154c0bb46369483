"""What people send to `/predict`: JSON, NPZ, and files of showers or raw simulations, as images and what is known of each shower.

Arrays are read here, after their sizes were checked. Files go to a process of their own (`decoding.py`), with limits on memory and time: the
readers of HDF5 and Parquet are written in C, and what a stranger sends must not end the server.
"""

import asyncio
import io
import json
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cascada.data.format import IMAGE_SIZE
from cascada.serving.http import protocol
from cascada.serving.http.errors import Refused, bad, too_large
from cascada.serving.http.settings import Limits

ARRAY = "images"  # in JSON and NPZ
ZIP = b"PK\x03\x04"
KNOWN = (
    "event_id",
    "primary",
    "true_energy",
    "zenith",
    "azimuth",
    "core_x",
    "core_y",
    "muons",
)  # of a shower in a file


@dataclass(frozen=True, slots=True)
class Upload:
    """`images`: float32 (n, C, 80, 80) [GeV]; `showers`: what the file says of each, maybe nothing; `warnings`: sentences."""

    images: np.ndarray
    showers: list[dict[str, Any]]
    warnings: list[str] = field(default_factory=list)


def from_json(body: bytes, channels: tuple[str, ...], limits: Limits) -> Upload:
    """`{"images": …}` with nested lists (80, 80), (C, 80, 80) or (n, C, 80, 80). Raises Refused."""
    try:
        content = json.loads(body)
        values = np.asarray(content[ARRAY])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise bad(
            f'Expected JSON {{"{ARRAY}": numbers}} with the shape (showers, channels, 80, 80) ({type(error).__name__}).'
        ) from error
    return _of_array(values, channels, limits)


def from_npz(body: bytes, channels: tuple[str, ...], limits: Limits) -> Upload:
    """An archive of NumPy with the array `images`; nothing is unpacked before its size is known. Raises Refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            member = archive.getinfo(f"{ARRAY}.npy")
            if member.file_size > limits.bytes:
                raise too_large(f"{ARRAY} takes {member.file_size} bytes unpacked, at most {limits.bytes} are allowed.")
            with archive.open(member) as file:
                content = file.read(limits.bytes + 1)
        if len(content) > limits.bytes:  # what an archive says of itself may be wrong
            raise too_large(f"{ARRAY} takes more than {limits.bytes} bytes unpacked, which are allowed.")
        values = _array(content)
    except KeyError:
        raise bad(f"The NPZ file has no array {ARRAY!r}.") from None
    except (
        ValueError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise bad(f"Not a readable NPZ file ({type(error).__name__}).") from error
    return _of_array(values, channels, limits)


def _array(content: bytes) -> np.ndarray:
    """An array in NumPy's format whose header promises no more than there is."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if (
        dtype.hasobject
        or int(np.prod([int(size) for size in shape], dtype=object)) * dtype.itemsize != len(content) - file.tell()
    ):
        raise ValueError("another size than its header says")
    return np.load(io.BytesIO(content), allow_pickle=False)


def _of_array(values: np.ndarray, channels: tuple[str, ...], limits: Limits) -> Upload:
    if values.dtype.kind not in "iuf":
        raise bad(f"{ARRAY}: expected numbers, got {values.dtype}.")
    if values.shape == (IMAGE_SIZE, IMAGE_SIZE):
        values = values[np.newaxis]
    if values.ndim == 3:
        values = values[np.newaxis]
    protocol.check_shape(values.shape, channels, limits.showers)
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(values, np.float32)
    protocol.check_values(images)
    blank = int((~images.any(axis=(1, 2, 3))).sum())
    said = f"{blank} of {len(images)} images are blank: their probabilities say nothing about the showers"
    return Upload(images, [{} for _ in images], [said] if blank else [])


async def from_file(body: bytes, kind: str, model: Path, limits: Limits) -> Upload:
    """A file of showers, or raw simulations of a `kind` (detected if ""), read by another process. Raises Refused.

    The server chooses the file's name, in a folder that only its user can read.
    """
    with tempfile.TemporaryDirectory(prefix="cascada-upload-") as name:
        folder = Path(name)
        await asyncio.to_thread((folder / "upload").write_bytes, body)
        said = await _decode(folder, kind, model, limits)
        if "error" in said:
            raise Refused(said.get("status", 422), "file", said["error"])
        with (folder / "images.npy").open("rb") as file:
            images = np.load(file, allow_pickle=False)
    protocol.check_values(images)
    return Upload(images, said["showers"], said["warnings"])


async def _decode(folder: Path, kind: str, model: Path, limits: Limits) -> dict[str, Any]:
    arguments = [str(folder), kind, str(model.absolute()), str(limits.showers), str(limits.seconds)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cascada.serving.http.decoding", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    try:
        async with asyncio.timeout(limits.seconds):
            await process.wait()
    except TimeoutError:
        raise Refused(
            422,
            "file",
            f"The file was not read within {limits.seconds:g} s; send a smaller one, or use `cascada predict`.",
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return json.loads((folder / "said.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {
            "error": "The file could not be read: its reader ended in the middle. Is it damaged, or larger than the server's limits?"
        }
