"""Showers in, answers out: one loop, no threads of its own. It reads what has come, computes one batch, answers, and goes round.

With `pubsub` it reads everything that comes; what does not fit into the queue is dropped, the oldest first, and counted. With
`pushpull` it reads only what fits, so that the stations wait, and it keeps an answer until somebody has taken it.
"""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from cascada.core.errors import ConfigError
from cascada.export.prediction_inputs import BEYOND_ENERGY
from cascada.serving.engine import Engine
from cascada.serving.logs import NAME
from cascada.serving.stream import messages, sockets
from cascada.serving.stream.messages import Malformed, Shower
from cascada.serving.stream.sink import Sink
from cascada.serving.stream.stations import Stations

log = logging.getLogger(NAME)

HEALTH_SECONDS = 1.0
PATIENCE = 10.0  # s in which, at the end, somebody must take an answer (pushpull)
BLANK = "the image is blank: its probabilities say nothing about the shower"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Of one stream. `wait`: s that a shower may wait for others; `queue`: showers that may wait; `key`: file of the secret key."""

    source: str  # address where stations connect
    target: str  # address where whoever reads the answers connects
    mode: str = sockets.PUBSUB
    batch: int = 64
    wait: float = 0.005
    queue: int = 4096
    threads: int | None = None
    key: Path | None = None
    watch: bool = False
    sink: Path | None = None
    segment_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.mode not in sockets.MODES:
            raise ConfigError(f"--mode: expected one of {list(sockets.MODES)}, got {self.mode!r}.")
        for name, minimum in (("batch", 1), ("queue", 1), ("wait", 0)):
            if getattr(self, name) < minimum:
                raise ConfigError(f"--{name}: expected at least {minimum}, got {getattr(self, name)}.")
        if self.queue < self.batch:
            raise ConfigError(f"--queue: {self.queue} is less than one batch of {self.batch}; give at least as many.")
        sockets.check_address(self.source, "--in", self.key is not None)
        sockets.check_address(self.target, "--out", self.key is not None)


class Stream:
    """The state of one stream; `run` is its life."""

    def __init__(self, engine: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic):
        self.engine, self.settings, self._clock = engine, settings, clock
        self.stations, self.counts = Stations(), Counter[str]()
        self.malformed: Counter[str] = Counter()
        self.waiting: deque[Shower] = deque()
        self._unsent: deque[list[bytes]] = deque()
        self._ending = False
        self._taken = math.inf  # when, at the end, an answer was last taken
        self.sink = (
            Sink(settings.sink, engine.current.model.classes, settings.segment_seconds, self.may_drop, log.error)
            if settings.sink
            else None
        )
        self._context = zmq.Context()
        key = sockets.read_key(settings.key) if settings.key else None
        kinds = (zmq.SUB, zmq.PUB) if self.may_drop else (zmq.PULL, zmq.PUSH)
        self._in = sockets.bound(self._context, kinds[0], settings.source, settings.queue, key, "--in")
        self._out = sockets.bound(self._context, kinds[1], settings.target, settings.queue, key, "--out")
        if self.may_drop:
            for topic in (messages.SHOWER, messages.HEARTBEAT):
                self._in.subscribe(topic)

    @property
    def may_drop(self) -> bool:
        return self.settings.mode == sockets.PUBSUB

    @property
    def addresses(self) -> tuple[str, str]:
        """Where stations and readers connect; tells the port where any free one was asked for."""
        return sockets.address(self._in), sockets.address(self._out)

    def end(self) -> None:
        """Answer what has come, and leave `run`."""
        self._ending = True

    def run(self, tick: Callable[["Stream"], None] = lambda stream: None) -> None:
        """Until `end`: what was read is answered before it returns. `tick` is called about once a second.

        With `pushpull`, answers that nobody takes for PATIENCE after that are given up; `left` counts them.
        """
        next_health = self._clock()
        try:
            while not self._has_ended():
                self._read(timeout=self._patience())
                if self.waiting and not self._unsent and (self.may_drop or not (self.sink and self.sink.full)):
                    self._answer()
                self._send()
                if (now := self._clock()) >= next_health:
                    next_health = now + HEALTH_SECONDS
                    self._out_health()
                    tick(self)
                    if self.sink:
                        self.sink.tick(now)
        finally:
            self._close()

    @property
    def left(self) -> int:
        """Showers whose answers nobody has taken."""
        return len(self.waiting) + len(self._unsent)

    def _has_ended(self) -> bool:
        if not self._ending:
            return False
        if not self.left:
            return True
        now = self._clock()
        self._taken = min(self._taken, now)
        return now - self._taken > PATIENCE

    def _close(self) -> None:
        while self.sink and self.waiting:
            self._answer()
        if self.sink:
            self.sink.flush()
        self._in.close()
        self._out.close(linger=None if self.may_drop else int(1000 * PATIENCE))
        self._context.term()

    def _patience(self) -> float:
        """Seconds to wait for the next message."""
        if self._unsent:
            return 0.01
        if self._ending:
            return 0.0
        if not self.waiting:
            return 0.1
        return self.settings.wait if len(self.waiting) < self.settings.batch else 0.0

    def _read(self, timeout: float) -> None:
        """Take what has come: at least one message if it comes in time, and all that lie ready."""
        if self._ending or (not self.may_drop and self._is_full()):
            time.sleep(min(timeout, 0.01))  # until somebody takes answers, or the disk does
            return
        if not self._in.poll(math.ceil(timeout * 1000)):
            return
        end = self._clock() + max(self.settings.wait, 0.001)
        while self.may_drop or not self._is_full():
            try:
                frames = self._in.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                # a few more may be on their way to a batch
                left = end - self._clock()
                if len(self.waiting) >= self.settings.batch or left <= 0 or not self._in.poll(math.ceil(left * 1000)):
                    return
                continue
            self._take(frames)
            if len(self.waiting) >= 4 * self.settings.batch and self._clock() > end:
                return

    def _is_full(self) -> bool:
        return len(self.waiting) >= self.settings.queue or bool(self.sink and self.sink.full)

    def _take(self, frames: list[bytes]) -> None:
        now = self._clock()
        try:
            message = messages.read(frames, len(self.engine.current.model.channels))
        except Malformed as error:
            self.malformed[error.reason] += 1
            if self.malformed[error.reason] == 1:  # the next ones are counted
                log.warning("malformed message: %s", error)
            return
        if not isinstance(message, Shower):
            self.stations.hear(message.station, message.sequence, now, shower=False)
            return
        self.stations.hear(message.sent.station, message.sent.sequence, now)
        self.counts["received"] += 1
        self.waiting.append(message)
        if len(self.waiting) > self.settings.queue:
            self.waiting.popleft()
            self.counts["dropped"] += 1

    def _answer(self) -> None:
        batch = [self.waiting.popleft() for _ in range(min(self.settings.batch, len(self.waiting)))]
        probabilities, version = self.engine.run([one.image[np.newaxis] for one in batch])
        model = version.model
        ranges = model.content["data"].get("ranges") or {}
        for one, row in zip(batch, probabilities, strict=True):
            self._unsent.append(messages.answer(one.sent, row, model.classes, version.number, _warnings(one, ranges)))
            if self.sink:
                self.sink.add(one.sent, row, version.number, self._clock())
        self.counts["answered"] += len(batch)
        self.counts["batches"] += 1

    def _send(self) -> None:
        while self._unsent:
            try:
                self._out.send_multipart(self._unsent[0], zmq.NOBLOCK)
            except zmq.Again:  # pushpull: nobody takes it now
                return
            self._unsent.popleft()
            self._taken = math.inf

    def _out_health(self) -> None:
        try:
            self._out.send_multipart(messages.health(time.time(), self.state()), zmq.NOBLOCK)
        except zmq.Again:
            self.counts["health_unsent"] += 1

    def state(self) -> dict[str, Any]:
        """Of the stream, for health and metrics."""
        return {
            "model": self.engine.current.number,
            "trouble": bool(self.engine.trouble),
            "drift": self.engine.current.window.report()["sentences"],
            **{name: self.counts[name] for name in ("received", "answered", "dropped", "batches")},
            "waiting": len(self.waiting) + len(self._unsent),
            **({"sink": _sink_state(self.sink)} if self.sink else {}),
            "malformed": dict(self.malformed),
            "stations": self.stations.state(self._clock()),
        }


def _sink_state(sink: Sink) -> dict[str, Any]:
    return {"unwritten": sink.unwritten, "lost": sink.lost, "trouble": sink.trouble}


def _warnings(shower: Shower, ranges: dict[str, list[float] | None]) -> list[str]:
    found = [] if shower.image.any() else [BLANK]
    energy, limits = messages.number(shower.sent.more.get("true_energy")), ranges.get("true_energy")
    if (
        energy is not None
        and limits
        and not limits[0] * (1 - BEYOND_ENERGY) <= energy <= limits[1] * (1 + BEYOND_ENERGY)
    ):
        found.append(
            f"an energy of {energy:g} GeV, the model was trained on {limits[0]:g} to {limits[1]:g} GeV: its probabilities are extrapolated"
        )
    return found
