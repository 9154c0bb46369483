"""Each flag of `cascada serve` that no other test gives, through the command line, where its effect must show."""

import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from serve_process import running, wait_until

pytestmark = pytest.mark.nightly


def ask(address, showers=1):
    file = io.BytesIO()
    np.savez(file, images=np.ones((showers, 1, 80, 80), np.float32))
    return httpx.post(f"{address}/predict", content=file.getvalue(), timeout=60)


def metric(server, beginning):
    lines = server.client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(beginning))


def test_name_and_showers_and_rate(model, tmp_path):
    with running(model, tmp_path, "--name", "mine", "--max-showers", "2", "--rate", "5") as server:
        assert server.client.get("/v2/models/mine").json()["name"] == "mine"
        assert ask(server.address, 2).json()["model"]["name"] == "mine"
        refused = server.client.get("/v2/models/tiny")
        assert refused.status_code == 404 and "this server has 'mine'" in refused.json()["error"]
        assert ask(server.address, 3).status_code == 413
        time.sleep(2)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: httpx.get(f"{server.address}/model", timeout=60), range(40)))
        late = [one for one in answers if one.status_code == 429]
        assert late and all(one.headers["retry-after"] == "1" for one in late)
        assert 5 <= len(answers) - len(late) < 40
        time.sleep(2)
        assert metric(server, 'cascada_refused_total{reason="rate"}') == len(late)


def test_more_connections_than_allowed_are_refused_and_the_health_is_not(model, tmp_path):
    with running(model, tmp_path, "--max-connections", "5") as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        server.client.get("/v2/health/live")
        silent = [socket.create_connection((host, int(port))) for _ in range(5)]
        wait_until(lambda: server.client.get("/v2/models/tiny").status_code == 503)
        refused = server.client.get("/v2/models/tiny")
        assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
        assert "5 connections are open already" in refused.json()["error"]
        assert server.client.get("/v2/health/ready").status_code == 200
        for one in silent:
            one.close()
        wait_until(lambda: server.client.get("/v2/models/tiny").status_code == 200)
        assert metric(server, 'cascada_refused_total{reason="connections"}') >= 2


def test_batches_wait_and_are_no_larger_than_allowed(model, tmp_path):
    with running(model, tmp_path, "--batch", "4", "--wait-ms", "1500") as server:
        started = time.monotonic()
        ask(server.address)
        assert time.monotonic() - started > 1.4  # nobody else came
        with ThreadPoolExecutor(8) as pool:
            assert {one.status_code for one in pool.map(lambda _: ask(server.address), range(8))} == {200}
        assert metric(server, 'cascada_batch_showers_bucket{le="4.0"}') == metric(server, "cascada_batch_showers_count")
        assert metric(server, "cascada_batch_showers_count") <= 5


def test_another_host_with_a_token_of_the_environment(model, tmp_path):
    with running(model, tmp_path, "--host", "0.0.0.0", CASCADA_TOKEN="s3cret") as server:
        address = server.address.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{address}/model", timeout=60).status_code == 401
        given = {"authorization": "Bearer s3cret", "host": "observatory.example"}
        assert httpx.get(f"{address}/model", headers=given, timeout=60).status_code == 200
