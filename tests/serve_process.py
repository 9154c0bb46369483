"""A real `cascada serve` on loopback, in a process of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass
class Running:
    """`client` speaks to it; `log`: what it wrote to stderr so far."""

    process: subprocess.Popen
    address: str
    client: httpx.Client
    errors: Path

    @property
    def log(self) -> str:
        return self.errors.read_text()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextlib.contextmanager
def running(model: Path, folder: Path, *arguments: str, **environment: str) -> Iterator[Running]:
    """Start `cascada serve` on a free port; it has ended when the block has."""
    errors = folder / "serve.log"
    command = [sys.executable, "-m", "cascada", "serve", str(model), "--port", "0", "--threads", "1", *arguments]
    with errors.open("w") as file:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        )
    try:
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"{line}{errors.read_text()}"
        with httpx.Client(base_url=found.group(), timeout=60) as client:
            wait_until(lambda: _answers(client))
            yield Running(process, found.group(), client, errors)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        process.stdout.close()


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/v2/health/live").status_code == 200
    return False


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
