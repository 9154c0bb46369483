"""What attempts left that were killed when their training was done, so that none of it is trained again.

The last thing that a training does is to rename its last snapshot, resume.pt, to state.pt. Two moments around it need care. Killed just before, it
leaves a resume.pt beside outputs that are whole, from which a longer budget would not go on. Killed just after, before the
workflow had recorded the job, it leaves a state.pt; Snakemake removes the outputs and starts the job again, which would begin with the first epoch.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from cascada.core import machine
from cascada.core.errors import CascadaError
from cascada.training import attempts
from cascada.training.resume import STATE, locked
from cascada.training.settings import Trial

RESUME = "resume.pt"
ENDED = ("completed", "diverged")  # reasons of attempts that left a state


def settle(trial: Trial) -> None:
    """Give back to a trial what its last attempt left when it was done, and to the shorter budgets below it their states.

    Whether a snapshot belongs to this configuration, data and code is looked at when it is read. A trial that another
    process trains is left alone.
    """
    _take_back(trial.folder)
    for folder in trial.folder.parent.glob("epochs-*"):
        if (name := re.fullmatch(r"epochs-(\d+)", folder.name)) and int(name[1]) < trial.epochs:
            _keep_last_snapshot(folder)


def _take_back(folder: Path) -> None:
    """Let a finished trial that is started again go on from its own state, which has no epoch left: it writes its outputs anew."""
    if (folder / STATE).exists() and not (folder / RESUME).exists() and not (folder / "metrics.json").exists():
        with _alone(folder) as alone:
            if alone and _ended_here(folder):
                os.replace(folder / STATE, folder / RESUME)


def _ended_here(folder: Path) -> bool:
    """Whether the last attempt was done with the same versions of libraries, which metrics.json names."""
    last = (attempts.read(folder) or [{}])[-1]
    return last.get("reason") in ENDED and last.get("versions") == machine.versions()


def _keep_last_snapshot(folder: Path) -> None:
    if (folder / RESUME).exists() and (folder / "metrics.json").exists() and not (folder / STATE).exists():
        with _alone(folder) as alone:
            if alone and (folder / RESUME).exists():
                os.replace(folder / RESUME, folder / STATE)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody trains in this folder, nor can begin to while this lasts."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(folder / "trial.lock"))
        except CascadaError:
            yield False
        else:
            yield True
