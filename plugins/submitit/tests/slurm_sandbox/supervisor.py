"""The process that all daemons of a sandbox are children of, so that they end with whoever asked for the sandbox.

It takes one JSON object per line on stdin, {"command": […], "log": path, "folder": path, "environment": {…}}, starts
that, and answers with {"pid": …} or {"error": …}. At {"stop": true}, at the end of its input, or when its parent is gone
(which covers kill -9) it ends every descendant and removes the folders named in its arguments. Jobs leave slurmd's
process tree on purpose, so this process makes itself the one that orphans are handed to: what SLURM started is found
by descent, never by name.
"""

import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
GRACE_S = 10.0
TICK_S = 0.1


def descendants(pid: int) -> list[int]:
    """The living children of `pid`, theirs, and so on."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_descendants(daemons: list[int]) -> None:
    """TERM to the daemons, newest first, each with its time to end; KILL to all that is left."""
    deadline = time.monotonic() + GRACE_S
    for pid in reversed(daemons):
        if pid not in descendants(os.getpid()):  # ended before: the number may be another process's by now
            continue
        send([pid], signal.SIGCONT)
        send([pid], signal.SIGTERM)
        while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
            reap()
            time.sleep(0.02)
    while left := descendants(os.getpid()):
        send(left, signal.SIGKILL)
        time.sleep(0.02)
        reap()


def launch(order: dict) -> int:
    """Start one daemon, its output appended to its log. Not waited for by subprocess: `reap` collects every child."""
    with open(order["log"], "ab") as log:
        process = subprocess.Popen(
            order["command"],
            cwd=order["folder"],
            env=order["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process.returncode = 0
    return process.pid


def remove(folder: str) -> None:
    """Remove a folder; one of cgroups has files that go with it and cannot be removed by themselves."""
    if not folder.startswith("/sys/fs/cgroup/"):
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path, _, _ in os.walk(folder, topdown=False):
        deadline = time.monotonic() + 2.0
        while Path(path).exists() and time.monotonic() < deadline:  # busy for a moment after its last process
            try:
                os.rmdir(path)
            except OSError:
                time.sleep(0.02)


def main() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parent, daemons, buffer = int(sys.argv[1]), [], b""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    stopping = False
    while not stopping and os.getppid() == parent:
        reap()
        if not selector.select(timeout=TICK_S):
            continue
        received = os.read(sys.stdin.fileno(), 65536)
        buffer += received
        stopping = not received
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if order.get("stop"):
                stopping = True
                continue
            try:
                daemons.append(launch(order))
                answer = {"pid": daemons[-1]}
            except OSError as error:
                answer = {"error": str(error)}
            print(json.dumps(answer), flush=True)
    end_descendants(daemons)
    for folder in sys.argv[2:]:
        remove(folder)


if __name__ == "__main__":
    main()
