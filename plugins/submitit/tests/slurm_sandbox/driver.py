"""Run Snakemake on a sandbox as a user would, in a process of its own that a test can interrupt and kill."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from slurm_sandbox.sandbox import Sandbox
from slurm_sandbox.tools import SandboxError, wait_until


class Driver:
    """`python -m snakemake ARGUMENTS` in `folder`, in a process group of its own; what it prints is in `screen`.

    `environment` goes over the sandbox's; `python` is the interpreter that has Snakemake, `module` what it starts.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        *arguments: str,
        python: Path | str = sys.executable,
        module: str = "snakemake",
        environment: dict[str, str] | None = None,
    ):
        self.folder = folder
        self._screen_file = folder / f"screen-{time.monotonic_ns()}.txt"
        with self._screen_file.open("wb") as screen:
            self._process = subprocess.Popen(
                # tests that were started in the background ignore Ctrl-C, and so would what they start
                ["env", "--default-signal=INT", str(python), "-m", module, *arguments],
                cwd=folder,
                env=sandbox.environment | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
                start_new_session=True,
            )

    @property
    def screen(self) -> str:
        return self._screen_file.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout_s: float = 240) -> int:
        """Wait for the end; the exit code."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SandboxError(f"Snakemake did not end within {timeout_s:.0f} s; its screen:\n{self.screen}") from None

    def wait_for(self, what, description: str, timeout_s: float = 120) -> None:
        """Wait until `what()` is true or, if it is a text, until it is on the screen; an ended driver is an error."""
        holds = what if callable(what) else lambda: what in self.screen

        def seen() -> bool:
            if holds():
                return True
            if not self.running and not holds():
                raise SandboxError(f"Snakemake ended before {description}; its screen:\n{self.screen}")
            return False

        try:
            wait_until(seen, description, timeout_s)
        except SandboxError as error:
            raise error if "screen" in str(error) else SandboxError(f"{error}; screen:\n{self.screen}") from None

    def interrupt(self) -> None:
        """Ctrl-C, which a terminal sends to the driver and to the commands that it runs."""
        os.killpg(self._process.pid, signal.SIGINT)

    def pause(self) -> None:
        """SIGSTOP; `go_on` ends it."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9; what it submitted goes on."""
        if self.running:
            self._process.kill()
        self._process.wait()


class RunLog:
    """The lines that the jobs of a test workflow append to a file: `begin NAME` and `end NAME`."""

    def __init__(self, file: Path):
        self.file = file

    def names(self, event: str) -> list[str]:
        """The names with this event, sorted, as often as it happened."""
        if not self.file.exists():
            return []
        rows = [line.split() for line in self.file.read_text().splitlines()]
        return sorted(name for what, name, *_ in rows if what == event)


def write(folder: Path, name: str, text: str) -> Path:
    """Write an indented text to `folder/name`, executable when it begins with #!."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    text = textwrap.dedent(text).lstrip("\n")
    file.write_text(text)
    if text.startswith("#!"):
        file.chmod(0o755)
    return file
