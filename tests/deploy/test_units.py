"""The systemd units: systemd's own tools accept them, and their command answers behind their locks."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import systemd_units as units
from exports import make_export
from servers import free_port

from cascada.data.format import open_showers

SYSTEM, USER = units.ROOT / "deploy/cascada-serve.service", units.ROOT / "deploy/user/cascada-serve.service"
BOTH = pytest.mark.parametrize("manager, unit", [("system", SYSTEM), ("user", USER)], ids=["system", "user"])
EXPOSURE = {"system": 1.5, "user": 6.5}  # of 10, at most; a user's manager cannot do more


@pytest.fixture
def installed(tmp_path):
    """A function that copies a unit as it is installed, with a program that exists here."""

    def install(unit):
        program = units.settings(unit)["ExecStart"][0].split()[0]
        target = tmp_path / unit.name
        target.write_text(unit.read_text().replace(program, str(Path(sys.executable).with_name("cascada"))))
        return target

    return install


@BOTH
def test_systemd_accepts_the_unit(manager, unit, installed, tmp_path):
    units.needs_systemd()
    said = units.analyze(f"--{manager}", "verify", "--man=no", str(installed(unit)), runtime=tmp_path)
    assert said == "", "an unknown key is only a warning"


@BOTH
def test_the_exposure_is_what_the_document_says(manager, unit, installed, tmp_path):
    units.needs_systemd()
    said = units.analyze(f"--{manager}", "security", "--offline=true", str(installed(unit)), runtime=tmp_path)
    exposure = float(said.split("Overall exposure level")[1].split(":")[1].split()[0])
    assert exposure <= EXPOSURE[manager]
    assert f"{EXPOSURE[manager]}" in (units.ROOT / "docs/delivery.md").read_text()


@BOTH
def test_the_command_has_every_setting_and_no_secret(manager, unit):
    values = units.environment(units.ROOT / "deploy/serve.env") | {"CREDENTIALS_DIRECTORY": "/run/credentials/x"}
    words = units.command(unit, values, Path("/home/h"))
    for name, value in values.items():
        assert any(value in word for word in words) or (name == "CREDENTIALS_DIRECTORY" and manager == "user")
    from cascada.commands.serve import _parser

    assert _parser().parse_args(words[2:]).watch
    assert "User=root" not in unit.read_text() and "CASCADA_TOKEN" not in unit.read_text()


@pytest.mark.nightly
def test_the_units_command_answers_behind_its_locks(tmp_path):
    """ExecStart itself, with the settings' file, a credential as systemd leaves it, no W+X memory, and the filter of system calls."""
    units.needs_systemd()
    results = make_export(tmp_path / "results")
    credentials, port = tmp_path / "credentials", free_port()
    credentials.mkdir()
    (credentials / "token").write_text("s3cret\n")
    (credentials / "token").chmod(0o440)
    values = units.environment(units.ROOT / "deploy/serve.env") | {
        "CASCADA_MODEL": str(results / "model"), "CASCADA_SHADOW": str(tmp_path / "next"),
        "CASCADA_PORT": str(port), "CREDENTIALS_DIRECTORY": str(credentials), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    words = [sys.executable, "-m", "cascada", *units.command(SYSTEM, values, tmp_path)[1:]]
    locks = units.lock(units.syscalls(SYSTEM, tmp_path))
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(words, env=values, stdout=log, stderr=log, preexec_fn=locks)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _wait(client, process, tmp_path / "log")
            assert client.get("/model").status_code == 401
            client.headers["authorization"] = "Bearer s3cret"
            with open_showers(results / "dataset/train.h5") as file:
                images = file["images"][:2]
            np.savez(tmp_path / "images.npz", images=images)
            for upload in (tmp_path / "images.npz", results / "dataset/train.h5"):  # one is read by another process
                answer = client.post("/predict", content=upload.read_bytes())
                assert answer.status_code == 200, answer.text + (tmp_path / "log").read_text()
    finally:
        process.terminate()
    assert process.wait(60) == 0


def _wait(client, process, log):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            return client.get("/v2/health/live")
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())
