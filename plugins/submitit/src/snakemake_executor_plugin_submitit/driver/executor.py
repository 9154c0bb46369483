"""Snakemake's view of the plugin: a thin layer over driver.py."""

import asyncio
import contextlib
import dataclasses
import os
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from .. import commandline, snakemake_private
from .coming import Coming
from .ending import Guard, uninterrupted
from .logs import private, remove_empty, remove_old

if TYPE_CHECKING:
    from .driver import Driver

KEPT_VARIABLES = {"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"}
FAILURES_AT_MOST = 10  # in a row
PAUSE_AT_MOST_S = 60.0  # after a failure; doubles each time
MISTAKES = (
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
    ValueError,
)  # time does not mend them


class Executor(RemoteExecutor):
    """Runs Snakemake's jobs through submitit."""

    driver: "Driver" = None  # type: ignore[assignment]  # the wait thread starts before __post_init__, and looks

    def __post_init__(self):
        from .. import backends
        from ..settings import ExecutorSettings
        from ..states import Patience
        from . import adoption
        from .driver import Driver
        from .memory import LeastMemory
        from .records import RunFolder

        if self.workflow.remote_execution_settings.immediate_submit:
            raise WorkflowError("--immediate-submit is not supported by the submitit executor.")
        self.settings = self.executor_settings or ExecutorSettings()
        clean_environment()
        self._partitions = self._read_partitions()
        self.base = Path(self.workflow.persistence.path).absolute() / "submitit"
        self.logs = private(Path(self.settings.logdir).absolute())
        self._cores = threading.local()  # the wait thread, too, makes commands: `again`
        self._failures = 0
        self.least_memory = LeastMemory(self.settings.least_mem_mb, self.info)
        self._entries = {}
        self._ended = False
        backend = backends.load(self.settings)
        patience = Patience(max(1.0, snakemake_private.latency_wait_s(self.workflow)), self.settings.lost_after_s)
        driver = Driver(backend, self.settings, RunFolder.create(self.base), patience, self)
        self.adoption = adoption.Adoption(self.base, backend, self, driver.run.path)
        self.adoption.restore(self.workflow.persistence, self.dag)
        self.driver = driver
        self._guard = Guard(self.cancel, lambda: bool(driver.registry.live_tasks))
        self._coming = Coming(self.dag)

    def _read_partitions(self) -> list:
        from . import partitions

        if not self.settings.partitions:
            return []
        try:
            return partitions.read(Path(self.settings.partitions))
        except partitions.ResourceError as error:
            raise WorkflowError(str(error)) from None

    # -- jobs ------------------------------------------------------------------------------------------------------

    def run_job(self, job):
        self.run_jobs([job])

    def run_jobs(self, jobs):
        """Hand ready jobs over to the driver; the only place where Snakemake shows a whole batch."""
        from ..resources import ResourceError
        from . import identity

        self._guard.watch()
        new = []
        for job in jobs:
            self.run_job_pre(job)
            try:
                entry, adopted = self._entry(job)
            except ResourceError as error:
                self._fail(SubmittedJobInfo(job), f"Rule {identity.rule(job)} requests something impossible: {error}\n")
                continue
            entry.info = SubmittedJobInfo(job, external_jobid=entry.member.token)
            self._entries[job] = entry
            self.report_job_submission(entry.info)
            if adopted is None:
                new.append(entry)
            else:
                self.driver.adopt(adopted)
        self.adoption.wait_for_ends()
        limit = snakemake_private.jobs_per_timespan(self.workflow)
        full = limit is not None and len(jobs) >= limit.max_jobs
        more_to_come = full and any(not job.is_local for job in snakemake_private.ready_jobs(self.dag))
        self.driver.enqueue(new, more_to_come, self._coming.after(jobs))

    def _entry(self, job):
        """A new attempt at a job, or what an earlier driver has submitted of it with its submission."""
        from . import identity

        metadata = identity.metadata(job, self.workflow.persistence)
        key, digest = identity.key(job), identity.digest(metadata)
        if (found := self.adoption.take(key, digest)) is not None:
            return found
        return self._new_entry(job, key, digest, metadata), None

    def _new_entry(self, job, key, digest, metadata):
        from .. import resources
        from ..members import Member
        from ..naming import file_name
        from ..tracking import Entry
        from . import identity, partitions
        from .records import new_token

        weak = identity.from_defaults(job, snakemake_private.default_resources(self.workflow))
        request = resources.request(identity.rule(job), job.resources, job.threads, self.settings, weak)
        token, name = new_token(), identity.name(job)
        log = self.logs / identity.rule(job) / f"{file_name(name)}-{token}.log"
        private(log.parent)
        member = Member(
            token=token,
            name=name,
            command=self._command(job),
            folder=self.driver.run.member_folder(token),
            log=log,
            environment=self.envvars(),
            threads=max(1, job.threads),
        )
        if self._partitions and request.partition is None:
            request = dataclasses.replace(request, partition=partitions.choose(self._partitions, request))
        self._coming.needed = self._coming.needed or request.pack > 1
        patient = job.attempt == 1
        request = self.least_memory(request)
        return Entry(member=member, request=request, key=key, digest=digest, metadata=metadata, patient=patient)

    def _command(self, job) -> str:
        """The job's command; a user's precommand is left as it is."""
        self._cores.of_job = max(1, job.threads)
        try:
            before, start, arguments = self.format_job_exec(job).partition(" -m snakemake ")
        finally:
            del self._cores.of_job
        return before + start + commandline.requoted(arguments)

    @property
    def cores(self):
        """Cores that the job's Snakemake may use: those of its allocation, not all of the node's."""
        given = super().cores
        return getattr(self._cores, "of_job", given) if given == "all" else given

    def additional_general_args(self):
        """A job's own Snakemake never retries: that is the driver's, with the resources of the next attempt.

        Snakemake passes `--retries 0`, which a rule's own `retries:` overrules; what overrules that is this.
        """
        return snakemake_private.NEVER_RETRY

    # -- the wait thread -------------------------------------------------------------------------------------------

    async def check_active_jobs(self, active_jobs):
        """One step of the driver. An exception here would orphan the jobs: a few are survived, then all is cancelled."""
        if self.driver is not None:
            try:
                self.driver.step()
                self._failures = 0
            except Exception as error:
                self._failures += 1
                if self._failures >= FAILURES_AT_MOST or (
                    isinstance(error, MISTAKES) and not self.driver.registry.live_tasks  # nothing would be orphaned
                ):
                    self.driver.cancel()
                    raise
                self.driver.interval = min(PAUSE_AT_MOST_S, 2.0**self._failures)
                self.warning(
                    f"The submitit executor hit an error ({self._failures} of {FAILURES_AT_MOST} before it cancels its jobs) "
                    f"and tries again in {self.driver.interval:.0f} s:\n{traceback.format_exc()}"
                )
        for info in active_jobs:
            entry = self._entries.get(info.job)
            if entry is not None and entry.info is info and not entry.settled:
                yield info

    async def sleep(self):
        """Until the next look, or until there is something to do."""
        until = time.monotonic() + (self.driver.interval if self.driver is not None else 0.1)
        while time.monotonic() < until and self.wait and not (self.driver is not None and self.driver.wake.is_set()):
            await asyncio.sleep(0.05)

    # -- what the driver reports -----------------------------------------------------------------------------------

    def success(self, entry) -> None:
        self.report_job_success(entry.info)

    def failure(self, entry, message: str, logs: list[str], job_id: str | None) -> None:
        entry.info.external_jobid = job_id
        self._fail(entry.info, message, aux_logs=logs)

    def _fail(self, info, message: str, **keywords) -> None:
        try:
            if info.job.is_group():  # Snakemake leaves a group's message out
                self.logger.error(message)
            self.report_job_error(info, msg=message, **keywords)
        except OSError:  # a broken pipe: the scheduler must know all the same
            snakemake_private.count_as_failed(self.workflow, info.job)

    def again(self, entry, why: str) -> None:
        """A job of an earlier driver that ended unwatched: submit it again."""
        self.info(f"{entry.member.name} of an earlier run has ended: {why}. It is being resubmitted.")
        job = entry.info.job
        fresh = self._new_entry(job, entry.key, entry.digest, entry.metadata)
        fresh.info, self._entries[job] = entry.info, fresh
        self.driver.forget(entry, ok=False)
        self.driver.enqueue([fresh], coming=self.driver.submitter.coming)

    def info(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a broken pipe must not keep the driver from its work
            self.logger.info(text)

    def warning(self, text: str) -> None:
        with contextlib.suppress(OSError):
            snakemake_private.warn(self.logger, text)

    # -- the end ---------------------------------------------------------------------------------------------------

    def handle_job_success(self, job):
        """Snakemake has recorded the job: now its files can go."""
        super().handle_job_success(job)
        self._forget(job, ok=True)

    def handle_job_error(self, job):
        super().handle_job_error(job)
        self._forget(job, ok=False)

    def _forget(self, job, ok: bool) -> None:
        if (entry := self._entries.pop(job, None)) is not None:
            self.driver.forget(entry, ok)

    def cancel(self):
        """Ctrl-C, once or more often: from here on nothing interrupts until all is cancelled."""
        with uninterrupted():
            super().cancel()

    def cancel_jobs(self, active_jobs):
        self.driver.cancel()

    def shutdown(self):
        with uninterrupted():
            if self.driver.registry.live_tasks and not self.driver.cancelled:  # Snakemake ends because of an error
                self.driver.cancel()
            self.wait = False
            super().shutdown()
            if not self._ended:
                self._ended = True
                self._finish()
                self._guard.release()

    def _finish(self) -> None:
        self.driver.close()
        self.adoption.finish(self.workflow.persistence, list(self._entries.values()))
        self._tell_of_costs()
        if self.settings.logs_days is not None:
            remove_old(self.logs, self.settings.logs_days)
        remove_empty(self.logs)
        if self.driver.cancelled and not self.driver.left_behind:
            self.driver.run.remove()
        else:
            self.driver.run.remove_if_done()

    def _tell_of_costs(self) -> None:
        from . import costs

        usages = self.driver.usages
        if table := costs.table(usages):
            self.info(f"What the jobs cost (allocated × elapsed):\n{table}")
        if not self.settings.efficiency_report or not usages:
            return
        try:
            costs.write_report(Path(self.settings.efficiency_report), usages)
        except OSError as error:
            self.warning(f"--submitit-efficiency-report={self.settings.efficiency_report}: {error.strerror or error}.")
        if rules := costs.wasteful(usages, self.settings.efficiency_threshold):
            self.warning(f"Less than {self.settings.efficiency_threshold:.0%} used: {'; '.join(rules)}.")


def clean_environment() -> None:
    """Keep the driver's own environment from the jobs: its profile, and the SLURM job that it may itself run in."""
    os.environ.pop("SNAKEMAKE_PROFILE", None)
    if "SLURM_JOB_ID" in os.environ:
        for name in [name for name in os.environ if name.startswith("SLURM_") and name not in KEPT_VARIABLES]:
            del os.environ[name]
