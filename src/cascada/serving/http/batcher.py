"""Concurrent requests as one batch: whoever comes while the model computes is answered together with the others.

One thread computes, so that the model's own threads are not shared between batches. Nothing waits without need: while the
model is busy, the next batch grows by itself; while it is idle, the first request waits at most `Batching.wait` for others.

A batch is handed to the thread and back with one call each: a future between threads would cost as much as a dozen showers.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np

from cascada.serving.http.errors import Refused
from cascada.serving.http.settings import Batching

Answer = tuple[np.ndarray, Any]  # probabilities (n, K), and which model gave them
Run = Callable[[list[np.ndarray]], Answer]


@dataclass(slots=True)
class _Waiting:
    images: np.ndarray  # (n, C, 80, 80)
    answer: "asyncio.Future[Answer]"


class Batcher:
    """`run` takes the images (n, C, 80, 80) of each request of a batch, in a thread; `seen` is told the number of showers of each batch.

    `enough`: showers for which the model need not wait, since it does not compute more of them faster; if None, the largest batch.
    """

    def __init__(
        self,
        run: Run,
        settings: Batching,
        seen: Callable[[int], None] = lambda showers: None,
        enough: int | None = None,
    ):
        self._run, self._settings, self._seen = run, settings, seen
        self._enough = min(enough or settings.largest, settings.largest)
        self._queue: deque[_Waiting] = deque()
        self.showers = 0  # that wait
        self._batches: SimpleQueue[list[_Waiting] | None] = SimpleQueue()  # for the thread; None ends it
        self._thread = threading.Thread(target=self._compute, name="model", daemon=True)
        self._busy = self._closed = False
        self._later: asyncio.TimerHandle | None = None  # the next batch, while the model is idle

    def start(self) -> None:
        self._loop, self._idle = asyncio.get_running_loop(), asyncio.Event()
        self._thread.start()

    async def submit(self, images: np.ndarray) -> Answer:
        """Return the probabilities (n, K) of one request's images, and who computed them.

        Raises Refused (503) where the queue is full or the server is about to end.
        """
        if self._closed:
            raise Refused(503, "ending", "The server is about to end; ask again in a moment.", retry=1)
        if self.showers and self.showers + len(images) > self._settings.queue:
            raise Refused(503, "queue_full", f"{self.showers} showers wait already; ask again in a moment.", retry=1)
        waiting = _Waiting(images, self._loop.create_future())
        self._queue.append(waiting)
        self.showers += len(images)
        if not self._busy:
            self._soon()
        return await waiting.answer

    async def close(self) -> None:
        """Take nothing more, answer what was taken, and end."""
        self._closed = True
        if not self._busy:
            self._next()
        await self._idle.wait()
        self._batches.put(None)
        self._thread.join()

    def _soon(self) -> None:
        """Compute when enough wait, or when the first of them has waited for long enough."""
        if self.showers >= self._enough:
            self._next()
        elif self._later is None:
            self._later = self._loop.call_later(self._settings.wait, self._next)

    def _next(self) -> None:
        """Hand the next batch to the idle thread."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if batch := self._take():
            self._busy = True
            self._seen(sum(len(one.images) for one in batch))
            self._batches.put(batch)
        elif self._closed:
            self._idle.set()

    def _take(self) -> list[_Waiting]:
        """Whole requests, as many as fit into the largest batch, and at least one; those whose client has gone are left out."""
        batch: list[_Waiting] = []
        showers = 0
        while self._queue and (not batch or showers + len(self._queue[0].images) <= self._settings.largest):
            waiting = self._queue.popleft()
            self.showers -= len(waiting.images)
            if not waiting.answer.done():
                batch.append(waiting)
                showers += len(waiting.images)
        return batch

    def _compute(self) -> None:
        """What the thread does."""
        while batch := self._batches.get():
            try:
                probabilities, model = self._run([one.images for one in batch])
            except Exception as error:
                self._loop.call_soon_threadsafe(self._fail, batch, error)
            else:
                self._loop.call_soon_threadsafe(self._answer, batch, probabilities, model)

    def _answer(self, batch: list[_Waiting], probabilities: np.ndarray, model: Any) -> None:
        start = 0
        for one in batch:
            stop = start + len(one.images)
            if not one.answer.done():
                one.answer.set_result((probabilities[start:stop], model))
            start = stop
        self._computed()

    def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        for one in batch:
            if not one.answer.done():
                one.answer.set_exception(error)
        self._computed()

    def _computed(self) -> None:
        self._busy = False
        self._next()
