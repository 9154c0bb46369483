"""What a command takes: processor time, wall time, memory."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took: processor and wall time [s], the most memory of one of its processes [MB]."""

    cpu: float
    wall: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.cpu:.1f} s ({self.wall:.1f} s), {self.megabytes:.0f} MB"


def run(command: list[str], folder: Path) -> Spent:
    """Run a command that must end well; what it prints is shown if it does not."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryFile("w+") as screen:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=screen, stderr=screen, env=os.environ | {"PATH": path})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode:
            screen.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{screen.read()}")
    return Spent(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)
