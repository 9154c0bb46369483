"""A real `cascada stream`, its stations and a reader, each a process or a socket of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from serve_process import wait_until

from cascada.serving.stream import messages

CASCADA = (sys.executable, "-m", "cascada")


@dataclass
class Running:
    """`source` and `target`: where stations and readers connect; `metrics`: a page for Prometheus."""

    process: subprocess.Popen
    source: str
    target: str
    metrics: str

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(60), self.process.stdout.read()


@contextlib.contextmanager
def stream(model, *arguments, source="tcp://127.0.0.1:*", target="tcp://127.0.0.1:*"):
    """Start a stream; it has ended when the block has."""
    command = [
        *CASCADA,
        "stream",
        str(model),
        "--in",
        source,
        "--out",
        target,
        "--threads",
        "1",
        "--metrics",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"connect to (\S+), readers to (\S+); metrics at (\S+)", line)
        assert found, line + process.stdout.read()
        yield Running(process, *found.groups())
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


@dataclass
class Reader:
    """Collects answers by station and number; `health`: the last one."""

    socket: zmq.Socket
    answers: dict = field(default_factory=dict)
    twice: int = 0
    health: dict = field(default_factory=dict)

    def read(self, seconds=0.2):
        while self.socket.poll(seconds * 1000):
            topic, header = self.socket.recv_multipart()
            content = json.loads(header)
            if topic == messages.HEALTH:
                self.health = content
                return
            key = (content["station"], content["sequence"])
            self.twice += key in self.answers
            self.answers[key] = content

    def until(self, condition, seconds=60):
        def look():
            self.read()
            return condition()

        wait_until(look, seconds)


def reader(context, address, kind=zmq.SUB):
    """A reader that has heard the stream."""
    socket = context.socket(kind)
    socket.connect(address)
    if kind == zmq.SUB:
        socket.subscribe(b"")
    found = Reader(socket)
    found.until(lambda: found.health)  # it hears what is said
    return found


def replay(results: Path, address: str, station: str, *arguments: str) -> subprocess.Popen:
    """Start a station that plays the training showers of an experiment's results."""
    command = [*CASCADA, "replay", str(results / "dataset/train.h5"), "--to", address, "--station", station, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
