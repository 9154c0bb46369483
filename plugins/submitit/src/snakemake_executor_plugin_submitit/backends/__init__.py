"""Where jobs run: a file per cluster, which `--submitit-cluster` takes by the file's name.

A file holds one class derived from `Backend`. Every file in this folder is one: what several of them use lies next to the
folder (commands.py, refusals.py, naming.py).
"""

import importlib
import shlex
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from .. import resources
from ..members import PackSettings
from ..resources import Request
from ..settings import ExecutorSettings
from ..states import Observation
from ..tracking import Submission, Task

# what submitit is told to call Python by (node/__main__.py)
NODE = f"{shlex.quote(sys.executable)} -u -m {__name__.rpartition('.')[0]}.node"
Payload = Callable[[], None]


class Backend(ABC):
    """One cluster, seen from the driver, which calls all of this from one thread but for `find` and `cancel`.

    A backend makes no decisions: it submits, observes and cancels. Ids of jobs are text; those of an array's tasks are
    `ARRAY_INDEX`, so that its own id, which is what comes before the `_`, cancels all of them.
    """

    knows_why = False  # whether it is the cluster that knows best why a job has failed, such as of its memory
    trouble = ""  # what the last command said that failed

    def __init__(self, settings: ExecutorSettings):
        self.settings, self.name = settings, settings.cluster

    @property
    def array_size(self) -> int:
        """Tasks per array at most; SubmitError while the cluster does not answer."""
        return 1

    def now(self) -> float:
        """The time by the clock that submissions are noted by [s since 1970]."""
        return time.time()

    def room(self, tasks: list[Task], live: list[Task]) -> int | None:
        """How many of these tasks may be submitted in addition to the live ones; None for all."""
        limit = self.settings.max_submitted
        return None if limit is None else max(0, limit - len(live))

    def pack_settings(self, whole: Request, one: Request) -> PackSettings:
        """What the task on the node is told. whole: what its allocation asks for; one: what a member asks for."""
        return PackSettings(
            concurrent=one.concurrent,
            preload=tuple(self.settings.preload),
            signal_delay_s=resources.signal_delay(whole, self.settings),
            max_requeues=self.settings.max_requeues,
        )

    @abstractmethod
    def submit(self, submission: Submission, payloads: Sequence[Payload]) -> list[str]:
        """Submit the payloads as one array, or as one job if there is one; the ids of the jobs. SubmitError if it fails."""

    def find(self, token: str, tasks: int) -> list[str] | None:
        """The ids of the jobs of a submission that was cut off; [] if there are none, None if the cluster does not answer."""
        return []

    def deliver(self, submission: Submission, payloads: Sequence[Payload]) -> None:
        """Write what the jobs that were found need, as `submit` was cut off before it did."""
        raise NotImplementedError("a backend whose `find` finds jobs has to hand them their payloads")

    def log(self, submission: Submission, job_id: str) -> Path:
        """What submitit and the worker print."""
        return submission.folder / "submitit" / f"{job_id}_0_log.out"

    @abstractmethod
    def observe(self, jobs: Mapping[str, float]) -> dict[str, Observation] | None:
        """The state of jobs {id: time of submission}; those that the cluster does not know are left out, None: no answer.

        States have SLURM's names (states.py).
        """

    def alive(self, jobs: Iterable[str]) -> set[str] | None:
        """Which of the jobs run, wait or are being ended; None if the cluster does not answer."""
        seen = self.observe(dict.fromkeys(jobs, 0.0))
        return None if seen is None else {job for job, one in seen.items() if one.alive}

    @abstractmethod
    def cancel(self, jobs: Iterable[str]) -> str:
        """Cancel exactly these. Returns what went wrong and the user can do, empty if all is well."""


def load(settings: ExecutorSettings) -> Backend:
    """The cluster that the settings name."""
    module = importlib.import_module(f"{__name__}.{settings.cluster}")
    made_there = (one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__)
    backend = next(one for one in made_there if isinstance(one, type) and issubclass(one, Backend))
    return backend(settings)
