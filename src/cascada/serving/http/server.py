"""Run a server until it is told to end: `serve`.

| file          | what it is for                                                    |
|---------------|-------------------------------------------------------------------|
| `settings.py` | what may be set, and limits                                       |
| `../engine.py`| the version that answers, its shadow, and loading another         |
| `batcher.py`  | concurrent requests become one batch                              |
| `protocol.py` | the Open Inference Protocol, without a server                     |
| `uploads.py`  | what people send; `decoding.py` reads files in a process of its own |
| `connection.py` | HTTP/1.1 with bounds on what a client may hold open               |
| `guard.py`    | token, rate, sizes, times, log                                    |
| `infer.py`    | the route that has all the load                                   |
| `app.py`      | the other routes; `shared.py` is what all share, `describing.py` and `metrics.py` describe and count |

SIGTERM and SIGINT end it: what was taken is answered. SIGHUP loads the folder again.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from cascada.core.errors import ConfigError
from cascada.serving.engine import Engine
from cascada.serving.http.app import create_app
from cascada.serving.http.connection import patient
from cascada.serving.http.metrics import Metrics
from cascada.serving.http.settings import Settings
from cascada.serving.http.shared import Server
from cascada.serving.logs import NAME, log_to_stderr

POLL = 1.0  # s between two looks at the folder

log = logging.getLogger(NAME)


def serve(folder: Path, settings: Settings) -> None:
    """Load the model, listen, and answer until SIGTERM or SIGINT. Raises CascadaError where it cannot start."""
    log_to_stderr()
    metrics = Metrics()

    def told(outcome: str, sentence: str) -> None:
        metrics.reloads.labels(outcome).inc()
        log.log(logging.INFO if outcome == "taken" else logging.ERROR, sentence)

    engine = Engine(folder, settings.threads, settings.shadow, told, shadow_comes_later=settings.watch)
    listening = listen(settings)
    server = Server(engine, settings, metrics)
    config = uvicorn.Config(
        create_app(server),
        http=patient(settings.limits.seconds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.limits.seconds) + 1,
    )
    running = _Uvicorn(config)
    server.ending = lambda: running.should_exit
    server.connections = lambda: len(running.server_state.connections)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"Model {server.name}, version {engine.current.number}: http://{shown}:{port} (Ctrl-C ends it)", flush=True)
    asyncio.run(_run(running, server, listening))


class _Uvicorn(uvicorn.Server):
    """Ends with status 0 when it is told to end; uvicorn's own would die of the signal after it has shut down."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _run(running: uvicorn.Server, server: Server, listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    watching = loop.create_task(_watch(server, asked))
    try:
        await running.serve(sockets=[listening])
    finally:
        watching.cancel()


async def _watch(server: Server, asked: asyncio.Event) -> None:
    """Load the folder again when somebody asks, or when it has changed and is watched."""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), POLL)
        now = asked.is_set()
        asked.clear()
        try:
            await asyncio.to_thread(_look, server, now)
        except Exception:
            log.exception("loading another version failed")


def _look(server: Server, asked: bool) -> None:
    """Load what stands in the two folders: the first if it was asked for or has changed, that of the shadow if it has changed."""
    engine, watched = server.engine, server.settings.watch
    if asked or (watched and engine.changed()):
        engine.reload()
    if (asked or watched) and engine.shadow_changed():
        engine.reload_shadow()


def listen(settings: Settings) -> socket.socket:
    """A socket that is bound before anything is said. Raises ConfigError for an address or a port that cannot be had."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, number)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"--host {settings.host} --port {settings.port}: cannot listen there ({getattr(error, 'strerror', None) or error}); "
            "give another port, or 0 for any that is free."
        ) from error
    return listening
