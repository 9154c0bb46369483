"""`cascada serve` under load, on one core, its clients on another: against a bare ONNX Runtime loop and a plain FastAPI endpoint.

    python -m benchmarks.server                    # minutes
    python -m benchmarks.server --requests 20000   # as in docs/serving.md

`lenet` without averaging, 1 and 32 showers per request, raw float32 (binary tensor extension; the plain endpoint gets the bytes
alone, does not look at them; both write a line of log per request). Goals: 0.7 of the bare loop over the same batches with 32 showers; never slower
than the plain endpoint, and faster with single showers. The three take turns in short rounds; a ratio is the median over the rounds,
of showers per second of the server's own processor time, so that what else runs on the machine does not decide. Latencies are of
Poisson arrivals at half and at full of our throughput by the clock, which is measured again right before. Each answer is compared with the model's own.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.exported import exported
from benchmarks.load import Found, Question, closed, opened
from cascada.data.format import open_showers
from cascada.export.folder import ONNX
from cascada.export.predict import Model

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from serve_process import running, wait_until

ROUNDS, CONNECTIONS, QUESTIONS = 7, {1: 64, 32: 8}, 64
GOALS = {("bare loop", 32): 0.7, ("plain FastAPI endpoint", 1): 1.0, ("plain FastAPI endpoint", 32): 1.0}


def cores() -> tuple[int, int]:
    """That of the server and that of its clients."""
    known = sorted(os.sched_getaffinity(0))
    return known[0], known[-1]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is done, and started, in the block has this core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def plain(model: Path, log: Path) -> Iterator[tuple[str, int]]:
    """The plain endpoint's address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("plain_server.py")), str(model / ONNX), str(port)]
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        wait_until(lambda: _listens(port))
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(60)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def request(path: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def binary(images: np.ndarray) -> bytes:
    """As Triton's client asks ours."""
    tensor = {
        "name": "images",
        "datatype": "FP32",
        "shape": list(images.shape),
        "parameters": {"binary_data_size": images.nbytes},
    }
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    header = f"Inference-Header-Content-Length: {len(text)}"
    return request("/v2/models/tiny/infer", text + images.tobytes(), header)


def raw(images: np.ndarray) -> bytes:
    """As the plain endpoint is asked."""
    return request("/infer", images.tobytes())


@dataclass
class Side:
    """One server: how it is asked, and the processor time [s] of its process."""

    name: str
    address: str
    pid: int
    ask: Callable[[np.ndarray], bytes]

    def seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system

    def questions(self, showers: int, images: np.ndarray, expected: np.ndarray) -> list[Question]:
        starts = [(showers * number) % (len(images) - showers + 1) for number in range(QUESTIONS)]
        return [Question(self.ask(images[n : n + showers]), expected[n : n + showers]) for n in starts]


def bare(model: Model, images: np.ndarray, requests: int, showers: int) -> float:
    """Showers per second of processor time of a loop over batches of as many."""
    started = time.process_time()
    for number in range(requests):
        first = (showers * number) % (len(images) - showers + 1)
        model.probabilities(images[first : first + showers])
    return requests * showers / (time.process_time() - started)


def throughput(
    sides: list[Side], model: Model, images: np.ndarray, expected: np.ndarray, showers: int, requests: int
) -> dict:
    """Showers per second of processor time, by side, for each round."""
    rates: dict[str, list[float]] = {"bare loop": []} | {side.name: [] for side in sides}
    for _ in range(ROUNDS):
        with pinned(cores()[0]):
            rates["bare loop"].append(bare(model, images, max(1, requests // 4), showers))
        for side in sides:
            before = side.seconds()
            found = closed(side.address, side.questions(showers, images, expected), requests, CONNECTIONS[showers])
            check(side.name, found, requests)
            rates[side.name].append(requests * showers / (side.seconds() - before))
    return rates


def check(name: str, found: Found, requests: int) -> None:
    if found.wrong or found.broken or len(found.latencies) != requests:
        raise SystemExit(
            f"{name}: {found.wrong} wrong, {found.broken} broken, {dict(found.statuses)} of {requests} requests"
        )


def told_throughput(rates: dict, showers: int) -> list[tuple[str, float, float]]:
    """Print the ratios of ours to the others; return the rows that have a goal."""
    ours, rows = np.array(rates["cascada serve"]), []
    for other in ("bare loop", "plain FastAPI endpoint"):
        ratios, goal = ours / np.array(rates[other]), GOALS.get((other, showers))
        what, spread = f"{showers:2} shower(s): cascada serve / {other}", f"[{ratios.min():.2f}, {ratios.max():.2f}]"
        print(
            f"{what:<52} {np.median(ours):>8.0f} {np.median(rates[other]):>8.0f} {np.median(ratios):>6.2f} {spread:>14} {goal or '':>6}"
        )
        rows.append((what, float(np.median(ratios)), goal))
    return [row for row in rows if row[2]]


def by_the_clock(side: Side, showers: int, questions: list[Question]) -> float:
    """Requests per second that a side answers at most, now that other work runs beside it as it does."""
    requests = 2000 // min(showers, 8)
    found = closed(side.address, questions, requests, CONNECTIONS[showers])
    check(side.name, found, requests)
    return requests / found.seconds


def told_latency(side: Side, showers: int, questions: list[Question], requests: int, share: float, rate: float) -> None:
    found = opened(side.address, questions, requests, rate, seed=showers)
    refused = ", ".join(f"{count} × {status}" for status, count in sorted(found.statuses.items()) if status != 200)
    print(
        f"{side.name:<24} {showers:2} shower(s), {share:3.0%} load, {rate:6.0f} requests/s: p50 {found.percentile(50):8.1f} ms, "
        f"p99 {found.percentile(99):8.1f} ms, {len(found.latencies)} of {requests} right, {found.wrong} wrong, "
        f"{found.broken} broken{', ' if refused else ''}{refused}",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> list[tuple[str, float, float]]:
    """Print the tables; return the rows that have a goal: what was compared, ratio, goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument(
        "--requests",
        type=int,
        default=2000,
        help="Poisson arrivals at each load; an eighth of them with 32 showers each",
    )
    number, rows = parser.parse_args(arguments or []).requests, []
    server, clients = cores()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        results = exported(Path(name))
        with pinned(server):
            ours = stack.enter_context(running(results / "model", Path(name)))
            address, pid = stack.enter_context(plain(results / "model", Path(name) / "plain.log"))
        os.sched_setaffinity(0, {clients})
        sides = [
            Side("cascada serve", ours.address, ours.process.pid, binary),
            Side("plain FastAPI endpoint", address, pid, raw),
        ]
        with open_showers(results / "dataset/train.h5") as file:
            images = file["images"][:512]
        model = Model(results / "model", threads=1)
        expected = np.concatenate([model.probabilities(images[n : n + 32]) for n in range(0, len(images), 32)])
        print(
            f"{'showers per second of processor time':<52} {'ours':>8} {'theirs':>8} {'ratio':>6} {'spread':>14} {'goal':>6}"
        )
        for showers in CONNECTIONS:
            requests = max(50, min(number, 1500) // min(showers, 8))
            rows += told_throughput(throughput(sides, model, images, expected, showers, requests), showers)
        for showers in CONNECTIONS:
            for share in (0.5, 1.0):
                rate = share * by_the_clock(sides[0], showers, sides[0].questions(showers, images, expected))
                for side in sides:
                    questions = side.questions(showers, images, expected)
                    told_latency(side, showers, questions, number // min(showers, 8), share, rate)
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
