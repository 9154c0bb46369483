"""Hundreds of malformed requests, and ten thousand by night: no crash, no traceback in an answer, no growth."""

import io
import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import psutil
import pytest
from serve_process import running

from cascada.serving.http.shared import PLACES

IMAGES = np.random.default_rng(1).random((2, 1, 80, 80), np.float32)
PATHS = (
    "/v2/models/tiny/infer",
    "/predict",
    "/explain",
    "/v2/models/tiny",
    "/v2/nothing",
    "/examples/1",
    "/drift.json",
    "/",
)
HEADER = "inference-header-content-length"


def whole(rng):
    """A body that is right, with its headers, as the start of something that is not."""
    tensor = {"name": "images", "datatype": "FP32", "shape": [2, 1, 80, 80]}
    archive = io.BytesIO()
    np.savez(archive, images=IMAGES)
    binary = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": IMAGES.nbytes}}]}).encode()
    small = json.dumps({"inputs": [tensor | {"shape": [1, 1, 80, 80], "data": [0.5] * 6400}]}).encode()
    return rng.choice(
        [
            (binary + IMAGES.tobytes(), {HEADER: str(len(binary))}),
            (small, {"content-type": "application/json"}),
            (archive.getvalue(), {}),
            (b'{"images": [[1, 2], [3]]}', {"content-type": "application/json"}),
            (b"\x89HDF\r\n\x1a\n" + rng.randbytes(200), {}),
            (rng.randbytes(500), {}),
        ]
    )


def spoilt(rng):
    """One request: method, path, body and headers, of which something is wrong more often than not."""
    body, headers = whole(rng)
    body = bytearray(body)
    for _ in range(rng.randrange(4)):
        place, kind = rng.randrange(max(1, len(body))), rng.randrange(3)
        if kind == 0 and body:
            body[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del body[place:]
        else:
            body[place:place] = rng.choice([b"\x00" * 9, b"[[[[", b'"', b"NaN", b"-1", b"1e999", rng.randbytes(7)])
    if rng.random() < 0.3:
        headers = headers | {HEADER: rng.choice(["-1", "0", "x", "99999999999", str(len(body)), "1"])}
    if rng.random() < 0.2:
        headers = headers | {
            "content-type": rng.choice(["text/plain", "application/json", "multipart/form-data; boundary=x", "\xff"])
        }
    query = rng.choice(["", "", "?shower=-1", "?shower=99999999999999999999", "?source=../../etc", "?source=corsika7"])
    return rng.choice(["POST", "POST", "POST", "PUT", "GET", "DELETE"]), rng.choice(PATHS) + query, bytes(body), headers


def bombard(server, number, seed):
    rng = random.Random(seed)
    process, statuses, before = psutil.Process(server.process.pid), [], None
    for count in range(number):
        method, path, body, headers = spoilt(rng)
        if (
            path.startswith(("/predict", "/explain"))
            and body[:2] != b"PK"
            and "json" not in headers.get("content-type", "")
            and count % 25
        ):
            continue  # each starts a process that reads the file: a few are enough
        answer = server.client.request(
            method, path, content=body, headers={k: v.encode("latin-1") for k, v in headers.items()}
        )
        statuses.append(answer.status_code)
        assert answer.status_code < 500 or answer.status_code == 503, (seed, count, method, path, answer.text)
        assert "Traceback" not in answer.text and "/tmp/" not in answer.text
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error"}, (seed, count, answer.text)
        if count == number // 3:
            before = process.memory_info().rss
    assert server.client.get("/v2/health/ready").status_code == 200
    assert process.memory_info().rss < before + 60e6
    return statuses


def test_hundreds_of_malformed_requests(model, tmp_path):
    with running(model, tmp_path, "--max-megabytes", "2") as server:
        statuses = bombard(server, 500, seed=11)
        assert {200, 400, 404, 405} <= set(statuses)
        assert "exception" not in server.log


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_ten_thousand_malformed_requests(model, tmp_path):
    with running(model, tmp_path, "--max-megabytes", "2") as server:
        bombard(server, 10_000, seed=int(time.time()) // 86400)
        assert "exception" not in server.log


def test_who_sends_slowly_or_half_or_nothing_is_cut_off_and_holds_up_nobody(model, tmp_path):
    with running(model, tmp_path, "--timeout", "2") as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
        slow = [socket.create_connection((host, int(port))) for _ in range(20)]
        for number, one in enumerate(slow):
            one.sendall([b"", b"GET / HT", head, head + b"x" * 10][number % 4])
        started = time.monotonic()
        assert server.client.get("/v2/health/ready").status_code == 200 and time.monotonic() - started < 2
        for number, one in enumerate(slow):
            one.settimeout(20)
            answer = one.recv(4096)
            assert answer == b"" or b" 408 " in answer.partition(b"\r\n")[0], (number, answer[:200])
            one.close()
        assert time.monotonic() - started < 20


def test_a_body_that_never_ends_is_refused_before_it_fills_anything(model, tmp_path):
    with running(model, tmp_path, "--max-megabytes", "1") as server:

        def endless():
            while True:
                yield bytes(100_000)

        before = psutil.Process(server.process.pid).memory_info().rss
        try:
            answer = server.client.post("/predict", content=endless())
            assert answer.status_code == 413
        except httpx.TransportError:
            pass  # the server has closed the connection in the middle
        with socket.create_connection(server.address.removeprefix("http://").split(":"), timeout=20) as one:
            one.sendall(b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000000\r\n\r\nx")
            assert b" 413 " in one.recv(4096)
        assert psutil.Process(server.process.pid).memory_info().rss < before + 30e6


def test_few_files_are_read_at_a_time_however_many_come(model, tmp_path):
    with running(model, tmp_path) as server, ThreadPoolExecutor(12) as pool:
        process, most = psutil.Process(server.process.pid), 0
        waiting = [
            pool.submit(httpx.post, f"{server.address}/predict", content=b"no file", timeout=60) for _ in range(12)
        ]
        while not all(one.done() for one in waiting):
            most = max(most, len(process.children()))
            time.sleep(0.02)
        assert {one.result().status_code for one in waiting} == {422}
        assert 1 <= most <= PLACES
