"""What the routes share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
from starlette.types import Scope

from cascada.serving.engine import Engine, Version
from cascada.serving.http.batcher import Batcher
from cascada.serving.http.errors import Refused
from cascada.serving.http.metrics import Metrics
from cascada.serving.http.settings import Settings

PLACES = 2  # files that are read, or showers that are explained, at a time


class Server:
    """Of one server. `ending`: whether the server has been told to end, so that nobody sends it more; `connections`: open ones."""

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics | None = None):
        self.engine, self.settings = engine, settings
        self.metrics = metrics or Metrics()
        self.batcher = Batcher(engine.run, settings.batching, self.metrics.batch.observe, engine.part)
        self.metrics.watch(engine, self.batcher)
        self.ending: Callable[[], bool] = lambda: False
        self.connections: Callable[[], int] = lambda: 0
        self._places = asyncio.Semaphore(PLACES)

    @property
    def name(self) -> str:
        return self.settings.name or self.engine.current.experiment

    @property
    def ready(self) -> bool:
        return not self.ending()

    async def probabilities(self, scope: Scope, images: np.ndarray) -> tuple[np.ndarray, Version]:
        """Of images (n, C, 80, 80), (n, K) and who computed them; the log's line of this request says so too."""
        found, version = await self.batcher.submit(images)
        self.metrics.showers.inc(len(images))
        scope["state"]["noted"] = {"showers": len(images), "version": version.number}
        return found, version

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the few places for work that no batch bounds: reading a file, explaining. Raises Refused if none is free in time."""
        try:
            async with asyncio.timeout(self.settings.limits.seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Refused(503, "queue_full", "Too many files are being read; ask again in a moment.", retry=1) from None
        try:
            yield
        finally:
            self._places.release()

    def check(self, name: str, version: str | None = None) -> None:
        """Raise Refused for another model or version than the one that answers."""
        if name != self.name:
            raise Refused(404, "model", f"No model {name[:80]!r} here; this server has {self.name!r}.")
        if version is not None and version != self.engine.current.number:
            raise Refused(
                404,
                "model",
                f"No version {version[:80]!r} of {self.name!r} here; {self.engine.current.number!r} answers.",
            )
