"""Hold a training on the SLURM sandbox until SLURM has warned it of its time limit, so that no machine is too fast for a minute.

A minute is the least that SLURM grants. The signal of the warning waits for a process that is stopped, and is seen to wait there, however
early SLURM sends it.
"""

import contextlib
import re
import signal
from pathlib import Path

import psutil
from slurm_sandbox.driver import Driver

WAITING = re.compile(r"^(?:SigPnd|ShdPnd):\s*(\w+)$", re.MULTILINE)


def hold_until_warned(driver: Driver, process: psutil.Process, timeout_s: float = 240) -> None:
    """Stop a process of a job until the warning has reached it, and let it go on with that."""
    process.suspend()
    driver.wait_for(lambda: warned(process), "SLURM to warn it", timeout_s)
    process.resume()


def warned(process: psutil.Process) -> bool:
    masks = WAITING.findall(Path(f"/proc/{process.pid}/status").read_text())
    return any(int(mask, 16) >> (signal.SIGUSR2 - 1) & 1 for mask in masks)


def trainings(folder: Path) -> list[psutil.Process]:
    """The processes that train in this copy of the workflow."""
    return [process for process in psutil.process_iter() if trains(process, folder)]


def trains(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        return len(words) > 1 and words[1].startswith(str(folder)) and words[1].endswith(".train.py")
    return False


def trial_of(process: psutil.Process) -> Path | None:
    """The folder of the trial that a process trains, once it holds the trial's lock."""
    with contextlib.suppress(psutil.Error):
        return next(
            (Path(file.path).parent for file in process.open_files() if file.path.endswith("/trial.lock")), None
        )
    return None
