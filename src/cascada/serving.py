"""Use an exported model: probabilities for any number of showers, streamed with constant memory.

model = Model("artifacts/model")
probability = model.probabilities(images)  # raw energies, float32 (n, C, 80, 80) [GeV] → (n, K)

Only model.json and model.onnx are read here, formats that can hold no code; PyTorch is not needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cascada import classes
from cascada.data import sources
from cascada.data.format import (
    EVENTS,
    IMAGE_SIZE,
    IMAGES,
    NO_LABEL,
    Header,
    SourceRow,
    open_showers,
    read_events,
    read_header,
    read_sources,
)
from cascada.errors import ConfigError, DataError
from cascada.exported import ONNX, read_content
from cascada.files import atomic_path, sha256

BATCH = 128  # showers computed and held at a time
ROWS = 4096  # of results, a few numbers each, written at a time
COLUMNS = ("event_id", "primary", "true_energy", "muons")  # copied from the events
UNITS = {"true_energy": "GeV"}


class Model:
    """An exported folder, ready to run with ONNX Runtime on the processor.

    Attributes: `content` (of model.json), `channels`, `classes`, `signal`. Raises DataError for a folder that is none.
    """

    def __init__(self, folder: str | os.PathLike, threads: int | None = None):
        import onnxruntime

        self.folder = Path(folder)
        self.content = read_content(self.folder)
        self.channels = tuple(self.content["input"]["channels"])
        self.classes = tuple(self.content["output"]["classes"])
        self.signal = self.classes[classes.index(self.classes, self.content["output"].get("signal", ""))]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        options.log_severity_level = 3
        path = self.folder / ONNX
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no base of their own
            raise DataError(f"{path}: not a readable model ({error}); get the folder again (`dvc pull`).") from error

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Take raw images float32 (n, C, 80, 80) [GeV], return probabilities float32 (n, K)."""
        return self._session.run(None, {"images": images})[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to predict on. `source`: kind of the raw files, "" finds it out; `options`: the source's own."""

    source: str = ""
    options: dict[str, Any] | None = None


@dataclass(slots=True)
class _Input:
    """One file to predict on: its rows of `/sources`, whether it is surrogate, and its blocks of showers."""

    rows: list[SourceRow]
    blocks: Iterator[tuple[np.ndarray, np.ndarray]]


def predict(
    model: Model,
    inputs: Sequence[Path],
    output: Path,
    request: Request | None = None,
    progress: Callable[[int, int], None] | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> int:
    """Write the probabilities of all showers of the inputs; return their number. `output` appears when all is done.

    Inputs are files of showers (data model 1 or 2) or raw files of any source. `progress` counts thousandths of the inputs.
    Raises DataError for an input that cannot be read, has other channels, or holds values that are not finite.
    """
    request = request or Request()
    if not inputs:
        raise DataError(f"{output}: no input given, at least one is needed.")
    number, rows = 0, []
    with atomic_path(output) as temporary, h5py.File(temporary, "w") as file:
        writer = _Writer(file, model)
        for index, path in enumerate(inputs):
            part = None if progress is None else _part(progress, index, len(inputs))
            opened = _open(path, model, request, part, warn)
            before = number
            for images, events in opened.blocks:
                for first in range(0, len(events), BATCH):
                    batch, chosen = images[first : first + BATCH], events[first : first + BATCH]
                    _check(path, batch, number - before)
                    writer.append(model.probabilities(batch), chosen, len(rows))
                    number += len(chosen)
            if number == before:
                raise DataError(f"{path}: no shower in it, expected at least one; leave it out.")
            for row in opened.rows:
                row.events = row.events or number - before  # a raw file's number is known only now
            rows += opened.rows
        writer.finish(rows)
    return number


def _open(path: Path, model: Model, request: Request, progress: Callable | None, warn: Callable) -> _Input:
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; give simulation files or a file of showers.")
    if not request.source and _is_showers(path):
        return _open_showers(path, model, progress, warn)
    kind = request.source or sources.detect(path)
    module = sources.source(kind)
    if hasattr(module, "Run"):
        raise ConfigError(
            f"--source {kind}: this source makes showers and reads no files; use `cascada convert` first."
        )
    settings = {"altitude": model.content["input"]["observation_altitude_m"]} | (request.options or {})
    settings["channels"] = list(model.channels)
    options = sources.make_options(kind, settings)
    _compare_altitude(path, options.altitude, model, warn)
    blocks = ((block.images, block.events) for block in module.showers(path, options, progress))
    digest = sha256(path) if path.is_file() else ""
    return _Input([SourceRow(file=path.name, sha256=digest, kind=kind, events=0)], blocks)


def _is_showers(path: Path) -> bool:
    try:
        with h5py.File(path, "r", locking=False) as file:
            return "data_model_version" in file.attrs
    except OSError:
        return False


def _open_showers(path: Path, model: Model, progress: Callable | None, warn: Callable) -> _Input:
    with open_showers(path) as file:
        header, rows = read_header(file), read_sources(file)
    missing = [name for name in model.channels if name not in header.channels]
    if missing:
        raise DataError(
            f"{path}: channels {list(header.channels)} given, the model needs {list(model.channels)}; "
            "convert the raw files with these channels."
        )
    _compare_altitude(path, header.observation_altitude, model, warn)
    return _Input(rows, _blocks(path, header, model.channels, progress))


def _blocks(path: Path, header: Header, channels: tuple, progress: Callable | None) -> Iterator:
    places = [header.channels.index(name) for name in channels]
    with open_showers(path) as file:
        images, total = file[IMAGES], len(file[EVENTS])
        for start in range(0, total, BATCH):
            block = images[start : start + BATCH]
            if header.channels != channels:
                block = np.ascontiguousarray(block[:, places])
            yield block, read_events(file, slice(start, start + BATCH))
            if progress:
                progress(min(start + BATCH, total), total)


def _compare_altitude(path: Path, altitude: float, model: Model, warn: Callable) -> None:
    expected = model.content["input"]["observation_altitude_m"]
    if abs(altitude - expected) > 1:
        warn(
            f"{path}: observed at {altitude:g} m, the model was trained for {expected:g} m: its probabilities may be off"
        )


def _check(path: Path, images: np.ndarray, first: int) -> None:
    if images.shape[1:] != (images.shape[1], IMAGE_SIZE, IMAGE_SIZE) or images.dtype != np.float32:
        raise DataError(f"{path}: images {images.dtype} {images.shape[1:]} given, float32 (C, 80, 80) expected.")
    if not np.isfinite(images.sum()):  # one pass without a temporary
        bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
        if len(bad):
            raise DataError(f"{path}: image {first + int(bad[0])} holds a value that is not finite; repair the file.")


def _part(progress: Callable, index: int, inputs: int) -> Callable[[int, int], None]:
    return lambda done, total: progress(int(1000 * (index + done / max(total, 1))), 1000 * inputs)


class _Writer:
    """Append rows to /probability and the columns of the events, many at a time; the layout is in docs/publishing.md."""

    def __init__(self, file: h5py.File, model: Model):
        self._file, self._model, self._rows = file, model, 0
        self._waiting: list[dict[str, np.ndarray]] = []
        self._datasets: dict[str, h5py.Dataset] = {}

    def append(self, probability: np.ndarray, events: np.ndarray, source_offset: int) -> None:
        columns = {"probability": probability} | {name: events[name] for name in COLUMNS}
        columns |= {"label": self._labels(events["primary"]), "source": events["source"] + source_offset}
        self._waiting.append(columns)
        if sum(len(part["label"]) for part in self._waiting) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        stop = self._rows + sum(len(part["label"]) for part in self._waiting)
        for name in self._waiting[0]:
            values = np.concatenate([part[name] for part in self._waiting])
            if name not in self._datasets:
                shape = values.shape[1:]
                self._datasets[name] = self._file.create_dataset(
                    name, (0, *shape), values.dtype, maxshape=(None, *shape), chunks=(ROWS, *shape)
                )
                if name in UNITS:
                    self._datasets[name].attrs["unit"] = UNITS[name]
            self._datasets[name].resize(stop, axis=0)
            self._datasets[name][self._rows :] = values
        self._rows, self._waiting = stop, []

    def _labels(self, primaries: np.ndarray) -> np.ndarray:
        """The model's own labels of the true primaries, whatever labels the file has; -1 where it knows no such class."""
        labels = np.full(len(primaries), NO_LABEL, "<i2")
        for code, label in classes.labels(self._model.content["classes"]).items():
            labels[primaries == code] = label
        return labels

    def finish(self, rows: list[SourceRow]) -> None:
        from cascada.data.format import write_sources
        from cascada.provenance import provenance

        self._flush()
        write_sources(self._file, rows)
        attributes, content = self._file.attrs, self._model.content
        attributes.create("classes", list(self._model.classes), dtype=h5py.string_dtype())
        attributes["signal"] = self._model.signal
        attributes["model"] = str(content["configuration"])
        attributes["model_version"] = (content.get("published") or {}).get("version", "")
        attributes["model_sha256"] = sha256(self._model.folder / ONNX)
        attributes["surrogate"] = any(row.kind == "surrogate" for row in rows) or content["data"]["surrogate"]
        attributes["provenance"] = json.dumps(provenance())
