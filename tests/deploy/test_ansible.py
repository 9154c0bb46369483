"""The Ansible role on this machine: two published versions come, take over, and go back; a damaged one does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import publications
import pytest
from publications import refused_release
from serve_process import running, wait_until

from cascada.core.files import read_json

ROOT = Path(__file__).parents[2]
PLAYBOOK = ROOT / "deploy/ansible/playbook.yml"
ANSIBLE = shutil.which("ansible-playbook")

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Two published versions, 0.1.0 and 0.2.0, of different models."""
    if not ANSIBLE:
        pytest.skip("ansible-playbook is missing (Debian's package ansible-core): the role is not run here")
    with publications.of_two_models(tmp_path_factory.mktemp) as folder:
        yield folder


@pytest.fixture(scope="module")
def play(repository, tmp_path_factory):
    """A function that runs the playbook on this machine; `play.root` is where versions are installed."""
    root = tmp_path_factory.mktemp("srv")
    settings = {
        "cascada_repository": repository, "cascada_bin": Path(sys.executable).parent, "cascada_root": root / "cascada",
        "cascada_reload": f"['sh', '-c', 'readlink {root}/cascada/current >> {root}/reloads']", "cascada_health": "",
        "cascada_service": True, "cascada_units": root, "cascada_etc": root / "etc", "cascada_reload_units": "['true']",
    }  # fmt: skip

    def run(*arguments):
        words = [word for name, value in settings.items() for word in ("-e", f'{{"{name}": {_yaml(value)}}}')]
        return subprocess.run(
            [ANSIBLE, "-i", "localhost,", "-c", "local", str(PLAYBOOK), *words, *arguments],
            capture_output=True, text=True, check=False, env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip

    run.root = root
    return run


def _yaml(value):
    return value if isinstance(value, str) and value.startswith("[") else f'"{value}"'


def answering(root):
    return read_json(root / "cascada/current/model.json")["published"]["version"]


def test_versions_come_take_over_and_go_back(play):
    root = play.root
    dry = play("-e", "cascada_version=0.1.0", "--check")
    assert dry.returncode == 0, dry.stdout
    assert "changed=0" not in dry.stdout and list(root.iterdir()) == [], "a check changes nothing"

    for version in ("0.1.0", "0.2.0"):
        done = play("-e", f"cascada_version={version}")
        assert done.returncode == 0, done.stdout
        assert answering(root) == version
    assert (root / "reloads").read_text().split() == ["releases/0.1.0", "releases/0.2.0"]
    assert os.readlink(root / "cascada/previous") == "releases/0.1.0"
    assert (root / "etc/token").stat().st_mode & 0o777 == 0o600 and (root / "cascada-serve.service").is_file()
    token = (root / "etc/token").read_text()
    assert len(token) == 49

    again = play("-e", "cascada_version=0.2.0")
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout
    assert (root / "etc/token").read_text() == token

    back = play("-e", "rollback=true")
    assert back.returncode == 0 and answering(root) == "0.1.0", back.stdout
    assert os.readlink(root / "cascada/previous") == "releases/0.2.0"
    assert (root / "reloads").read_text().split()[-1] == "releases/0.1.0"


def test_the_server_is_asked_whether_it_answers_with_the_version(play, tmp_path):
    """A real server: one version takes over; another that it refuses does not, although it is whole, and the link leads back."""
    folder, releases = play.root / "cascada", play.root / "cascada/releases"
    with running(folder / "current", tmp_path) as server:
        health = f"cascada_health={server.address}/v2/health/ready"
        reload = {"cascada_reload": ["kill", "-HUP", str(server.process.pid)], "cascada_health_retries": 3}
        done = play("-e", "cascada_version=0.2.0", "-e", health, "-e", json.dumps(reload))
        assert done.returncode == 0, done.stdout
        assert server.client.get("/v2/health/ready").json()["version"] == "0.2.0"
        refused_release(releases, "0.2.0", "0.5.0")
        done = play("-e", "cascada_version=0.5.0", "-e", health, "-e", json.dumps(reload))
        assert done.returncode and "0.5.0: the server does not answer with it" in done.stdout
        assert os.readlink(folder / "current") == "releases/0.2.0"
        assert os.readlink(folder / "previous") == "releases/0.1.0"
        wait_until(lambda: "warning" not in server.client.get("/v2/health/ready").json())
        back = play("-e", "rollback=true", "-e", health, "-e", json.dumps(reload))
        assert back.returncode == 0, back.stdout
        assert server.client.get("/v2/health/ready").json()["version"] == "0.1.0"


def test_what_is_no_version_missing_or_damaged_does_not_take_over(play):
    root, before = play.root, os.readlink(play.root / "cascada/current")
    for version, word in (("one", "expected one as in 1.2.0"), ("9.9.9", "model@v9.9.9")):
        done = play("-e", f"cascada_version={version}")
        assert done.returncode and word in done.stdout
    damaged = root / "cascada/releases/0.2.0/model.onnx"
    content = damaged.read_bytes()
    damaged.unlink()
    damaged.write_bytes(content[:-1] + b"x")
    done = play("-e", "cascada_version=0.2.0")
    assert done.returncode and "FAILED" in done.stdout
    assert os.readlink(root / "cascada/current") == before


def test_without_a_version_before_there_is_no_way_back(play):
    (play.root / "cascada/previous").unlink()
    done = play("-e", "rollback=true")
    assert done.returncode and "no version to go back to" in done.stdout
