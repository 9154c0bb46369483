"""The stream's loop in this process: how it ends while nobody takes its answers, and what a disk that is full holds up."""

import threading

import h5py
import numpy as np
import pytest
import zmq
from serve_process import wait_until

from cascada.serving.engine import Engine
from cascada.serving.stream import loop, messages
from cascada.serving.stream import sink as sinks
from cascada.serving.stream.loop import Settings, Stream

IMAGE = np.ones((1, 80, 80), np.float32)


@pytest.fixture(scope="module")
def engine(model):
    made = Engine(model, 1)
    yield made
    made.close()


@pytest.fixture
def running(engine):
    """A function that starts a stream with push and pull; what it gives: the stream, its thread, a station, a reader that has not connected."""
    context, streams = zmq.Context(), []

    def start(sink=None):
        settings = Settings(
            source="tcp://127.0.0.1:*", target="tcp://127.0.0.1:*", mode="pushpull", sink=sink, batch=1, queue=2,
            segment_seconds=0.1,
        )  # fmt: skip
        stream = Stream(engine, settings)
        thread = threading.Thread(target=stream.run, daemon=True)
        thread.start()
        streams.append((stream, thread))
        station = context.socket(zmq.PUSH)
        station.connect(stream.addresses[0])
        return stream, thread, station, context.socket(zmq.PULL)

    yield start
    for stream, thread in streams:
        stream.end()
        thread.join(20)
    context.destroy(linger=0)


def send(station, number):
    for sequence in range(number):
        station.send_multipart(messages.shower("a", sequence, 1.0, IMAGE))


@pytest.mark.parametrize("with_sink", [False, True])
def test_answers_that_nobody_takes_hold_up_the_end_for_a_while_and_not_longer(
    running, tmp_path, monkeypatch, with_sink
):
    monkeypatch.setattr(loop, "PATIENCE", 0.3)
    stream, thread, station, _ = running(tmp_path / "answers" if with_sink else None)
    send(station, 3)
    wait_until(lambda: stream.counts["received"] == 3)
    stream.end()
    thread.join(10)
    assert not thread.is_alive() and stream.left == 3
    assert len(list(tmp_path.glob("answers/*.h5"))) >= with_sink


def test_a_full_disk_lets_the_stations_wait_and_nothing_is_lost(running, tmp_path, monkeypatch):
    monkeypatch.setattr(sinks, "KEPT", 4)
    monkeypatch.setattr(sinks, "AGAIN", 0.1)
    monkeypatch.setattr(loop, "HEALTH_SECONDS", 0.05)
    folder = tmp_path / "answers"
    stream, thread, station, reader = running(folder)
    folder.rmdir()
    folder.touch()
    reader.connect(stream.addresses[1])
    send(station, 20)
    wait_until(lambda: stream.sink.full and stream.sink.trouble, 20)
    assert stream.counts["received"] <= 4 + 2, "kept, and in the queue"
    assert stream.state()["sink"]["unwritten"] == 4
    folder.unlink()
    wait_until(lambda: stream.counts["answered"] == 20)
    stream.end()
    thread.join(20)
    rows = []
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            rows += file["sequence"][:].tolist()
    assert rows == list(range(20)) and stream.sink.lost == 0 and stream.left == 0
