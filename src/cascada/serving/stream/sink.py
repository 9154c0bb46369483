"""Answers as HDF5, in segments: each is written whole and renamed, so that a crash loses at most the one that was being filled."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import DataError
from cascada.core.files import atomic_path
from cascada.serving.stream.messages import Sent

ROWS = 4096  # of a segment at most


@dataclass(slots=True)
class Sink:
    """Writes `answers-000001.h5` and so on into a folder; counts on from those that are there."""

    folder: Path
    classes: tuple[str, ...]
    seconds: float  # after which a segment ends although it is not full
    _rows: list[tuple[Sent, np.ndarray, str]] = field(default_factory=list)
    _begun: float = 0.0
    _number: int = 0

    def __post_init__(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.folder}: cannot be made ({error.strerror}); give another folder.") from error
        if not os.access(self.folder, os.W_OK):
            raise DataError(f"{self.folder}: cannot be written; give another folder.")
        numbers = [
            int(path.stem.rpartition("-")[2])
            for path in self.folder.glob("answers-[0-9]*.h5")
            if path.stem[8:].isdigit()
        ]
        self._number = max(numbers, default=0)

    def add(self, sent: Sent, probabilities: np.ndarray, model: str, now: float) -> None:
        """Keep one answer; `now` by a clock that does not jump."""
        if not self._rows:
            self._begun = now
        self._rows.append((sent, probabilities, model))
        self.tick(now)

    def tick(self, now: float) -> None:
        """End a segment that is full, or old enough."""
        if len(self._rows) >= ROWS or (self._rows and now - self._begun >= self.seconds):
            self.flush()

    def flush(self) -> None:
        """Write what there is as a segment."""
        if not self._rows:
            return
        self._number += 1
        sent, probabilities, models = zip(*self._rows, strict=True)
        with (
            atomic_path(self.folder / f"answers-{self._number:06d}.h5") as temporary,
            h5py.File(temporary, "w") as file,
        ):
            file["probability"] = np.stack(probabilities)
            file["station"] = np.array([one.station for one in sent], h5py.string_dtype())
            file["sequence"] = np.array([one.sequence for one in sent], np.int64)
            file["time"] = np.array([one.time for one in sent], np.float64)
            file["time"].attrs["unit"] = "s since 1970-01-01 UTC, by the station's clock"
            file["model"] = np.array(models, h5py.string_dtype())
            file.attrs.create("classes", list(self.classes), dtype=h5py.string_dtype())
        self._rows = []
