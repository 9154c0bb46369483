"""Clients of an HTTP server in one process: as fast as they are answered (closed), or at times that nobody can delay (open).

An open loop is what strangers do: requests arrive by a Poisson process whether the ones before were answered or not, and a
latency counts from the time at which its request was due, so that a server that falls behind cannot hide it.
"""

import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

CONNECTIONS = 128  # of the open loop; who finds all of them taken waits, and that counts
TOLERANCE = 1e-6  # of a probability: float32 in batches of other sizes
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True, slots=True)
class Question:
    """Bytes of a whole request, and the probabilities (n, K) with which the answer must end, as float32."""

    request: bytes
    expected: np.ndarray


@dataclass(slots=True)
class Found:
    """`latencies` [s] of what was answered rightly; `statuses`: of everything; `wrong`: answered with other probabilities."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    wrong: int = 0
    broken: int = 0  # connections that ended without an answer
    seconds: float = 0.0

    def note(self, status: int, body: bytes, question: Question, seconds: float) -> None:
        self.statuses[status] += 1
        if status != 200:
            return
        size = question.expected.nbytes
        found = np.frombuffer(body[-size:], np.float32) if len(body) >= size else np.empty(0, np.float32)
        if found.size == question.expected.size and np.abs(found - question.expected.ravel()).max() <= TOLERANCE:
            self.latencies.append(seconds)
        else:
            self.wrong += 1

    def percentile(self, percent: float) -> float:
        """Of the latencies [ms]."""
        return float(1000 * np.percentile(self.latencies, percent)) if self.latencies else float("nan")


class Connection(asyncio.Protocol):
    """One connection, kept open; one request at a time."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._received, self._expected = transport, bytearray(), -1
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.lost = False

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Status and body. Raises ConnectionError."""
        self._answer = asyncio.get_running_loop().create_future()
        if self.lost:
            self._answer.set_exception(ConnectionError())
        else:
            self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._expected < 0 and (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._received, 0, end)
            self._expected = end + 4 + int(length[1])
        if 0 <= self._expected <= len(self._received):
            status, body = int(self._received[9:12]), bytes(self._received[self._received.find(b"\r\n\r\n") + 4 :])
            self._received, self._expected = bytearray(), -1
            if self._answer and not self._answer.done():
                self._answer.set_result((status, body))

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError())

    def close(self) -> None:
        self._transport.close()


class Clients:
    """A pool of connections to one server."""

    def __init__(self, address: str, questions: list[Question], connections: int):
        parts = urlsplit(address)
        self._host, self._port, self._questions = parts.hostname, parts.port, questions
        self._free: list[Connection] = []
        self._places = asyncio.Semaphore(connections)
        self.found = Found()

    async def ask(self, number: int, due: float) -> None:
        """Ask one question of the list and note what came, counted from `due`."""
        question = self._questions[number % len(self._questions)]
        async with self._places:
            connection = await self._connection()
            try:
                status, body = await connection.ask(question.request)
            except ConnectionError:
                self.found.broken += 1
                return
            self._free.append(connection)
        self.found.note(status, body, question, time.perf_counter() - due)

    async def _connection(self) -> Connection:
        while self._free:
            if not (one := self._free.pop()).lost:  # a server closes what was silent for a while
                return one
        return (await asyncio.get_running_loop().create_connection(Connection, self._host, self._port))[1]

    def close(self) -> None:
        for one in self._free:
            one.close()


def closed(address: str, questions: list[Question], requests: int, connections: int) -> Found:
    """Each of the connections asks again as soon as it was answered."""

    async def main() -> Found:
        clients, numbers = Clients(address, questions, connections), iter(range(requests))

        async def one() -> None:
            for number in numbers:
                await clients.ask(number, time.perf_counter())

        return await _timed(clients, [one() for _ in range(connections)])

    return asyncio.run(main())


def opened(address: str, questions: list[Question], requests: int, rate: float, seed: int) -> Found:
    """Requests arrive at `rate` per second in the mean, by a Poisson process."""
    due = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, requests))

    async def main() -> Found:
        clients = Clients(address, questions, CONNECTIONS)

        async def arrivals() -> None:
            started, waiting = time.perf_counter(), set()
            for number, after in enumerate(due):
                if (left := started + after - time.perf_counter()) > 0:
                    await asyncio.sleep(left)
                task = asyncio.ensure_future(clients.ask(number, started + after))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            await asyncio.gather(*waiting)

        return await _timed(clients, [arrivals()])

    return asyncio.run(main())


async def _timed(clients: Clients, work: list) -> Found:
    started = time.perf_counter()
    await asyncio.gather(*work)
    clients.found.seconds = time.perf_counter() - started
    clients.close()
    return clients.found
