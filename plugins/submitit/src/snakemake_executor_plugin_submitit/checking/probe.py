"""What a task of the check does on its node. It writes what it finds into the folder that it shares with the driver."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from snakemake_executor_plugin_submitit.members import job_id, write_json

ANSWER_S = 30.0  # how long to wait for the driver, and for the other task
LOCKS = ("held", "not seen", "not supported")


@dataclass(frozen=True)
class Probe:
    """A task; number 0 stays until SLURM warns of its time limit, or that has passed."""

    folder: Path
    number: int
    limit_s: float

    def __call__(self) -> None:
        began, warned = time.monotonic(), []
        signal.signal(signal.SIGUSR2, lambda *_: warned.append(time.monotonic() - began))
        found = self.look()
        found["lock_of_driver"] = try_lock(self.folder / "lock")
        if self.number:
            found["lock_of_node"] = self.try_the_other_s_lock()
            write_json(self.folder / f"probe-{self.number}.json", found)
            return
        with (self.folder / "lock-0").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            (self.folder / "locked-0").touch()
            found["round_trip_s"] = self.round_trip()
            write_json(self.folder / "probe-0.json", found)
            while not warned and time.monotonic() - began < self.limit_s + 60:
                time.sleep(0.1)
        write_json(self.folder / "signal.json", {"after_s": warned[0] if warned else None})

    def look(self) -> dict:
        """Where it is, and what it has there."""
        from importlib.metadata import version

        return {
            "number": self.number,
            "host": socket.gethostname(),
            "node": os.environ.get("SLURMD_NODENAME", ""),
            "python": sys.version.split()[0],
            "versions": {name: version(name) for name in ("snakemake", "submitit")},
            "time": time.time(),
            "scontrol": scontrol(),
            "variables": sorted(os.environ),
        }

    def round_trip(self) -> float | None:
        """Seconds until the driver has answered through the file system; None if it has not."""
        began = time.monotonic()
        (self.folder / "ping").touch()
        return time.monotonic() - began if self._appears("pong") else None

    def try_the_other_s_lock(self) -> str | None:
        """Whether this node sees the lock that the first task holds; None if that has not come to it."""
        return try_lock(self.folder / "lock-0") if self._appears("locked-0") else None

    def _appears(self, name: str) -> bool:
        deadline = time.monotonic() + ANSWER_S
        while name not in os.listdir(self.folder):  # a listing has a network file system look again
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def try_lock(path: Path) -> str:
    """Ask for a lock that another process holds, perhaps on another machine; one of LOCKS."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "held"
    except OSError:
        return "not supported"
    return "not seen"


def scontrol() -> str:
    """Empty if `scontrol` answers on this node, or else what it says."""
    try:
        done = subprocess.run(["scontrol", "show", "job", str(job_id())], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip() or "no answer"
