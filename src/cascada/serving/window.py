"""The last showers that a model has answered, as a few numbers each, and how far they have moved from those that it was validated on."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats  # noqa: F401 - by the first look at what has moved, which would hold up server and stream for a second

from cascada.data.quantities import quantities
from cascada.export.drift import ASSUMPTION
from cascada.export.predict import Model
from cascada.statistics import drift
from cascada.statistics.drift import PROBABILITY

SHOWERS = 2000  # that are remembered, if nothing else is said
RATE = 250  # showers per second that are looked at: of more a part, since looking at one costs a seventh of classifying it with a small network
STATES = {"steady": 0, "moved": 1, "far": 2}  # as a gauge


class Window:
    """Of one version. Filled by the thread that computes, read by those that answer.

    Of a burst `showers` are looked at, after it RATE per second: which ones is decided by time alone, so that none is preferred.
    """

    def __init__(self, model: Model, showers: int = SHOWERS, clock: Callable[[], float] = time.monotonic):
        self.known: dict[str, drift.Reference] = model.content.get("reference") or {}
        self._signal = model.classes.index(model.signal)
        self._blocks: deque[dict[str, np.ndarray]] = deque()
        self._probabilities: deque[np.ndarray] = deque()
        self._showers, self._held, self._lock = showers, 0, threading.Lock()
        self._clock, self._seen, self._allowed = clock, clock(), float(showers)

    def add(self, images: np.ndarray, probabilities: np.ndarray) -> None:
        """Images (n, C, 80, 80) [GeV] and their probabilities (n, K)."""
        if not self.known or not self._may_look(len(images)):
            return
        block = quantities(images) | {PROBABILITY: probabilities[:, self._signal].copy()}
        with self._lock:
            self._blocks.append(block)
            self._probabilities.append(probabilities.copy())
            self._held += len(probabilities)
            while self._held - len(self._probabilities[0]) >= self._showers:
                self._held -= len(self._probabilities.popleft())
                self._blocks.popleft()

    def _may_look(self, showers: int) -> bool:
        now = self._clock()
        self._allowed = min(float(self._showers), self._allowed + RATE * (now - self._seen))
        self._seen = now
        if showers > self._allowed:
            return False
        self._allowed -= showers
        return True

    def report(self) -> dict[str, Any]:
        """As `drift.report`; `available` is False for a model that was exported without a reference."""
        with self._lock:
            blocks, probabilities = list(self._blocks), list(self._probabilities)
        values = {name: np.concatenate([block[name] for block in blocks]) for name in self.known} if blocks else {}
        together = np.concatenate(probabilities) if probabilities else np.empty((0, 2), np.float32)
        found = drift.report(values, self.known, together, self._signal)
        return {"available": bool(self.known), "window": self._showers, "assumption": ASSUMPTION} | found

    def histograms(self, bins: int = 20) -> dict[str, dict[str, list[float]]]:
        """For pictures: `edges` and the shares per bin of the window (`now`) and the reference (`then`), by quantity."""
        with self._lock:
            blocks = list(self._blocks)
        found = {}
        for name, known in self.known.items():
            quantiles = np.asarray(known["quantiles"])
            values = np.concatenate([block[name] for block in blocks]) if blocks else np.empty(0)
            low, high = (float(pick(np.concatenate([values, quantiles]))) for pick in (np.min, np.max))
            edges = np.linspace(low, high if high > low else low + 1, bins + 1)
            found[name] = {"edges": edges.tolist()} | {
                which: (np.histogram(sample, edges)[0] / max(len(sample), 1)).tolist()
                for which, sample in (("now", values), ("then", quantiles))
            }
        return found
