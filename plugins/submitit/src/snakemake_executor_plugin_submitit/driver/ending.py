"""However the driver ends, short of SIGKILL, what it has submitted is cancelled and the user learns what is happening.

Snakemake cancels after Ctrl-C and after most exceptions, unless its messages can no longer be written: with
`snakemake … 2>&1 | tee log`, Ctrl-C ends tee as well, and the broken pipe is an exception in the middle of cancelling.
"""

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

LEAVING = (signal.SIGHUP, signal.SIGQUIT)  # would end the process at once
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, *LEAVING)
ENDS_GRACEFULLY = (
    "SIGTERM: no new jobs are started; those already handed over keep running, and this process ends with them. A second "
    "SIGTERM, or Ctrl-C, cancels them. If this process is killed first, `python -m snakemake_executor_plugin_submitit "
    "resume -- ARGUMENTS` takes them over.\n"
)


Handler = Callable[[int, FrameType | None], object] | int | None  # as signal.signal returns it


class Guard:
    """Calls `end` at the latest when the interpreter exits, unless `release` was called before.

    busy: whether jobs are on the cluster.
    """

    def __init__(self, end: Callable[[], None], busy: Callable[[], bool]):
        self._end, self._busy = end, busy
        self._former: dict[int, Handler] = {}
        self._terminated = False
        atexit.register(self._at_exit)

    def watch(self) -> None:
        """Have signals cancel the jobs. After Snakemake has set its own handlers; only the main thread can."""
        if self._former or threading.current_thread() is not threading.main_thread():
            return
        for number in LEAVING:
            if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
                self._former[number] = signal.signal(number, self._leave)
        if callable(signal.getsignal(signal.SIGTERM)):
            self._former[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._terminate)

    def release(self) -> None:
        """All is in order."""
        atexit.unregister(self._at_exit)
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._former.items():
                signal.signal(number, handler)
        self._former = {}

    def _leave(self, number: int, _frame) -> None:
        raise SystemExit(128 + number)  # Snakemake cancels as after Ctrl-C

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        if self._terminated:
            self._leave(number, frame)
        self._terminated = True
        say(ENDS_GRACEFULLY)
        former = self._former[number]
        assert callable(former)  # or `watch` would not have put this in its place
        former(number, frame)

    def _at_exit(self) -> None:
        if self._busy():
            say("The workflow has ended before its jobs, which are now cancelled.\n")
        self._end()


class uninterrupted:
    """A context in which the signals that interrupt do nothing. Outside of the main thread it has no effect."""

    def __enter__(self):
        self.former, self.noted = {}, False
        if threading.current_thread() is threading.main_thread():
            for number in INTERRUPTS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self.former[number] = signal.signal(number, self._note)
        return self

    def _note(self, number, _frame):
        self.noted = True
        say("Cancelling jobs or cleaning up; this will finish by itself.\n")

    def __exit__(self, *_):
        for number, handler in self.former.items():
            signal.signal(number, handler)


def say(text: str) -> None:
    """Write to the screen where logging may be busy, or the pipe broken."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())
