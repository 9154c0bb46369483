"""TensorBoard's table of hyperparameters in a real browser: from its address to the complete table.

A part of benchmarks.scale. Chromium runs without a screen; the server is started anew, so that it has read no run.
"""

import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from browser import ALL_TEXT, browser

IDS, GROUPS = re.compile(r"\b\w+-[0-9a-f]{8}\b"), re.compile(r"session groups: (\d+)")
LIMIT_S = 900
EVERY_S = 0.5  # between two looks at the page, each of which takes its time


@dataclass(frozen=True, slots=True)
class Shown:
    """A complete table: processor time of the browser and of TensorBoard's server [s], wall time [s], rows that are shown.

    `loaded`: how often the page was loaded, more than once where the server had not read all runs by then.
    """

    browser: float
    server: float
    wall: float
    rows: int
    loaded: int

    @property
    def cpu(self) -> float:
        return self.browser + self.server


def measure(logdir: Path, number: int) -> Shown:
    """Wait until the table counts `number` groups of sessions and shows rows.

    A page that was loaded before the server had read all runs is loaded again, as a person would do.
    """
    with browser() as page, server(logdir) as (address, process):
        chromium = psutil.Process(page.service.process.pid)
        cpu, start, loaded = _cpu(chromium), time.monotonic(), 1
        page.set_page_load_timeout(LIMIT_S)
        page.set_script_timeout(LIMIT_S)
        page.get(f"{address}#hparams")
        while True:
            seen = page.execute_script(ALL_TEXT)
            rows, counted = len(set(IDS.findall(seen))), GROUPS.search(seen)
            if counted and int(counted[1]) == number and rows:
                return Shown(_cpu(chromium) - cpu, _cpu(process), time.monotonic() - start, rows, loaded)
            if time.monotonic() - start > LIMIT_S:
                raise SystemExit(f"TensorBoard: no table of {number} in {LIMIT_S} s; the page shows\n{seen[:2000]}")
            if counted and int(counted[1]) < number:
                page.refresh()
                loaded += 1
            time.sleep(EVERY_S)


def _cpu(process: psutil.Process) -> float:
    """Processor time of a process and of all below it [s]."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total


@contextlib.contextmanager
def server(logdir: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve a log directory on loopback; yields the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    command = [
        sys.executable,
        "-m",
        "tensorboard.main",
        "--logdir",
        str(logdir),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(LIMIT_S):
            if process.poll() is not None:
                raise SystemExit("TensorBoard ended before it answered")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(1)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)
