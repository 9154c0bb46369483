"""Use an exported model: probabilities for any number of showers, streamed with constant memory.

model = Model("artifacts/model")
probability = model.probabilities(images)  # raw energies, float32 (n, C, 80, 80) [GeV] → (n, K)

Only model.json and model.onnx are read here, formats that can hold no code; PyTorch is not needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cascada.core import classes
from cascada.core.errors import DataError
from cascada.core.files import atomic_path, sha256
from cascada.data.format import NO_LABEL, SourceRow, new_events
from cascada.data.quantities import QUANTITIES, quantities
from cascada.data.skipped import Skipped, write_skipped
from cascada.export.folder import ONNX, get_again, read_content
from cascada.export.prediction_inputs import BATCH, Watch, given_twice, open_input, part

SHARE = 16  # showers that a thread computes at a time
ROWS = 4096  # of results, a few numbers each, written at a time
COLUMNS = ("event_id", "shower_id", "run", "event", "primary", "true_energy", "muons")  # copied from the events
UNITS = {"true_energy": "GeV"}


class Model:
    """An exported folder, ready to run with ONNX Runtime on the processor.

    Attributes: `content` (of model.json), `channels`, `classes`, `signal`, `batch` (showers computed at a time).
    Raises DataError if the folder is not an exported model.
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
        # small, so that the layers' outputs stay in the caches, but with work for every thread
        self.batch = min(BATCH, max(2, options.intra_op_num_threads) * SHARE)
        options.log_severity_level = 3
        path = self.folder / ONNX
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no base of their own
            raise DataError(f"{path}: not a readable model ({error}); {get_again(path.parent)}.") from error

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Take raw images float32 (n, C, 80, 80) [GeV], return probabilities float32 (n, K)."""
        return self._session.run(None, {"images": images})[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to predict on. `source`: kind of the raw files, detected if ""; `options`: the source's own.

    `may_be_empty`: whether an output without showers is written where every input was skipped.
    """

    source: str = ""
    options: dict[str, Any] | None = None
    may_be_empty: bool = False


def predict(
    model: Model,
    inputs: Sequence[Path],
    output: Path,
    request: Request | None = None,
    progress: Callable[[int, int], None] | None = None,
    warn: Callable[[str], None] = lambda text: None,
    skip: Callable[[Skipped], None] | None = None,
) -> int:
    """Write the probabilities of all showers of the inputs; return their number. `output` appears when all is done.

    Inputs are files of showers (data model 1 or 2) or raw files of any source. `progress` counts thousandths of the inputs.
    Raises DataError for an input that cannot be read, is given twice, has other channels, or holds values that are not
    finite; with `skip`, that input is left out, listed in `/skipped`, and told to it.
    """
    if not inputs:
        raise DataError(f"{output}: no input given, at least one is needed.")
    job = _Job(model, request or Request(), warn, given_twice(inputs))
    if job.twice and skip is None:
        raise DataError(next(iter(job.twice.values())))
    with atomic_path(output) as temporary, h5py.File(temporary, "w") as file:
        writer = _Writer(file, model)
        for index, path in enumerate(inputs):
            before, sources_before = len(writer), len(job.rows)
            try:
                job.run(index, path, writer, part(progress, index, len(inputs)))
            except DataError as error:
                if skip is None:
                    raise
                writer.take_back(before)
                del job.rows[sources_before:]
                job.skipped.append(Skipped(file=path.name, kind=job.request.source, reason=str(error)))
                skip(job.skipped[-1])
        if not len(writer) and not job.request.may_be_empty:
            raise DataError(
                f"{output}: not written, every input was skipped, the first because of: {job.skipped[0].reason}"
            )
        writer.finish(job.rows, job.skipped)
    return len(writer)


@dataclass(slots=True)
class _Job:
    """What the inputs of one `predict` share. `twice`: of those that are given twice, by their place."""

    model: Model
    request: Request
    warn: Callable[[str], None]
    twice: dict[int, str]
    rows: list[SourceRow] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def run(self, index: int, path: Path, writer: _Writer, progress: Callable[[int, int], None] | None) -> None:
        """Append one input's probabilities."""
        if index in self.twice:
            raise DataError(self.twice[index])
        opened = open_input(path, self.model, self.request, progress, self.warn)
        self._check_copies(path, opened.rows)
        watch = Watch(self.model.content["data"].get("ranges") or {})
        for images, events in opened.blocks:
            for first in range(0, len(events), self.model.batch):
                rows = slice(first, first + self.model.batch)
                watch.look(path, images[rows], events[rows])
                writer.append(
                    self.model.probabilities(images[rows]), quantities(images[rows]), events[rows], len(self.rows)
                )
        if not watch.showers:
            raise DataError(f"{path}: no shower in it, expected at least one; leave it out.")
        for sentence in watch.sentences(path):
            self.warn(sentence)
        for row in opened.rows:
            row.events = row.events or watch.showers  # a raw file's number is known only now
        self.rows += opened.rows

    def _check_copies(self, path: Path, rows: list[SourceRow]) -> None:
        """Raise DataError for a raw file whose bytes are those of an earlier one; files of showers may share their sources."""
        digest = rows[0].sha256 if len(rows) == 1 and not rows[0].events else ""
        for row in self.rows if digest else ():
            if row.sha256 == digest:
                raise DataError(f"{path}: is a copy of {row.file}, so its showers would occur twice; give it once.")


class _Writer:
    """Append rows to /probability and the columns of the events, many at a time; the layout is in docs/publishing.md."""

    def __init__(self, file: h5py.File, model: Model):
        self._file, self._model = file, model
        self._rows = self._number = 0  # written, and in all
        self._waiting: list[dict[str, np.ndarray]] = []
        self._datasets: dict[str, h5py.Dataset] = {}

    def append(
        self, probability: np.ndarray, watched: dict[str, np.ndarray], events: np.ndarray, source_offset: int
    ) -> None:
        columns = {"probability": probability} | watched | {name: events[name] for name in COLUMNS}
        columns |= {"label": self._labels(events["primary"]), "source": events["source"] + source_offset}
        self._waiting.append(columns)
        self._number += len(events)
        if self._number - self._rows >= ROWS:
            self._flush()

    def __len__(self) -> int:
        return self._number

    def take_back(self, number: int) -> None:
        """Forget all rows but the first `number`."""
        self._flush()
        for dataset in self._datasets.values():
            dataset.resize(number, axis=0)
        self._rows = self._number = number

    def _flush(self) -> None:
        if not self._waiting:
            return
        stop = self._number
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

    def finish(self, rows: list[SourceRow], skipped: list[Skipped]) -> None:
        from cascada.core.provenance import provenance
        from cascada.data.format import write_sources

        if not self._number:  # the columns are there although every input was skipped
            nothing = np.empty((0, len(self._model.classes)), np.float32)
            self.append(nothing, dict.fromkeys(QUANTITIES, nothing[:, 0]), new_events(0), 0)
        self._flush()
        write_sources(self._file, rows)
        write_skipped(self._file, skipped)
        attributes, content = self._file.attrs, self._model.content
        attributes.create("classes", list(self._model.classes), dtype=h5py.string_dtype())
        attributes["signal"] = self._model.signal
        attributes["model"] = str(content["configuration"])
        attributes["model_version"] = (content.get("published") or {}).get("version", "")
        attributes["model_sha256"] = sha256(self._model.folder / ONNX)
        attributes["surrogate"] = any(row.kind == "surrogate" for row in rows) or content["data"]["surrogate"]
        attributes["provenance"] = json.dumps(provenance())
