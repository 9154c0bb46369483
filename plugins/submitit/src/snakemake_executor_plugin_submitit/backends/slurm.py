"""The thin shell around SLURM: submission through submitit, one query for all jobs, cancellation. No decisions."""

import dataclasses
import getpass
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .. import batching, commands, resources, states
from ..naming import comment, job_name
from ..refusals import SubmitError, refusal
from ..settings import ExecutorSettings
from ..states import Observation
from ..tracking import Submission
from . import NODE, Backend, Payload

CLOCK_SKEW_S = 120.0
REASONS_FIRST_S, REASONS_EVERY_S = 3.0, 10.0  # where sacct is asked for states, squeue for why jobs wait
SACCT = ("id", "state", "node", "elapsed", "exit", "submit")
SQUEUE = ("id", "state", "reason", "node", "elapsed", "submit")


class Slurm(Backend):
    """One SLURM cluster, seen from the driver."""

    knows_why = True

    def __init__(self, settings: ExecutorSettings):
        super().__init__(settings)
        self._configuration: dict[str, str] | None = None
        self._ahead_s = 0.0  # how far the controller's clock is ahead of ours
        self._missing: dict[str, float] = {}
        self._reasons: dict[str, str] = {}  # why jobs wait, as squeue has told last
        self._reasons_due = 0.0

    # -- the cluster -----------------------------------------------------------------------------------------------

    def configuration(self) -> dict[str, str]:
        """What `scontrol show config` says, asked once; SubmitError while the controller does not answer."""
        if not self._configuration:
            answer = commands.ask(["scontrol", "show", "config"])
            if not answer.ok:
                raise SubmitError(f"SLURM does not answer (scontrol show config: {answer.error})", "away")
            self._configuration = dict(re.findall(r"^(\S+)\s*= ?(.*)$", answer.text, re.MULTILINE))
            self._ahead_s = states.controller_clock(answer.text, time.time()) - time.time()
        return self._configuration

    def now(self) -> float:
        """The time by the controller's clock [s since 1970], by which SLURM notes when jobs were submitted."""
        return time.time() + self._ahead_s

    @property
    def array_size(self) -> int:
        """Tasks per array at most."""
        site = self.configuration().get("MaxArraySize", "1001")
        return min(int(site) if site.isdigit() and int(site) else 1, self.settings.max_array_size or sys.maxsize)

    @property
    def accounting(self) -> bool:
        return "slurmdbd" in self.configuration().get("AccountingStorageType", "")

    # -- submission ------------------------------------------------------------------------------------------------

    def submit(self, submission: Submission, payloads: Sequence[Payload]) -> list[str]:
        """Submit the payloads, `task.Task`s, as one array, or as one job if there is one; the ids of the jobs."""
        names = [[entry.member.name for entry in task.entries] for task in submission.tasks]
        parameters = resources.submitit_parameters(
            submission.whole,
            name=job_name(submission.whole.rule, [name for task in names for name in task], self.settings.name_prefix),
            comment=comment(submission.token, names, self.settings.comment),
            settings=self.settings,
            excluded=submission.excluded,
        )
        return self.sbatch(submission.folder / "submitit", parameters, payloads)

    @staticmethod
    def sbatch(folder: Path, parameters: Mapping, payloads: Sequence[Payload]) -> list[str]:
        """Submit the payloads with these parameters of submitit; SubmitError with sbatch's words."""
        from submitit import AutoExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            executor = AutoExecutor(
                folder,
                cluster="slurm",
                # the batch shell replaces itself: the signal to the batch step reaches submitit's process
                slurm_python=f"exec {NODE}",
                slurm_max_num_timeout=sys.maxsize,  # the task counts its starts itself
            )
            executor.update_parameters(**parameters)
            with commands.undisturbed(), commands.without_variables(resources.overridden(parameters)):
                jobs = executor.submit_array(payloads)
        except (FailedJobError, FailedSubmissionError, RuntimeError, ValueError, OSError) as error:
            raise refusal(str(error)) from error
        return [job.job_id for job in jobs]

    def find(self, token: str, tasks: int) -> list[str] | None:
        """The ids of the jobs whose comment has the token; [] if there are none, None if SLURM does not answer."""
        try:
            self.configuration()
        except SubmitError:
            return None
        answer = commands.ask(["squeue", "--noheader", "--states=all", f"--user={getpass.getuser()}", "--format=%F|%k"])
        text = answer.text
        if self.accounting:
            started = ["--starttime=now-7days", f"--user={getpass.getuser()}"]
            database = commands.ask(["sacct", "-n", "-P", "-X", "--format=JobID,Comment", *started])
            text += database.text
        if not answer.ok:
            return None
        for line in text.splitlines():
            job_id, _, comment = line.partition("|")
            if f"snakemake-submitit {token}" in comment:
                main = job_id.partition("_")[0].strip()
                return [main] if tasks == 1 else [f"{main}_{index}" for index in range(tasks)]
        return []

    def deliver(self, submission: Submission, payloads: Sequence[Payload]) -> None:
        """Write the pickles of jobs whose sbatch was cut off: they wait for them for a minute."""
        from submitit.core.utils import DelayedSubmission, JobPaths

        for task, payload in zip(submission.tasks, payloads, strict=True):
            path = JobPaths(submission.folder / "submitit", job_id=task.job_id).submitted_pickle
            if not path.exists():
                delayed = DelayedSubmission(payload)
                delayed.set_timeout(submission.whole.runtime_min, sys.maxsize)
                delayed.dump(path)

    # -- state -----------------------------------------------------------------------------------------------------

    def observe(self, jobs: Mapping[str, float]) -> dict[str, Observation] | None:
        """The state of jobs {id: time of submission}; those that SLURM does not know are left out, None: no answer.

        One command in the plain case. Jobs that it leaves out for some seconds are asked for one rung lower.
        """
        try:
            self.configuration()
        except SubmitError as error:
            self.trouble = error.text
            return None
        since = min(jobs.values()) - CLOCK_SKEW_S
        found = self._sacct(jobs, since) if self.accounting else self._squeue(jobs, since)
        answered = found is not None
        found = found or {}
        for rung in [self._squeue, self._scontrol] if self.accounting else [self._scontrol]:
            missing = self._overdue(jobs, found, answered)
            if not missing:
                break
            more = rung(missing, since)
            answered = answered or more is not None
            found |= more or {}
        found = {job: seen for job, seen in found.items() if job in jobs}
        if self.accounting:
            self._add_reasons(found, since)
        return found if answered else None

    def _add_reasons(self, found: dict[str, Observation], since: float) -> None:
        """sacct does not say why a job waits: squeue is asked now and then about jobs that have waited for a while."""
        waiting = {job for job, seen in found.items() if seen.state in states.WAITING and not seen.reason}
        now = time.monotonic()
        if not waiting:
            self._reasons, self._reasons_due = {}, now + REASONS_FIRST_S
        elif now >= self._reasons_due:
            self._reasons_due = now + REASONS_EVERY_S
            asked = self._squeue(waiting, since) or {}
            self._reasons = {job: seen.reason for job, seen in asked.items()}
        for job in waiting & set(self._reasons):
            found[job] = dataclasses.replace(found[job], reason=self._reasons[job])

    def alive(self, jobs: Iterable[str]) -> set[str] | None:
        """Which of the jobs run, wait or are being ended; None if SLURM does not answer.

        Asked of squeue: the database calls a job cancelled that still has its time to end.
        """
        found = self._squeue(jobs, since=0.0)
        return None if found is None else {job for job in jobs if job in found and found[job].alive}

    def _overdue(self, jobs: Iterable[str], found: Mapping, answered: bool) -> list[str]:
        now = time.monotonic()
        self._missing = {job: self._missing.get(job, now) for job in jobs if job not in found}
        return [job for job, first in self._missing.items() if not answered or now - first >= 5.0]

    def _sacct(self, jobs: Iterable[str], since: float) -> dict[str, Observation] | None:
        command = ["sacct", "-n", "-P", "-X", "--format=JobID,State,NodeList,ElapsedRaw,ExitCode,Submit"]
        return self._ask_all([*command, "-j"], jobs, SACCT, since)

    def _squeue(self, jobs: Iterable[str], since: float) -> dict[str, Observation] | None:
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r|%N|%M|%V"]
        return self._ask_all([*command, "--jobs"], jobs, SQUEUE, since)

    def _ask_all(self, command: list[str], jobs: Iterable[str], columns, since: float) -> dict[str, Observation] | None:
        found: dict[str, Observation] = {}
        answered = False
        for some in batching.slices(sorted({job.partition("_")[0] for job in jobs}, key=int), 500):
            answer = commands.ask([*command, ",".join(some)])
            # squeue's way to say that it has forgotten the only job it was asked for
            known = answer.ok or "Invalid job id specified" in answer.error
            answered = answered or known
            self.trouble = self.trouble if known else f"{command[0]}: {answer.error}"
            if answer.ok:
                found |= states.read_table(answer.text, columns, since)
        return found if answered else None

    def _scontrol(self, jobs: Iterable[str], since: float) -> dict[str, Observation] | None:
        found: dict[str, Observation] = {}
        answered = False
        for main in sorted({job.partition("_")[0] for job in jobs}, key=int)[:5]:
            answer = commands.ask(["scontrol", "--oneliner", "show", "job", main])
            known = answer.ok or "Invalid job id specified" in answer.error
            answered = answered or known
            self.trouble = self.trouble if known else f"scontrol: {answer.error}"
            if answer.ok:
                found |= states.read_scontrol(answer.text, since)
        return found if answered else None

    # -- the end ---------------------------------------------------------------------------------------------------

    def cancel(self, jobs: Iterable[str]) -> str:
        """Cancel exactly these (`7_1`: one task, `7`: the whole array); tries for half a minute.

        Returns what SLURM said and the user can do, empty if all is well.
        """
        ids = sorted({job for job in jobs if job})
        trouble = ""
        for some in batching.slices(ids, 100):
            for pause in (1, 2, 4, 8, 15, 0):
                answer = commands.ask(["scancel", *some])
                if answer.ok or "Invalid job id" in answer.error:
                    break
                time.sleep(pause)
            else:
                trouble += f"{answer.error}. Cancel by hand: scancel {' '.join(some)}\n"
        return trouble
