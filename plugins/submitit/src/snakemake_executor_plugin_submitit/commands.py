"""Running SLURM's commands: with a time limit, out of the terminal's reach, never raising."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

TIMEOUT_S = 60.0
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True)
class Answer:
    """What a command printed; `ok` is whether it ended with status 0 in time."""

    ok: bool
    text: str
    error: str = ""


def ask(command: Sequence[str], timeout_s: float = TIMEOUT_S) -> Answer:
    """Run a command in a session of its own, so that Ctrl-C in the terminal does not end it half-way."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return Answer(False, "", f"{command[0]} has not answered within {timeout_s:.0f} s")
    except OSError as error:
        return Answer(False, "", f"{command[0]}: {error.strerror or error}")
    return Answer(done.returncode == 0, done.stdout, done.stderr.strip())


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let processes started within, by this thread, outlive Ctrl-C: they inherit that the signals are blocked."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


@contextlib.contextmanager
def without_variables(names: Iterable[str]) -> Iterator[None]:
    """Take these variables out of the environment for a while."""
    former = {name: os.environ.pop(name) for name in set(names) & set(os.environ)}
    try:
        yield
    finally:
        os.environ.update(former)
