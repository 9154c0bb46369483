"""Signals as data, for the worker of a task."""

import os
import select
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGCHLD)


def say(text: str) -> None:
    print(text, flush=True)


class Signals:
    """Signals as data: they are taken from a pipe between two steps, and never interrupt anything."""

    def __init__(self, lifeline: int):
        """`lifeline`: a file that becomes readable, at its end, when the parent dies; counts as a SIGTERM."""
        self.lifeline = lifeline
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self.writer, False)
        signal.set_wakeup_fd(self.writer, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def wait(self, timeout_s: float | None) -> set[int]:
        """Wait for signals, at most `timeout_s`; returns their numbers."""
        watched = [self.reader] + ([self.lifeline] if self.lifeline >= 0 else [])
        ready, _, _ = select.select(watched, [], [], timeout_s)
        numbers = self.take()
        if self.lifeline in ready and not os.read(self.lifeline, 4096):
            say("the task's process is gone")
            self.lifeline = -1
            numbers.add(signal.SIGTERM)
        return numbers

    def take(self) -> set[int]:
        try:
            return set(os.read(self.reader, 4096))
        except BlockingIOError:
            return set()

    def blocked(self):
        """A context in which signals wait, for a fork: the child must not write into the parent's pipe."""
        return _Blocked()

    def forget(self) -> None:
        """In the child: back to what a process starts with, but SIGUSR2 is ignored until someone handles it."""
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        for file in (self.reader, self.writer):
            os.close(file)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class _Blocked:
    def __enter__(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def __exit__(self, *_):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
