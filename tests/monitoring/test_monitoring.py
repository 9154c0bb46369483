"""Prometheus itself scrapes a search, a server and a stream: every query means something, and alerts fire and clear."""

import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import trials
import yaml
from exports import make_export
from serve_process import running, wait_until
from showers import small_dataset

from cascada.data.format import open_showers

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "monitoring"
needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="Prometheus (Debian's package prometheus) is missing"
)
ABSENT_HERE = ("cascada_trial_gpu_",)  # no GPU in this search


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)


@needs_prometheus
def test_every_alert_fires_when_it_should_and_clears():
    assert promtool("check", "config", FOLDER / "prometheus.yml").returncode == 0
    done = promtool("test", "rules", FOLDER / "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    tried = {
        test["alertname"]
        for group in yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
        for test in group["alert_rule_test"]
    }
    assert tried == {rule["alert"] for rule in rules()}


@needs_prometheus
def test_the_tests_of_the_alerts_can_fail(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "monitoring")
    alerts = tmp_path / "monitoring/alerts.yml"
    alerts.write_text(alerts.read_text().replace('{state="silent"} > 0', '{state="silent"} > 1'))
    assert promtool("test", "rules", tmp_path / "monitoring/alerts_test.yml").returncode != 0


def rules():
    return [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def queries():
    """Of the dashboard and the alerts."""
    panels = json.loads((FOLDER / "grafana.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())] + [
        rule["expr"] for rule in rules()
    ]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def search(tmp_path):
    """A search with one trial that is done, and one at work in a process that is really there."""
    results = tmp_path / "results/search"
    for name in ("search", "dataset"):
        (results / name).mkdir(parents=True)
    data = small_dataset(results / "dataset", showers=400)[0]
    (results / "search/configurations.tsv").write_text("configuration\tmodel\tseeds\nlenet-0123abcd\tlenet\t7,8\n")
    done = results / "trials/lenet-0123abcd/seed-8/epochs-1"
    trials.run(trials.specification(tmp_path, data, epochs=1, seed=8) | {"folder": str(done)})
    folder = results / "trials/lenet-0123abcd/seed-7/epochs-500"
    process = trials.start(
        trials.specification(tmp_path, data, epochs=500) | {"folder": str(folder)}, OMP_NUM_THREADS="1"
    )
    wait_until(lambda: (folder / "progress.json").exists())
    wait_until(lambda: json.loads((folder / "progress.json").read_text())["epoch"] > 1)
    yield results, process, folder / "progress.json"
    process.kill()
    process.communicate()


class Prometheus:
    def __init__(self, port):
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)

    def query(self, text):
        answer = self.client.get("/api/v1/query", params={"query": text}).json()
        assert answer["status"] == "success", (text, answer)
        return answer["data"]["result"]

    def firing(self):
        alerts = self.client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def metrics(self):
        return set(self.client.get("/api/v1/label/__name__/values").json()["data"])


@pytest.fixture
def scrape(tmp_path):
    """Starts Prometheus with our rules, made impatient, and our jobs at other ports."""
    started = []

    def start(**targets):
        folder = tmp_path / "prometheus"
        folder.mkdir()
        alerts = (FOLDER / "alerts.yml").read_text()
        (folder / "alerts.yml").write_text(re.sub(r"for: \w+", "for: 1s", alerts).replace("[5m]", "[10s]"))
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [targets[job["job_name"].removeprefix("cascada-")]]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        started.append(process)
        found = Prometheus(port)
        wait_until(lambda: ready(found))
        return found

    yield start
    for process in started:
        process.terminate()
        process.wait(30)


def ready(prometheus):
    try:
        return prometheus.client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


@needs_prometheus
@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.training
def test_prometheus_sees_everything_and_alerts_fire_and_clear(search, scrape, tmp_path):
    results, trial, progress = search
    export = make_export(tmp_path / "export")
    model = tmp_path / "model"
    shutil.copytree(export / "model", model)
    with open_showers(export / "dataset/train.h5") as file:
        images = file["images"][:60]
    cascada = [sys.executable, "-m", "cascada"]
    watcher = subprocess.Popen(
        [*cascada, "status", "--serve", "127.0.0.1:0", str(results)], stdout=subprocess.PIPE, text=True
    )
    ends = ["--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*", "--metrics", "127.0.0.1:0"]
    stream = subprocess.Popen(
        [*cascada, "stream", str(model), *ends, "--threads", "1"], stdout=subprocess.PIPE, text=True
    )
    try:
        (tmp_path / "server").mkdir()
        with running(model, tmp_path / "server") as server:
            said = stream.stdout.readline()
            prometheus = scrape(
                search=re.search(r"http://([^/]+)/metrics", watcher.stdout.readline())[1],
                serve=server.address.removeprefix("http://"),
                stream=re.search(r"http://([^/]+)/metrics", said)[1],
            )
            wait_until(lambda: len(prometheus.query("up == 1")) == 3)
            assert prometheus.firing() == set()

            def ask(factor, showers):
                body = io.BytesIO()
                np.savez(body, images=np.resize(factor * images, (showers, *images.shape[1:])))
                assert server.client.post("/predict", content=body.getvalue()).status_code == 200

            ask(8, 600)  # another detector
            played = [
                *cascada,
                "replay",
                str(export / "dataset/train.h5"),
                "--to",
                re.search(r"connect to (\S+),", said)[1],
            ]
            assert (
                subprocess.run([*played, "--rate", "0", "--times", "4"]).returncode == 0
            )  # a station that then falls silent
            (model / "model.onnx").write_bytes(b"damaged")
            server.process.send_signal(signal.SIGHUP)
            trial.send_signal(signal.SIGSTOP)  # a trial that hangs
            content = json.loads(progress.read_text())
            progress.write_text(json.dumps(content | {"time": time.time() - 600}))  # for ten minutes
            expected = {"CascadaModelDrifted", "CascadaStationSilent", "CascadaModelRefused", "CascadaTrialSilent"}
            wait_until(lambda: expected <= prometheus.firing(), 180)

            known = prometheus.metrics()
            for query in queries():
                prometheus.query(query)
                for name in set(re.findall(r"\bcascada_\w+", query)) - known:
                    assert name.startswith(ABSENT_HERE), f"{name}: nobody shows it"

            trial.send_signal(signal.SIGCONT)
            shutil.copytree(export / "model", model, dirs_exist_ok=True)
            server.process.send_signal(signal.SIGHUP)
            ask(1, 2048)  # as many as are remembered
            assert subprocess.run([*played, "--rate", "100", "--first", "1000000"]).returncode == 0

            def cleared():
                print("still firing:", sorted(prometheus.firing()))  # shown if it waits in vain
                return not prometheus.firing() & (expected - {"CascadaStationSilent"})

            wait_until(cleared, 180)
    finally:
        for process in (watcher, stream):
            process.terminate()
            assert process.wait(60) == 0
            process.stdout.close()


def test_an_address_that_others_reach_is_refused(tmp_path):
    (tmp_path / "search").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "cascada", "status", "--serve", "0.0.0.0:9464", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "this machine alone" in done.stderr
