"""Concurrent requests as one batch: whoever comes while the model computes is answered together with the others.

One thread computes, so that the model's own threads are not shared between batches. Nothing waits without need: while the
model is busy, the next batch grows by itself; while it is idle, the first request waits at most `Batching.wait` for others.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from cascada.serving.http.errors import Refused
from cascada.serving.http.settings import Batching

Answer = tuple[np.ndarray, Any]  # probabilities (n, K), and which model gave them
Run = Callable[[np.ndarray], Answer]


@dataclass(slots=True)
class _Waiting:
    images: np.ndarray  # (n, C, 80, 80)
    answer: "asyncio.Future[Answer]"


class Batcher:
    """`run` takes images (n, C, 80, 80) in a thread; `seen` is told the number of showers of each batch."""

    def __init__(self, run: Run, settings: Batching, seen: Callable[[int], None] = lambda showers: None):
        self._run, self._settings, self._seen = run, settings, seen
        self._queue: deque[_Waiting] = deque()
        self.showers = 0  # that wait
        self._pool = ThreadPoolExecutor(1, "model")
        self._arrived = asyncio.Event()
        self._closed = False
        self._worker: asyncio.Task | None = None

    def start(self) -> None:
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def submit(self, images: np.ndarray) -> Answer:
        """Return the probabilities (n, K) of one request's images, and who computed them.

        Raises Refused (503) where the queue is full or the server is about to end.
        """
        if self._closed:
            raise Refused(503, "ending", "The server is about to end; ask again in a moment.", retry=1)
        if self.showers and self.showers + len(images) > self._settings.queue:
            raise Refused(503, "queue_full", f"{self.showers} showers wait already; ask again in a moment.", retry=1)
        waiting = _Waiting(images, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self.showers += len(images)
        self._arrived.set()
        return await waiting.answer

    async def close(self) -> None:
        """Take nothing more, answer what was taken, and end."""
        self._closed = True
        self._arrived.set()
        if self._worker:
            await self._worker
        self._pool.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            if self._queue and self.showers < self._settings.largest and not self._closed:
                await self._wait_for_more()
            while batch := self._take():
                await self._answer(loop, batch)
            if self._closed and not self._queue:
                return

    async def _wait_for_more(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.wait
        while self.showers < self._settings.largest and not self._closed and (left := end - loop.time()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return

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

    async def _answer(self, loop: asyncio.AbstractEventLoop, batch: list[_Waiting]) -> None:
        images = batch[0].images if len(batch) == 1 else np.concatenate([one.images for one in batch])
        self._seen(len(images))
        try:
            probabilities, model = await loop.run_in_executor(self._pool, self._run, images)
        except Exception as error:
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        start = 0
        for one in batch:
            stop = start + len(one.images)
            if not one.answer.done():
                one.answer.set_result((probabilities[start:stop], model))
            start = stop
