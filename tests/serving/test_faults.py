"""What happens to a server and a stream that run for months, on real processes: by night, since each takes seconds."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import h5py
import httpx
import numpy as np
import pytest
import zmq
from serve_process import running, wait_until
from stream_process import CASCADA, reader, replay, stream

from cascada.core.files import read_json
from cascada.data.format import open_showers
from cascada.export.folder import write_description

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


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def rows(folder):
    found = []
    for path in folder.glob("answers-*.h5"):
        with h5py.File(path) as file:
            found += file["sequence"][:].tolist()
    return sorted(found)


@pytest.mark.parametrize("mended", [True, False])
def test_a_disk_that_is_full_ends_no_stream_and_loses_nothing_that_can_be_kept(
    results, model, context, small_disk, tmp_path, mended
):
    (small_disk / "other").write_bytes(bytes(199_000))
    with stream(model, "--sink", str(small_disk / "answers"), "--segment-seconds", "1") as running_stream:
        found = reader(context, running_stream.target)
        station = replay(results, running_stream.source, "a", "--rate", "100")
        assert station.wait(120) == 0
        showers = int(re.match(r"\d+", station.stdout.read()).group())
        found.until(lambda: len(found.answers) == showers and found.health["sink"]["trouble"])
        assert "No space left" in found.health["sink"]["trouble"] and found.health["sink"]["unwritten"] == showers
        assert rows(small_disk / "answers") == []
        shown = httpx.get(running_stream.metrics).text
        assert f"cascada_stream_unwritten_answers {showers}.0" in shown and "cascada_stream_sink_failed 1.0" in shown
        if mended:
            (small_disk / "other").unlink()
            found.until(lambda: not found.health["sink"]["trouble"])
        status, said = running_stream.end()
    assert said.count("answers cannot be written (No space left on device)") == 1 and "Traceback" not in said
    assert rows(small_disk / "answers") == (list(range(showers)) if mended else [])
    assert (status, f"{showers} answers could not be written (No space left on device)" in said) == (
        1 - mended,
        not mended,
    )


def test_push_and_pull_lose_nothing_though_nobody_reads_for_longer_than_a_heartbeat_may_take(results, model, context):
    with stream(model, "--mode", "pushpull", "--queue", "64") as running_stream:
        station = replay(results, running_stream.source, "a", "--mode", "pushpull", "--rate", "0", "--times", "20")
        time.sleep(14)
        found = reader(context, running_stream.target, zmq.PULL)
        assert station.wait(120) == 0
        showers = int(re.match(r"\d+", station.stdout.read()).group())
        found.until(lambda: len(found.answers) == showers)
        assert running_stream.end()[0] == 0


def test_a_stream_that_nobody_reads_ends_soon_after_sigterm_and_says_what_is_left(results, model, context):
    with stream(model, "--mode", "pushpull") as running_stream:
        station = replay(results, running_stream.source, "a", "--mode", "pushpull", "--rate", "0")
        assert station.wait(60) == 0
        showers = int(re.match(r"\d+", station.stdout.read()).group())
        wait_until(lambda: f"received_showers_total {showers}.0" in httpx.get(running_stream.metrics).text)
        started = time.monotonic()
        status, said = running_stream.end()
    assert status == 1 and time.monotonic() - started < 20
    assert f"0 of {showers} showers answered" in said and f"{showers} answers were lost: nobody took one" in said


def test_a_stream_takes_another_version_and_no_damaged_one(results, model, context, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    with stream(folder, "--watch", "--batch", "1", "--wait-ms", "0", "--queue", "9") as running_stream:
        found = reader(context, running_stream.target)
        station = replay(results, running_stream.source, "a", "--rate", "20", "--times", "0")
        write_description(folder, read_json(folder / "model.json") | {"configuration": "lenet-99999999"})
        found.until(lambda: found.answers and found.answers[max(found.answers)]["model"] == "lenet-99999999")
        (folder / "model.onnx").write_bytes(b"damaged")
        running_stream.process.send_signal(signal.SIGHUP)
        found.until(lambda: found.health["trouble"])
        answered = len(found.answers)
        found.until(lambda: len(found.answers) > answered + 20)
        assert found.answers[max(found.answers)]["model"] == "lenet-99999999"
        assert found.health["batches"] == found.health["answered"]
        station.kill()
        station.wait()
        assert running_stream.end()[0] == 0


@pytest.mark.parametrize("option", ["--in", "--out", "--metrics"])
def test_a_port_of_the_stream_that_is_taken(model, option):
    addresses = {"--in": "tcp://127.0.0.1:*", "--out": "tcp://127.0.0.1:*", "--metrics": "127.0.0.1:0"}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        addresses[option] = f"{'' if option == '--metrics' else 'tcp://'}127.0.0.1:{taken.getsockname()[1]}"
        command = [*CASCADA, "stream", str(model), *itertools.chain(*addresses.items())]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and f"{option} {addresses[option]}: cannot listen there" in done.stderr
    assert "another port" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--rate", "-1"], "--rate: expected at least 0"),
        (["--times", "-1"], "--times: expected at least 0"),
        (["--first", "-1"], "--first: expected at least 0"),
        (["--station", "a station"], "expected 1 to 64 letters"),
        (["--to", "127.0.0.1"], "expected tcp://HOST:PORT"),
        (["--to", "tcp://10.0.0.1:5555"], "need a key"),
        (["--server-key", "short"], "40 characters"),
        (["--patience", "0.5", "--to", "tcp://127.0.0.1:9"], "nobody listened within 0.5 s"),
        (["--patience", "0.5", "--to", "tcp://127.0.0.1:9", "--mode", "pushpull"], "nobody listened within 0.5 s"),
    ],
)
def test_what_cannot_be_replayed_is_a_sentence(results, arguments, word):
    command = [*CASCADA, "replay", str(results / "dataset/train.h5"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"no file of showers", None])
def test_no_file_of_showers_is_a_sentence(tmp_path, content):
    if content is not None:
        (tmp_path / "file.h5").write_bytes(content)
    done = subprocess.run([*CASCADA, "replay", str(tmp_path / "file.h5")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "file.h5" in done.stderr and "Traceback" not in done.stderr


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
