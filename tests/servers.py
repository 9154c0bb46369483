"""Real servers on loopback for tests of DVC's remotes: Debian's sshd, and an S3 server from the package index."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SSHD = "/usr/sbin/sshd"
S3_PACKAGES = ("moto[s3]", "flask", "flask-cors")  # moto's server with S3 alone


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run a server until the block ends; it is ready when its port answers."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run sshd with keys of its own; yields the settings of a DVC remote. Skips where there is no sshd."""
    if not os.access(SSHD, os.X_OK):
        pytest.skip(f"{SSHD} is missing (Debian's package openssh-server): SSH remotes are not tested here")
    folder.chmod(0o700)
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/client.pub\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "Subsystem sftp internal-sftp\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's empty folder for its unprivileged part
    with running([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], port, folder / "log"):
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder}/objects"
        yield {"url": url, "keyfile": str(folder / "client"), "verify": "true"}


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run an S3 server with one empty bucket; yields the settings of a DVC remote. Skips where it cannot be installed."""
    program = _installed_s3_server(folder / "venv")
    port, keys = free_port(), {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    endpoint = f"http://127.0.0.1:{port}"
    with running([str(program), "-H", "127.0.0.1", "-p", str(port)], port, folder / "log", keys):
        import botocore.session

        client = botocore.session.get_session().create_client(
            "s3", endpoint_url=endpoint, region_name="us-east-1",
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        client.create_bucket(Bucket="showers")
        yield {
            "url": "s3://showers/objects", "endpointurl": endpoint, "region": "us-east-1", "verify": "true",
            "access_key_id": keys["AWS_ACCESS_KEY_ID"], "secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
        }  # fmt: skip


def _installed_s3_server(venv: Path) -> Path:
    """The server in a virtual environment of its own: it is no part of the project's."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    steps = ([sys.executable, "-m", "venv", venv], [venv / "bin/pip", "install", "--quiet", *S3_PACKAGES])
    for step in steps:
        done = subprocess.run(step, env=clean, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(venv, ignore_errors=True)
            pytest.skip(
                f"{S3_PACKAGES[0]} cannot be installed, S3 remotes are not tested here: {done.stderr.strip()[-300:]}"
            )
    return venv / "bin/moto_server"
