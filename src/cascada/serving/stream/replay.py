"""Replay a file of showers as if a station were sending it: at a rate, numbered, and with a heartbeat at the end."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zmq

from cascada.core.errors import ConfigError, DataError
from cascada.data.format import EVENTS, IMAGES, open_showers, read_events, read_header
from cascada.serving.stream import messages, sockets

BLOCK = 128  # showers read at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """`rate`: showers per second, 0 for as fast as it goes; `times`: how often the file is played, 0 for without end."""

    file: Path
    target: str
    station: str = "replay"
    rate: float = 100.0
    times: int = 1
    mode: str = sockets.PUBSUB
    queue: int = 1024
    server_key: str | None = None
    first: int = 0  # sequence number of the first shower
    patience: float = 30.0  # s to wait for somebody who listens, and at the end for what is still on its way

    def __post_init__(self) -> None:
        if self.mode not in sockets.MODES:
            raise ConfigError(f"--mode: expected one of {list(sockets.MODES)}, got {self.mode!r}.")
        if not messages.STATION.fullmatch(self.station):
            raise ConfigError(
                f"--station {self.station!r}: expected 1 to 64 letters, digits, dots, hyphens and underscores."
            )
        for name in ("rate", "times", "first"):
            if getattr(self, name) < 0:
                raise ConfigError(f"--{name}: expected at least 0, got {getattr(self, name)}.")
        sockets.check_address(self.target, "--to", self.server_key is not None)


def play(settings: Replay, progress: Callable[[int], None] = lambda sent: None) -> tuple[int, float]:
    """Send; return the number of showers and the seconds that it took. Raises DataError for a file that is none of showers."""
    showers = _showers(settings)
    begin = next(showers, None)
    if begin is None:
        raise DataError(f"{settings.file}: no shower in it, expected at least one.")
    context = zmq.Context()
    kind = zmq.XPUB if settings.mode == sockets.PUBSUB else zmq.PUSH
    socket = sockets.connected(context, kind, settings.target, settings.queue, settings.server_key)
    if settings.mode == sockets.PUBSUB:
        # from the first: a queue that ZeroMQ has once found full takes nothing for a while, whether one waits or not
        socket.setsockopt(zmq.XPUB_NODROP, 1)
    try:
        _wait_for_listener(socket, settings)
        started = time.monotonic()
        sent = 0
        for image, facts in itertools.chain([begin], showers):
            if settings.rate:
                _wait(started + sent / settings.rate)
            frames = messages.shower(settings.station, settings.first + sent, time.time(), image, **facts)
            _send(socket, frames, settings)
            sent += 1
            progress(sent)
        seconds = time.monotonic() - started
        _send_last(socket, messages.heartbeat(settings.station, settings.first + sent, time.time()), settings)
        return sent, seconds
    finally:
        monitor = socket.get_monitor_socket()
        socket.disable_monitor()
        monitor.close()
        socket.close(linger=int(settings.patience * 1000))
        context.term()


def _showers(settings: Replay) -> Iterator[tuple[np.ndarray, dict[str, float]]]:
    """Images float32 (C, 80, 80) and what the file says of each."""
    plays = itertools.count() if settings.times == 0 else range(settings.times)
    with open_showers(settings.file) as file:
        read_header(file)
        total = len(file[EVENTS])
        for _ in plays:
            if not total:
                return
            for start in range(0, total, BLOCK):
                images, events = file[IMAGES][start : start + BLOCK], read_events(file, slice(start, start + BLOCK))
                for image, event in zip(images, events, strict=True):
                    yield image, {"event_id": int(event["event_id"]), "true_energy": float(event["true_energy"])}


def _wait_for_listener(socket: zmq.Socket, settings: Replay) -> None:
    """A publisher's showers are lost until somebody has subscribed; a pusher would queue them and lose them at its end."""
    told = socket if settings.mode == sockets.PUBSUB else socket.get_monitor_socket()
    if not told.poll(int(settings.patience * 1000), zmq.POLLIN):
        raise DataError(
            f"--to {settings.target}: nobody listened within {settings.patience:g} s; start `cascada stream` there first."
        )
    if settings.mode == sockets.PUBSUB:
        socket.recv()


def _send(socket: zmq.Socket, frames: list[bytes], settings: Replay) -> None:
    if settings.mode == sockets.PUBSUB:
        with contextlib.suppress(zmq.Again):  # no room: this one is lost, as a publisher's are
            socket.send_multipart(frames, zmq.NOBLOCK)
        return
    if not socket.poll(int(settings.patience * 1000), zmq.POLLOUT):
        raise DataError(
            f"--to {settings.target}: nobody took a shower within {settings.patience:g} s; is `cascada stream` still there?"
        )
    socket.send_multipart(frames)


def _send_last(socket: zmq.Socket, heartbeat: list[bytes], settings: Replay) -> None:
    """What tells the reader which the last showers were must not be lost, as they may have been: this once, wait for room."""
    socket.sndtimeo = int(settings.patience * 1000)
    with contextlib.suppress(zmq.Again):
        socket.send_multipart(heartbeat)


def _wait(until: float) -> None:
    if (left := until - time.monotonic()) > 0:
        time.sleep(left)
