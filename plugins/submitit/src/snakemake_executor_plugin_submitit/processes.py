"""The processes of a session, read from Linux's /proc, signals to them, and the end of our own."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1


def by_session() -> dict[int, list[int]]:
    """Session → ids of its living processes; those that have ended and wait for their parent do not count.

    Sessions and not family trees: a process whose parent has died is still found.
    """
    sessions: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            # "pid (command) state ppid pgrp session": the command may hold spaces and parentheses
            state, _, _, session = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                sessions.setdefault(int(session), []).append(int(entry.name))
    return sessions


def with_variable(name: str, values: set[str]) -> list[int]:
    """Living processes that were started with one of the values in this environment variable."""
    wanted = {f"{name}={value}".encode() for value in values}
    found = []
    for pid in sorted(pid for pids in by_session().values() for pid in pids):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if wanted.intersection(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")):
                found.append(pid)
    return found


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler of its own for the signal."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    mask = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)
    return bool(mask >> (number - 1) & 1)


def is_snakemake(pid: int) -> bool:
    """Whether the process was started as a Snakemake."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:5]
    except OSError:
        return False
    return any(word.rpartition("/")[2] == "snakemake" for word in words)


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def threads() -> int:
    """How many threads this process has, those of libraries included."""
    return len(os.listdir("/proc/self/task"))


def end_with_parent() -> None:
    """Have the kernel send this process a SIGTERM when the process that forked it dies."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died in between
        os.kill(os.getpid(), signal.SIGTERM)


def leave(code: int) -> NoReturn:
    """End this process at once.

    What a parent has registered to run at its own end is not for a forked child to run; and taking the modules apart one
    by one, as an interpreter does at its end, takes longer than many a job.
    """
    try:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a job may have put anything there, and closed it
                stream.flush()
    finally:
        os._exit(code)
