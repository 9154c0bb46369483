"""What happens to a server and a stream that run for months, on real processes: by night, since each takes seconds."""

import contextlib
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
import zmq
from serve_process import running, wait_until
from stream_process import reader, replay, stream

from cascada.data.format import open_showers

pytestmark = pytest.mark.nightly

JUMPS = """
import itertools, time
real, jumps = time.time, itertools.cycle((0, 86400, -86400, 1e9, -3e8))
time.time = lambda: real() + next(jumps)
"""


@pytest.fixture
def context():
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def jumping(tmp_path, monkeypatch):
    """What is started has a clock that jumps by days and years, there and back, each time that it is looked at."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(JUMPS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "clock"), os.environ.get("PYTHONPATH", "")]))


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def ask(address, showers=1):
    return httpx.post(f"{address}/predict", json={"images": np.ones((showers, 1, 80, 80)).tolist()}, timeout=60)


def test_a_station_and_a_reader_may_be_killed_and_come_again(results, model, context):
    with stream(model) as running_stream:
        first = reader(context, running_stream.target)
        station = replay(results, running_stream.source, "a", "--rate", "50", "--times", "0")
        first.until(lambda: len(first.answers) > 20)
        station.kill()
        station.wait()
        first.socket.close(linger=0)
        second = reader(context, running_stream.target)
        station = replay(results, running_stream.source, "a", "--rate", "50", "--times", "0")
        second.until(lambda: ("a", 5) in second.answers)
        second.until(lambda: second.health["stations"]["a"]["restarts"] == 1)
        station.kill()
        station.wait()
        assert second.health["stations"]["a"]["missing"] == 0 and running_stream.end()[0] == 0


def test_a_server_is_there_again_after_kill_9_at_its_port(model, tmp_path):
    port = str(free_port())
    with running(model, tmp_path, "--port", port) as server, ThreadPoolExecutor(4) as pool:

        def load():
            with contextlib.suppress(httpx.TransportError):
                while True:
                    ask(server.address)

        asking = [pool.submit(load) for _ in range(4)]
        wait_until(lambda: server.log.count('"status": 200') > 10)
        server.end(signal.SIGKILL)
        for one in asking:
            one.result()
    with running(model, tmp_path, "--port", port) as server:
        assert ask(server.address).status_code == 200


def test_sigterm_to_a_stream_under_load_answers_what_it_has_read(results, model, context):
    with stream(model, "--mode", "pushpull", "--queue", "128") as running_stream:
        found = reader(context, running_stream.target, zmq.PULL)
        station = replay(results, running_stream.source, "a", "--mode", "pushpull", "--rate", "0", "--times", "0")
        found.until(lambda: len(found.answers) > 200)
        running_stream.process.send_signal(signal.SIGTERM)
        found.until(lambda: running_stream.process.poll() is not None)
        found.read(1)
        said = running_stream.process.stdout.read()
        station.kill()
        station.wait()
    assert running_stream.process.returncode == 0
    assert f"{len(found.answers)} of {len(found.answers)} showers answered, 0 dropped" in said


def test_a_clock_that_jumps_disturbs_no_stream(results, model, context, jumping, tmp_path):
    with stream(model, "--sink", str(tmp_path / "answers"), "--segment-seconds", "1") as running_stream:
        found = reader(context, running_stream.target)
        station = replay(results, running_stream.source, "a", "--rate", "50")
        assert station.wait(120) == 0
        with open_showers(results / "dataset/train.h5") as file:
            showers = len(file["events"])
        found.until(lambda: len(found.answers) == showers)
        assert not found.health["stations"]["a"]["silent"] and found.health["stations"]["a"]["missing"] == 0
        assert running_stream.end()[0] == 0
    assert 2 <= len(list((tmp_path / "answers").glob("*.h5"))) <= 60


def test_a_clock_that_jumps_disturbs_no_server(model, jumping, tmp_path):
    with running(model, tmp_path, "--rate", "1000", "--watch", "--timeout", "20") as server:
        started = time.monotonic()
        for _ in range(5):
            assert ask(server.address).status_code == 200
        assert time.monotonic() - started < 30
        assert server.client.get("/metrics").status_code == 200
        assert server.client.get("/drift.json").status_code == 200
        assert server.end() == 0
