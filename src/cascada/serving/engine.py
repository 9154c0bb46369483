"""The version of a model that answers, and perhaps another in its shadow. Loading checks before it takes over.

A version is complete, has the hashes that its folder records, and gives its probe showers the probabilities that it gave when it was exported:
otherwise the one before stays. What a version computes with lies in memory, so that its folder may be replaced.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import CascadaError, DataError
from cascada.core.files import sha256
from cascada.export.folder import CARD, ONNX, PROBE, SUMS, TOLERANCE, get_again
from cascada.export.predict import SHARE, Model
from cascada.export.probe import read_probe
from cascada.export.scores import Scores, read_scores
from cascada.export.verify import check_hashes
from cascada.serving.window import Window


@dataclass(frozen=True, slots=True)
class Version:
    """One loaded model. `number`: as published, its configuration where it is not; `stamp`: of the files that it came from."""

    model: Model
    number: str
    sha256: str
    stamp: tuple
    loaded: float  # s since the epoch
    card: str  # Markdown
    window: Window  # of the showers that it has answered
    examples: list[
        tuple[dict, np.ndarray]
    ]  # validation showers that came with it: what is known of each, its image (C, 80, 80)
    tested: Scores | None  # of its sealed showers; a folder of format 1 has none

    @property
    def experiment(self) -> str:
        return str(self.model.content["experiment"])


def stamp(folder: Path) -> tuple:
    """What changes when the folder, or where a link to it leads, is replaced; () while it is not there."""
    try:
        state = (folder / SUMS).stat()
    except OSError:
        return ()
    return (str(folder.resolve()), state.st_ino, state.st_mtime_ns, state.st_size)


def load(folder: Path, threads: int | None = None) -> Version:
    """Raises DataError for a folder that is not complete, is damaged, or computes something else than it records."""
    try:
        return _load(folder, threads)
    except CascadaError:
        raise
    except Exception as error:  # a folder that only looks like an exported one, or is replaced at this moment
        raise DataError(f"{folder}: cannot be used ({type(error).__name__}: {error}); {get_again(folder)}.") from error


def _load(folder: Path, threads: int | None) -> Version:
    found = stamp(folder)
    model = Model(folder, threads)  # a folder that is no model is told first
    for check in check_hashes(folder):
        if not check.passed:
            raise DataError(f"{folder / check.name}: {check.found}; {get_again(folder)}.")
    images, expected, _ = read_probe(folder)
    answer = model.probabilities(images)
    if answer.shape != expected.shape or not np.abs(answer - expected).max() <= TOLERANCE:
        raise DataError(
            f"{folder}: the model gives its probe showers other probabilities than it records; {get_again(folder)}."
        )
    card = (folder / CARD).read_text(encoding="utf-8")
    if stamp(folder) != found:
        raise DataError(f"{folder}: was replaced while it was read; load it again.")
    return Version(
        model,
        number(model.content),
        sha256(folder / ONNX),
        found,
        time.time(),
        card,
        Window(model),
        _examples(folder, images),
        _tested(folder),
    )


def number(content: dict) -> str:
    """The version that model.json names, its configuration where it was not published."""
    return str((content.get("published") or {}).get("version") or content["configuration"])


def _examples(folder: Path, images: np.ndarray) -> list[tuple[dict, np.ndarray]]:
    with h5py.File(folder / PROBE, "r", locking=False) as file:
        known = [
            {"event_id": int(event), "label": int(label), "true_energy": float(energy)}
            for event, label, energy in zip(file["event_id"][:], file["label"][:], file["true_energy"][:], strict=True)
        ]
    return list(zip(known, images, strict=True))


def _tested(folder: Path) -> Scores | None:
    try:
        return read_scores(folder)[0]
    except DataError:
        return None


def in_parts(requests: Sequence[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The showers of requests in their order, at most `size` at a time: large requests in pieces, small ones together."""
    part: list[np.ndarray] = []
    room = size
    for images in requests:
        for first in range(0, len(images), size):
            piece = images[first : first + size]
            if len(piece) > room:
                yield _joined(part)
                part, room = [], size
            part.append(piece)
            room -= len(piece)
    if part:
        yield _joined(part)


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


@dataclass(slots=True)
class Comparison:
    """How often, and how far, the shadow answered differently. `dropped`: showers that it did not see, since it was busy."""

    showers: int = 0
    other_class: int = 0
    total_difference: float = 0.0  # of the signal's probability, absolute
    largest_difference: float = 0.0
    dropped: int = 0
    failed: int = 0

    def add(self, ours: np.ndarray, theirs: np.ndarray, signal: int) -> None:
        """Of one batch, probabilities (n, K)."""
        difference = np.abs(ours[:, signal].astype(np.float64) - theirs[:, signal])
        self.showers += len(ours)
        self.other_class += int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum())
        self.total_difference += float(difference.sum())
        self.largest_difference = max(self.largest_difference, float(difference.max()))


class Shadow:
    """A version that sees what the other one answers and answers nobody. It computes on its own thread, one batch at a time."""

    def __init__(self, version: Version):
        self.version, self.comparison = version, Comparison()
        self._pool = ThreadPoolExecutor(1, "shadow")
        self._busy = threading.Lock()

    def see(self, images: np.ndarray, probabilities: np.ndarray, signal: int) -> None:
        """Compare in the background, unless the batch before is not done: nobody waits for a shadow."""
        if not self._busy.acquire(blocking=False):
            self.comparison.dropped += len(images)
            return
        try:
            self._pool.submit(self._compare, images, probabilities, signal)
        except RuntimeError:  # about to end
            self._busy.release()

    def _compare(self, images: np.ndarray, probabilities: np.ndarray, signal: int) -> None:
        try:
            self.comparison.add(probabilities, self.version.model.probabilities(images), signal)
        except Exception:
            self.comparison.failed += len(images)
        finally:
            self._busy.release()

    def close(self) -> None:
        self._pool.shutdown()


class Engine:
    """Which version answers. `part`: showers computed at a time. `told` is called with "taken" or "refused" and a sentence after each attempt to load another."""

    def __init__(
        self,
        folder: Path,
        threads: int | None = None,
        shadow: Path | None = None,
        told: Callable[[str, str], None] = lambda outcome, sentence: None,
        shadow_comes_later: bool = False,
    ):
        """Raises DataError for a folder that cannot be used; that of a shadow may be missing where it comes later."""
        self.folder, self._threads, self._told = folder, threads, told
        self.part = SHARE * (threads or len(os.sched_getaffinity(0)))
        self.current = load(folder, threads)
        self.trouble = ""  # why the last attempt to load another version failed
        self._tried = self.current.stamp
        self._loading = threading.Lock()
        self.shadow: Shadow | None = None
        self._shadow_folder = shadow
        self._shadow_tried: tuple = ()
        if shadow is not None and (shadow.exists() or not shadow_comes_later):
            self._load_shadow(shadow)

    def run(self, requests: Sequence[np.ndarray]) -> tuple[np.ndarray, Version]:
        """Probabilities (n, K) of the images (n₁, C, 80, 80), … of some requests, one after the other, and the version that gave them."""
        version = self.current
        parts = [self._compute(version, images) for images in in_parts(requests, self.part)]
        probabilities = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if shadow := self.shadow:
            signal = version.model.classes.index(version.model.signal)
            shadow.see(_joined(requests), probabilities, signal)
        return probabilities, version

    def _compute(self, version: Version, images: np.ndarray) -> np.ndarray:
        probabilities = version.model.probabilities(images)
        version.window.add(images, probabilities)
        return probabilities

    def changed(self) -> bool:
        """Whether the folder holds something that was not tried yet; one that is being written counts once it has its hashes."""
        found = stamp(self.folder)
        return found not in ((), self._tried)

    def reload(self) -> bool:
        """Load the folder again and let that version answer from the next batch on, or keep the present one and say why."""
        with self._loading:
            self._tried = stamp(self.folder)
            try:
                version = load(self.folder, self._threads)
                self._check_same_task(version)
            except CascadaError as error:
                self.trouble = str(error)
                self._told("refused", f"version {self.current.number} goes on answering: {error}")
                return False
            before, self.current, self.trouble = self.current, version, ""
            self._told("taken", f"version {version.number} answers now, {before.number} did before")
            return True

    def shadow_changed(self) -> bool:
        """Whether another version stands in the shadow's folder, or none any more."""
        return self._shadow_folder is not None and stamp(self._shadow_folder) != self._shadow_tried

    def reload_shadow(self) -> None:
        """Compare from now on with what stands in the shadow's folder: nothing where it is empty or refused."""
        before, self.shadow = self.shadow, None
        if before:
            before.close()
        folder = self._shadow_folder
        self._shadow_tried = stamp(folder) if folder else ()
        if folder and self._shadow_tried:
            try:
                self._load_shadow(folder)
            except CascadaError as error:
                self._told("refused", f"nothing is tried in the shadow: {error}")

    def _load_shadow(self, folder: Path) -> None:
        version = load(folder, 1)
        self._check_same_task(version)
        self._shadow_tried, self.shadow = version.stamp, Shadow(version)
        self._told("taken", f"version {version.number} is tried in the shadow of {self.current.number}")

    def _check_same_task(self, version: Version) -> None:
        """A client counts on the channels that it sends and the classes that it gets."""
        ours, theirs = self.current.model, version.model
        for what, present, other in (
            ("channels", ours.channels, theirs.channels),
            ("classes", ours.classes, theirs.classes),
            ("signal", ours.signal, theirs.signal),
        ):
            if present != other:
                raise DataError(
                    f"{theirs.folder}: its {what} are {other}, those that are served {present}; start a server of its own for this model."
                )

    def close(self) -> None:
        if self.shadow:
            self.shadow.close()
