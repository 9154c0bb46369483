"""The stream on loopback: showers per second and latency below and above saturation, and its memory over an hour.

    python -m benchmarks.streaming             # minutes: rates and latency
    python -m benchmarks.streaming --hour      # memory at 100 showers per second; --minutes 10 for less

The stream's resident memory is read every ten seconds, the first five minutes left out. A straight line goes through the means
of five minutes each, since neighbouring samples repeat each other; its slope is given with the 95 % interval of such a line.
"""

import argparse
import contextlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import zmq
from scipy import stats

from benchmarks.exported import exported
from cascada.serving.stream import messages

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from stream_process import Running, replay, stream

RATE, SAMPLE, BLOCK = 100, 10.0, 300.0  # showers/s; s between two looks at the memory; s whose mean is one point
GROWTH = 1.0  # MB per hour that an hour may show at most: its interval must reach below


@dataclass
class Counting:
    """A reader that counts answers and keeps none. `health`: the last one; `latencies` [s], from sent to answered, where they are wanted."""

    socket: zmq.Socket
    answers: int = 0
    latencies: list[float] | None = None
    health: dict = field(default_factory=dict)
    first: float = 0.0  # when the first and the last answer came
    last: float = 0.0

    def known(self, what: str) -> int:
        """What the stream says of the only station."""
        return next(iter(self.health["stations"].values()), {}).get(what, 0)

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.read(time.monotonic() + 0.2)

    def read(self, until: float) -> None:
        """Take what comes, until then by the clock that does not jump."""
        while (left := until - time.monotonic()) > 0:
            if not self.socket.poll(int(left * 1000) + 1):
                return
            topic, header = self.socket.recv_multipart()
            if topic == messages.HEALTH:
                self.health = json.loads(header)
                continue
            self.answers += 1
            self.last = time.monotonic()
            self.first = self.first or self.last
            if self.latencies is not None:
                self.latencies.append(time.time() - json.loads(header)["time"])


def memory(minutes: float) -> bool:
    """Print the memory's slope; return whether it is flat and no shower was lost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = exported(folder, 200)
        with stream(results / "model", "--sink", str(folder / "answers")) as running:
            station = replay(results, running.source, "station", "--rate", str(RATE), "--times", "0")
            try:
                samples, found = watched(running, station.pid, minutes * 60)
            finally:
                station.terminate()
                station.wait(60)
            ended = running.end()
        segments = len(list((folder / "answers").glob("*.h5")))
    flat = told("stream", samples[:, 0], samples[:, 1]) & told("replay", samples[:, 0], samples[:, 2])
    known = found.health["stations"]["station"]
    print(
        f"{found.answers} answers read, {known['missing']} showers missing, {found.health['dropped']} dropped, {segments} segments"
    )
    print(ended[1].strip().splitlines()[-1])
    return flat and not known["missing"] and not found.health["dropped"] and ended[0] == 0


def rates() -> None:
    """Print what the stream answers when it is sent as much as it takes and more, and at half of that."""
    with tempfile.TemporaryDirectory() as name:
        results = exported(Path(name), 200)
        print(
            f"{'sent as':<22} {'sent/s':>7} {'answered/s':>10} {'p50 ms':>8} {'p99 ms':>8}  {'sent':>6} = answered + dropped + missing"
        )
        full = played(results, "as fast as it goes", 0, 100)
        played(results, "half of what it took", full / 2, 30)


def played(results: Path, name: str, rate: float, times: int) -> float:
    """Play the file so often to a new stream, print a row, and return the answers per second."""
    with stream(results / "model", "--queue", "512") as running, listening(running.target) as found:
        found.latencies = []
        found.until(lambda: found.health)
        station = replay(results, running.source, "station", "--rate", str(rate), "--times", str(times))
        found.until(lambda: station.poll() is not None)
        sent, seconds = map(float, re.match(r"(\d+) showers .* in ([\d.]+) s", station.stdout.read()).groups())
        found.until(lambda: found.known("showers") + found.known("missing") >= sent and not found.health["waiting"])
        running.end()
    answered = found.health["answered"] / (found.last - found.first)
    p50, p99 = 1000 * np.percentile(found.latencies, (50, 99))
    parts = " + ".join(
        f"{number:,}" for number in (found.health["answered"], found.health["dropped"], found.known("missing"))
    )
    print(
        f"{name:<22} {sent / seconds:>7.0f} {answered:>10.0f} {p50:>8.1f} {p99:>8.1f}  {sent:,.0f} = {parts}",
        flush=True,
    )
    return answered


@contextlib.contextmanager
def listening(address: str) -> Iterator["Counting"]:
    """A reader of a stream's answers."""
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(address)
    socket.subscribe(b"")
    yield Counting(socket)
    context.destroy(linger=0)


def watched(running: Running, station: int, seconds: float) -> tuple[np.ndarray, Counting]:
    """Rows of time [s] and resident memory of stream and station [MB]; and the reader."""
    processes, rows = [psutil.Process(pid) for pid in (running.process.pid, station)], []
    started = time.monotonic()
    with listening(running.target) as found:
        while (now := time.monotonic() - started) < seconds:
            rows.append([now, *(one.memory_info().rss / 1e6 for one in processes)])
            found.read(started + now + SAMPLE)
            print(f"{rows[-1][0]:7.0f} s {rows[-1][1]:8.2f} {rows[-1][2]:8.2f} MB", file=sys.stderr, flush=True)
    return np.array(rows), found


def told(name: str, seconds: np.ndarray, megabytes: np.ndarray) -> bool:
    """Print the slope of one process; return whether it may be flat, and is smaller than what is allowed."""
    kept = seconds >= min(BLOCK, seconds[-1] / 4)
    slope, half = growth(seconds[kept] / 3600, megabytes[kept], BLOCK / 3600)
    print(
        f"{name}: {slope:+.2f} ± {half:.2f} MB per hour (95 %), {megabytes[kept].min():.1f} to {megabytes[kept].max():.1f} MB"
    )
    return slope - half < GROWTH


def growth(hours: np.ndarray, megabytes: np.ndarray, block: float) -> tuple[float, float]:
    """Slope per hour of a line through the means of blocks, and half its 95 % interval; of ten blocks where the time is short."""
    block = min(block, (hours[-1] - hours[0]) / 10)
    number = ((hours - hours[0]) // block).astype(int)
    x, y = (np.array([values[number == n].mean() for n in np.unique(number)]) for values in (hours, megabytes))
    line = stats.linregress(x, y)
    return float(line.slope), float(stats.t.ppf(0.975, len(x) - 2) * line.stderr)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming")
    parser.add_argument("--hour", action="store_true", help="watch the memory for an hour")
    parser.add_argument("--minutes", type=float, help="watch it for as many")
    given = parser.parse_args(arguments or [])
    minutes = given.minutes or (60 if given.hour else 0)
    if not minutes:
        rates()
    elif not memory(minutes):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
