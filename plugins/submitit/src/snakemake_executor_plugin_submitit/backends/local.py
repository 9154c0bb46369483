"""Without a cluster: the processes of this machine, started by submitit's local executor."""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import gpus, processes, resources
from ..members import PREEMPTION_S, PackSettings
from ..refusals import SubmitError
from ..resources import Request
from ..settings import ExecutorSettings
from ..states import Observation
from ..tracking import Submission, Task
from . import NODE, Backend, Payload

if TYPE_CHECKING:
    from submitit import Job

JOB_VARIABLE = "SUBMITIT_LOCAL_JOB_ID"  # what submitit sets for a task, and its worker and members inherit
MARGIN_S = 15.0  # beyond what the worker gives the members of a task that was told to end
FOR_EVER_MIN = 60 * 24 * 365  # the worker itself watches the time, from when it has got its share of the machine


class Local(Backend):
    """This machine: tasks are processes, which share out its GPUs, cores and memory."""

    executor = "local"  # submitit's name of its own

    def __init__(self, settings: ExecutorSettings):
        super().__init__(settings)
        memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
        self.machine = {
            "gpu": gpus.visible_gpus(settings.gpus),
            "core": tuple(str(core) for core in sorted(os.sched_getaffinity(0))),
            "gib": tuple(str(number) for number in range(max(1, memory_gib))),
        }
        self._jobs: dict[str, Job] = {}
        self._grace_s = PREEMPTION_S

    def takes(self, whole: Request) -> dict[str, int]:
        """Units of the machine that a task holds. More cores or memory than there are means all; GPUs must exist."""
        memory_gib = -(-resources.memory_mb(whole) // 1024)
        wanted = {"gpu": whole.gpus, "core": whole.cpus, "gib": memory_gib}
        return {kind: count if kind == "gpu" else min(count, len(self.machine[kind])) for kind, count in wanted.items()}

    def room(self, tasks: list[Task], live: list[Task]) -> int | None:
        """Tasks beyond what fits would only wait in processes of their own: they wait in the driver."""
        limit = self.settings.max_submitted
        free = {kind: len(units) for kind, units in self.machine.items()}
        for task in live:
            for kind, count in self.takes(task.submission.whole).items():
                free[kind] -= count
        each = self.takes(resources.for_pack(tasks[0].entries[0].request, max(len(task.entries) for task in tasks)))
        fits = [free[kind] // count for kind, count in each.items() if count]
        if any(count > len(self.machine[kind]) for kind, count in each.items()):
            return None  # never: `submit` says why
        room = min([*fits, len(tasks)])
        return max(0, room if limit is None else min(room, limit - len(live)))

    def pack_settings(self, whole: Request, one: Request) -> PackSettings:
        return dataclasses.replace(
            super().pack_settings(whole, one),
            time_limit_s=whole.runtime_min * 60.0,
            machine=self.machine,
            takes=self.takes(whole),
            slots=gpus.default_folder(),
        )

    def submit(self, submission: Submission, payloads: Sequence[Payload]) -> list[str]:
        from submitit import AutoExecutor

        try:
            gpus.check(self.machine, self.takes(submission.whole))
        except gpus.LendingError as error:
            raise SubmitError(str(error), "fatal") from error
        executor = AutoExecutor(submission.folder / "submitit", cluster=self.executor, **self._options())
        executor.update_parameters(timeout_min=FOR_EVER_MIN, stderr_to_stdout=True)
        self._grace_s = max(self._grace_s, resources.signal_delay(submission.whole, self.settings))
        jobs = executor.submit_array(payloads)
        self._jobs |= {job.job_id: job for job in jobs}
        return [job.job_id for job in jobs]

    def _options(self) -> dict:
        return {"local_max_num_timeout": sys.maxsize, "local_python": NODE}

    def observe(self, jobs: Mapping[str, float]) -> dict[str, Observation]:
        return {job: Observation("RUNNING" if self._alive(job) else "FINISHED") for job in jobs}

    def _alive(self, job_id: str) -> bool:
        if job_id in self._jobs:
            return self._jobs[job_id].state == "RUNNING"
        try:  # an earlier driver's
            return b"submitit" in Path(f"/proc/{int(job_id)}/cmdline").read_bytes()
        except (OSError, ValueError):
            return False

    def cancel(self, jobs: Iterable[str]) -> str:
        """End the processes and wait: their jobs get a SIGTERM first, and time to save, a SIGKILL later.

        submitit kills a task a second after it was told to end, or has done so already, as Ctrl-C in a terminal
        reaches every process there. Its worker keeps running until all members have ended: they must not be restarted before.
        """
        jobs = list(jobs)
        for job in jobs:
            if self._alive(job):
                os.kill(int(job), signal.SIGINT)
        deadline = time.monotonic() + self._grace_s + MARGIN_S
        while (left := self._left(jobs)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return f"Processes that do not end: {' '.join(left)}; end them with kill -9.\n" if left else ""

    def _left(self, jobs: list[str]) -> list[str]:
        """The processes of the jobs that still live: submitit's, the workers, the members'."""
        alive = [job for job in jobs if self._alive(job)]
        return alive + [str(pid) for pid in processes.with_variable(JOB_VARIABLE, set(jobs))]
