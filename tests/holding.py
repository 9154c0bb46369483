"""Hold a training on the SLURM sandbox until SLURM has warned it of its time limit, so that no machine is too fast for a minute.

A minute is the least that SLURM grants, and it warns a quarter before its end.
"""

import contextlib
from pathlib import Path

import psutil
from slurm_sandbox import Sandbox
from slurm_sandbox.driver import Driver

WARNED_S = 47  # of the minute of a job


def hold_until_warned(driver: Driver, sandbox: Sandbox, process: psutil.Process, job: str) -> None:
    """Stop a process of a job until its minute is about to end; the signal of the warning waits for it."""
    process.suspend()
    driver.wait_for(lambda: seconds_of(sandbox, job) >= WARNED_S, "SLURM to warn it", 90)
    process.resume()


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


def seconds_of(sandbox: Sandbox, job: str) -> int:
    """How long a job has run in this allocation."""
    minutes, _, seconds = sandbox.run("squeue", "-h", "-j", job, "-o", "%M").stdout.strip().rpartition(":")
    return 60 * int(minutes or 0) + int(seconds)
