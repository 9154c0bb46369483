"""Answers as HDF5, in segments: each is written whole and renamed, so that a crash loses at most the one that was being filled.

What cannot be written, since the disk is full or the folder has gone, is kept and tried again, up to KEPT answers.
"""

import io
import itertools
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import DataError
from cascada.core.files import atomic_path
from cascada.serving.stream.messages import Sent

ROWS = 4096  # of a segment at most
KEPT = 16 * ROWS  # answers that may wait for the disk
AGAIN = 5.0  # s after which a write that failed is tried again

Row = tuple[Sent, np.ndarray, str]


@dataclass(slots=True)
class Sink:
    """Writes `answers-000001.h5` and so on into a folder; counts on from those that are there. `told` hears of trouble and of its end."""

    folder: Path
    classes: tuple[str, ...]
    seconds: float  # after which a segment ends although it is not full
    may_lose: bool  # the oldest answer where KEPT wait; if not, nobody may add when it is `full`
    told: Callable[[str], None] = lambda sentence: None
    lost: int = 0  # answers that were let go, since too many waited
    trouble: str = ""  # why the last write failed
    _rows: deque[Row] = field(default_factory=deque)
    _begun: float = 0.0
    _again: float = 0.0
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

    @property
    def unwritten(self) -> int:
        """Answers that are not written yet."""
        return len(self._rows)

    @property
    def full(self) -> bool:
        return len(self._rows) >= KEPT

    def add(self, sent: Sent, probabilities: np.ndarray, model: str, now: float) -> None:
        """Keep one answer, and let the oldest go where too many wait and that is allowed; `now` by a clock that does not jump."""
        if not self._rows:
            self._begun = now
        if self.full and self.may_lose:
            self._rows.popleft()
            self.lost += 1
        self._rows.append((sent, probabilities, model))
        self.tick(now)

    def tick(self, now: float) -> None:
        """End a segment that is full, or old enough."""
        due = len(self._rows) >= ROWS or (self._rows and now - self._begun >= self.seconds)
        if due and now >= self._again and not self.flush():
            self._again = now + AGAIN

    def flush(self) -> bool:
        """Write what there is, as segments; return whether that was possible."""
        while self._rows:
            rows = list(itertools.islice(self._rows, ROWS))
            try:
                self._write(rows)
            except OSError as error:
                self._say(error.strerror or str(error))
                return False
            for _ in rows:
                self._rows.popleft()
        if self.trouble:
            self.trouble = ""
            self.told(f"{self.folder}: answers are written again, {self.lost} were lost")
        return True

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            then = "older ones are let go" if self.may_lose else "the stations wait"
            self.told(
                f"{self.folder}: answers cannot be written ({trouble}); {KEPT} are kept until that is mended, then {then}"
            )

    def _write(self, rows: Sequence[Row]) -> None:
        """One segment, made in memory: HDF5 does not let go of a file that it could not finish."""
        content = io.BytesIO()
        sent, probabilities, models = zip(*rows, strict=True)
        with h5py.File(content, "w") as file:
            file["probability"] = np.stack(probabilities)
            file["station"] = np.array([one.station for one in sent], h5py.string_dtype())
            file["sequence"] = np.array([one.sequence for one in sent], np.int64)
            file["time"] = np.array([one.time for one in sent], np.float64)
            file["time"].attrs["unit"] = "s since 1970-01-01 UTC, by the station's clock"
            file["model"] = np.array(models, h5py.string_dtype())
            file.attrs.create("classes", list(self.classes), dtype=h5py.string_dtype())
        with atomic_path(self.folder / f"answers-{self._number + 1:06d}.h5") as temporary:
            temporary.write_bytes(content.getbuffer())
        self._number += 1
