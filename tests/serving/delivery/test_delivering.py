"""`make deliver` on a real server that is asked all the time: versions that may take over, may not, or cannot be had."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import publications
import pytest
from publications import refused_release
from serve_process import running, wait_until

from cascada.core.errors import ConfigError, DataError
from cascada.serving.delivery import watching
from cascada.serving.delivery.delivering import _switch, deliver
from cascada.serving.delivery.releases import install, link
from cascada.serving.delivery.rule import Rule
from cascada.serving.delivery.watching import Seen, Watched

ROOT = Path(__file__).parents[3]
LINKS = ("current", "previous", "next")
TOKEN = {"CASCADA_TOKEN": "s3cret"}
HEADERS = {"authorization": "Bearer s3cret"}


@pytest.mark.parametrize("version", ["", "one", "1.2", "v1.2.0", "1.2.0; true", "١.2.0"])
def test_what_is_no_version_is_a_sentence(version, tmp_path):
    with pytest.raises(ConfigError, match=r"expected one as in 1\.2\.0"):
        deliver(version, Rule(root=str(tmp_path)))


class Telling(Watched):
    """A server that has seen these, one after the other, and then the last."""

    def look(self):
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]


@pytest.mark.parametrize(
    "after, word, links",
    [
        ({"current": "1.1.0"}, None, {"current": "releases/1.1.0", "previous": "releases/1.0.0"}),
        ({"current": "1.0.0", "refused": 4}, "1.1.0 is refused by the server", {"current": "releases/1.0.0"}),
        ({"current": "1.0.0", "refused": 3}, "did not take over within", {"current": "releases/1.0.0"}),
    ],
)
def test_the_link_leads_back_if_the_server_does_not_take_the_version(after, word, links, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "POLL", 0.01)
    releases = [tmp_path / "releases" / version for version in ("1.0.0", "1.1.0")]
    link(tmp_path / "current", releases[0])
    Telling.seen = [Seen(current="1.0.0", refused=3), Seen(**after)]
    with contextlib.nullcontext() if word is None else pytest.raises(DataError, match=word):
        _switch(tmp_path, *releases, "1.1.0", Rule(load_seconds=0.05), Telling("http://127.0.0.1"))
    assert {path.name: os.readlink(path) for path in tmp_path.iterdir()} == links


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Published: 0.1.0; 0.2.0, the same model again; 0.3.0, another one."""
    with publications.of_two_models(tmp_path_factory.mktemp, first=2) as folder:
        yield folder


@pytest.fixture(scope="module")
def server(repository, tmp_path_factory):
    """A server with version 0.1.0, asked all the time; `root`, `rules` and `deliver` as a user has them."""
    folder = tmp_path_factory.mktemp("served")
    root, rules = folder / "srv", folder / "rules.yaml"
    link(root / "current", install(root, "0.1.0", str(repository)))
    with running(root / "current", folder, "--watch", "--shadow", str(root / "next"), **TOKEN) as server:
        lines = {"root": root, "server": server.address, "repository": repository, "showers": 300, "seconds": 60}
        rules.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
        server.root, server.rules = root, rules
        with asking(server.address):
            yield server


def make_deliver(server, version, **environment):
    command = ["make", "--no-print-directory", "-o", ".venv/.installed", "deliver"]
    return subprocess.run(
        [*command, f"VERSION={version}", f"RULES={server.rules}"],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | (environment or TOKEN),
    )  # fmt: skip


@contextlib.contextmanager
def asking(address):
    """A client that asks all the time; every answer must be a good one."""
    ended, statuses = threading.Event(), []
    body = np.exp(np.random.default_rng(0).normal(size=(16, 1, 80, 80)) * 2).round(3)
    content = {
        "inputs": [{"name": "images", "shape": list(body.shape), "datatype": "FP32", "data": body.ravel().tolist()}]
    }

    def ask():
        with httpx.Client(base_url=address, timeout=60, headers=HEADERS) as client:
            while not ended.is_set():
                statuses.append(client.post("/v2/models/tiny/infer", json=content).status_code)
                time.sleep(0.05)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert len(statuses) > 100 and set(statuses) == {200}


def answering(server):
    """What the server says, and where the links lead."""
    version = server.client.get("/v2/models/tiny", headers=HEADERS).json()["versions"]
    return version[0], {link: os.readlink(server.root / link) for link in LINKS if (server.root / link).is_symlink()}


@pytest.mark.nightly
def test_a_version_that_answers_as_the_present_one_does_takes_over(server):
    done = make_deliver(server, "model@v0.2.0")
    assert done.returncode == 0, done.stderr
    assert "version 0.2.0 answers now, 0.1.0 did before" in done.stdout
    assert "another class for 0.0000 [0.0000," in done.stdout
    after = "0.2.0", {"current": "releases/0.2.0", "previous": "releases/0.1.0"}
    assert answering(server) == after
    again = make_deliver(server, "0.2.0")
    assert again.returncode == 0 and "version 0.2.0 answers already" in again.stdout and answering(server) == after


@pytest.mark.nightly
@pytest.mark.parametrize(
    "version, word",
    [
        ("0.3.0", "version 0.3.0 is refused, 0.2.0 goes on answering: the share of other classes may be"),
        ("0.4.0", "model.onnx"),
        ("0.5.0", "refused by the server"),
        ("9.9.9", "model@v9.9.9 cannot be had"),
        ("one", "expected one as in 1.2.0"),
        ("", "expected one as in 1.2.0"),
    ],
)
def test_a_version_that_differs_is_damaged_or_is_missing_does_not(server, version, word):
    before, releases = answering(server), server.root / "releases"
    if version == "0.4.0":
        shutil.copytree(releases / "0.2.0", releases / version)
        (releases / version / "model.onnx").write_bytes(b"damaged")
    if version == "0.5.0":
        refused_release(releases, "0.2.0", version)
    done = make_deliver(server, version)
    assert done.returncode and word in done.stderr and "Traceback" not in done.stderr
    assert answering(server) == before


@contextlib.contextmanager
def delivering(server, version):
    """A delivery that has come as far as the shadow, and waits there for more showers than will ever come."""
    server.rules.write_text(server.rules.read_text().replace("showers: 300", "showers: 1000000"))
    command = [sys.executable, "-m", "cascada", "deliver", "--rules", str(server.rules), version]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | TOKEN, **pipes) as process:
        wait_until(lambda: shadow(server) == version, 120)
        yield process


def shadow(server):
    found = re.search(r'cascada_shadow_info{.*version="(.*?)"', server.client.get("/metrics", headers=HEADERS).text)
    return found[1] if found else ""


@pytest.mark.nightly
def test_a_delivery_that_is_ended_leaves_all_as_it_was(server):
    """Also where one that was killed has left its version in the shadow."""
    before = answering(server)
    link(server.root / "next", server.root / "current")
    wait_until(lambda: shadow(server) == before[0])
    with delivering(server, "0.3.0") as process:
        second = make_deliver(server, "0.1.0")
        assert second.returncode and "another version is being delivered" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60)[1].count("\n") == 1 and process.returncode == 130
    assert answering(server) == before


@pytest.mark.nightly
def test_a_delivery_ends_if_somebody_else_switches(server):
    current, before = server.root / "current", answering(server)
    folder = current.resolve()
    with delivering(server, "0.3.0") as process:
        link(current, server.root / "releases/0.3.0")
        said = process.communicate(timeout=60)[1]
        assert (
            process.returncode == 1 and "now 0.3.0 answers with 0.3.0 in the shadow: somebody else has switched" in said
        )
        assert os.readlink(current) == "releases/0.3.0"
    link(current, folder)
    wait_until(lambda: answering(server) == before)


@pytest.mark.nightly
def test_a_token_is_asked_for(server):
    done = make_deliver(server, "0.1.0", CASCADA_TOKEN="")
    assert done.returncode and "--token-file" in done.stderr
