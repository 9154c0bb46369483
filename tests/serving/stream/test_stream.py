"""`cascada stream` between real stations and a real reader, each a process or a socket of its own."""

import re
import subprocess
import time

import h5py
import httpx
import numpy as np
import pytest
import zmq
from serve_process import wait_until
from stream_process import CASCADA, reader, replay, stream

from cascada.data.format import open_showers
from cascada.export.predict import Model
from cascada.serving.stream import messages


@pytest.fixture
def context():
    made = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture(scope="module")
def expected(results, model):
    with open_showers(results / "dataset/train.h5") as file:
        return Model(model, threads=1).probabilities(file["images"][:])


def test_two_stations_of_which_one_dies(results, model, expected, context, tmp_path):
    with stream(model, "--sink", str(tmp_path), "--segment-seconds", "1") as running:
        found = reader(context, running.target)
        short = replay(results, running.source, "dies", "--rate", "50", "--times", "0")
        whole = replay(results, running.source, "lives", "--rate", "100", "--first", "7")
        found.until(lambda: sum(station == "dies" for station, _ in found.answers) > 10)
        short.kill()
        short.wait()
        assert whole.wait(60) == 0
        found.until(lambda: ("lives", 7 + len(expected) - 1) in found.answers)
        lives = [found.answers["lives", 7 + number] for number in range(len(expected))]
        values = [[one["probabilities"][name] for name in ("iron", "proton")] for one in lives]
        assert np.allclose(values, expected, atol=2e-6)
        found.until(lambda: found.health["stations"].get("dies", {}).get("silent"))
        assert found.health["stations"]["lives"]["missing"] == 0 and found.health["dropped"] == 0
        assert found.twice == 0
        text = httpx.get(running.metrics).text
        assert "cascada_stream_silent_stations" in text and "lives" not in text
        status, said = running.end()
    assert status == 0 and "0 dropped" in said
    rows = []
    for path in sorted(tmp_path.glob("answers-*.h5")):
        with h5py.File(path) as file:
            rows += [
                (name.decode(), int(number)) for name, number in zip(file["station"], file["sequence"], strict=True)
            ]
    assert set(found.answers) <= set(rows) and len(set(rows)) == len(rows)


def test_pushpull_loses_nothing_though_nobody_reads_for_a_while(results, model, expected, context):
    with stream(model, "--mode", "pushpull", "--queue", "64") as running:
        station = replay(results, running.source, "a", "--mode", "pushpull", "--rate", "0", "--times", "20")
        time.sleep(3)  # nobody reads; the stream keeps what it has and the station waits
        found = reader(context, running.target, zmq.PULL)
        found.until(lambda: len(found.answers) == 20 * len(expected))
        assert station.wait(60) == 0 and found.twice == 0
        assert running.end()[0] == 0


def test_what_is_too_much_is_dropped_and_counted(results, model, context):
    with stream(model, "--queue", "8", "--batch", "8") as running:
        found = reader(context, running.target)
        station = replay(results, running.source, "a", "--rate", "0", "--times", "60")
        assert station.wait(120) == 0
        sent = int(re.match(r"\d+", station.stdout.read()).group())

        def known(what):
            return found.health.get("stations", {}).get("a", {}).get(what, 0)

        found.until(lambda: known("showers") + known("missing") >= sent)
        health = found.health
        assert health["received"] == health["answered"] + health["dropped"]
        assert health["stations"]["a"]["missing"] + health["dropped"] > 0


def test_malformed_messages_are_counted_and_the_others_answered(model, context):
    image = np.ones((1, 80, 80), np.float32)
    with stream(model) as running:
        found = reader(context, running.target)
        socket = context.socket(zmq.XPUB)
        socket.connect(running.source)
        socket.recv()
        rng = np.random.default_rng(3)
        for number in range(500):
            frames = messages.shower("a", number, 1.0, image)
            place = int(rng.integers(1, 3))
            spoilt = bytearray(frames[place])
            spoilt[int(rng.integers(len(spoilt)))] ^= 0xFF
            socket.send_multipart(
                [*frames[:place], bytes(spoilt[: int(rng.integers(len(spoilt)))]), *frames[place + 1 :]]
            )
        socket.send_multipart(messages.shower("good", 0, 1.0, image))
        found.until(lambda: ("good", 0) in found.answers)
        found.until(lambda: sum(found.health["malformed"].values()) >= 499)
        assert running.process.poll() is None


def test_it_is_there_again_after_kill_9_and_nobody_has_to_be_told(results, model, context):
    with stream(model) as running:
        source, target = running.source, running.target
        found = reader(context, target)
        station = replay(results, source, "a", "--rate", "50", "--times", "0")
        found.until(lambda: len(found.answers) > 5)
        running.process.kill()
        running.process.wait()
    before = max(number for _, number in found.answers)
    with stream(model, source=source, target=target) as running:
        found.until(lambda: max(number for _, number in found.answers) > before + 20)
        station.kill()
        station.wait()
        assert running.end()[0] == 0


def test_a_reader_that_never_reads_holds_up_nobody(results, model, expected, context):
    with stream(model) as running:
        lazy = context.socket(zmq.SUB)
        lazy.connect(running.target)
        lazy.subscribe(b"")
        found = reader(context, running.target)
        station = replay(results, running.source, "a", "--rate", "500", "--times", "3")
        assert station.wait(60) == 0
        found.until(lambda: len(found.answers) == 3 * len(expected))


def test_a_network_address_needs_a_key_and_with_it_only_stations_that_know_it_are_heard(
    results, model, context, tmp_path
):
    done = subprocess.run(
        [*CASCADA, "stream", str(model), "--in", "tcp://0.0.0.0:5555", "--out", "tcp://127.0.0.1:5556"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "need a key" in done.stderr
    made = subprocess.run(
        [*CASCADA, "stream", "--make-key", str(tmp_path / "key")], capture_output=True, text=True, check=True
    )
    assert (tmp_path / "key").stat().st_mode & 0o77 == 0
    public = re.search(r"'(\S{40})'", made.stdout)[1]
    with stream(model, "--key", str(tmp_path / "key")) as running:
        stranger = replay(results, running.source, "stranger", "--patience", "2")
        assert stranger.wait(60) == 1 and "nobody listened" in stranger.stdout.read()
        known = replay(results, running.source, "known", "--server-key", public)
        assert known.wait(60) == 0, known.stdout.read()
        wait_until(lambda: "answered_showers_total 0.0" not in httpx.get(running.metrics).text)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--in", "5555", "--out", "tcp://127.0.0.1:*"], "tcp://HOST:PORT"),
        (["--in", "tcp://127.0.0.1:*"], "--out missing"),
        (["--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*", "--queue", "1"], "one batch"),
        (
            ["--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*", "--metrics", "0.0.0.0:9465"],
            "this machine alone",
        ),
        (["--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*", "--key", "nowhere"], "--make-key"),
    ],
)
def test_what_cannot_be_started_is_a_sentence(model, arguments, word):
    done = subprocess.run([*CASCADA, "stream", str(model), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr
