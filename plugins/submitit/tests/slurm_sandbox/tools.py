"""Small helpers of the sandbox: which programs there are, free ports, polling."""

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TIMEOUT_S = 120.0  # a machine under load starts slowly; on an idle one the whole takes two to six seconds
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
ACCOUNTING_PROGRAMS = ("mariadbd", "mariadb-install-db", "slurmdbd", "sacct")
PORTS = (20000, 32000)


class SandboxError(RuntimeError):
    """SLURM did not do what it should have done; the message has the tail of the log that says why."""


def search_path() -> str:
    """PATH with the folders of system programs, which not every user has on it."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def missing(accounting: bool = False) -> list[str]:
    """The programs that a sandbox needs and that are not installed."""
    programs = PROGRAMS + (ACCOUNTING_PROGRAMS if accounting else ())
    return [program for program in programs if shutil.which(program, path=search_path()) is None]


def slurm_version() -> tuple[int, int]:
    """Year and month of the installed SLURM: `slurm-wlm 22.05.8` -> (22, 5)."""
    answer = subprocess.run(
        [shutil.which("slurmd", path=search_path()), "-V"], capture_output=True, text=True, check=True
    )
    year, month = re.search(r"(\d+)\.(\d+)", answer.stdout).groups()
    return int(year), int(month)


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S, every_s: float = 0.1) -> None:
    """Poll until `condition()` holds; SandboxError that names `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise SandboxError(f"waited {timeout_s:.0f} s in vain until {what}")
        time.sleep(every_s)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on, all different.

    They lie below the range that outgoing connections take theirs from, so that a daemon finds its port again after a
    restart, and are drawn at random, so that two sandboxes starting together do not draw the same.
    """
    free = []
    while len(free) < count:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            free += [port] if port not in free else []
    return free


def alive(pid: int) -> bool:
    """Whether the process runs or is stopped; a zombie is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def parent(pid: int) -> int:
    """The parent's process id; 0 where the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def running() -> list[int]:
    """All processes of the machine that run or are stopped."""
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit() and alive(int(entry.name))]


def is_on_node(pid: int, node: str, configuration_file: Path) -> bool:
    """Whether the process belongs to a job on this node of the SLURM with this slurm.conf."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return {f"SLURMD_NODENAME={node}".encode(), f"SLURM_CONF={configuration_file}".encode()} <= set(variables)
