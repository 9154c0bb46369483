"""After a driver was killed: take over its jobs that are still running, and record those that ended in the meantime."""

import shutil
import time
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError

from .. import snakemake_private
from ..backends import Backend
from ..tracking import Entry, Submission, Task
from . import identity
from .records import RunFolder, abandoned, remove_member
from .registry import Report

END_S = 90.0  # what a cancelled job gets to end; SLURM kills it after KillWait, mostly 30 s


class Adoption:
    """What earlier drivers have left in this working directory; `own` is the folder of this driver's run."""

    def __init__(self, base: Path, backend: Backend, report: Report, own: Path | None = None):
        self.backend, self.report = backend, report
        self.runs: list[RunFolder] = abandoned(base, own)
        self._open: dict[str, tuple[Entry, Submission]] = {}
        self._ending: set[str] = set()  # cancelled jobs of which it is not known that they have ended
        for run in self.runs:
            for submission in run.submissions():
                if self._known_to_cluster(run, submission):
                    for entry in submission.entries:
                        if not entry.forgotten:
                            self._open[entry.key] = (entry, submission)

    def _known_to_cluster(self, run: RunFolder, submission: Submission) -> bool:
        """Whether the submission went through; its driver may have been killed in the middle of it."""
        if submission.job_id:
            return True
        from .submitting import payloads_of

        found = self.backend.find(submission.token, len(submission.tasks))
        if found is None:
            raise WorkflowError(
                "An earlier run was killed while submitting jobs, and the cluster does not say whether they exist. "
                "Try again once it answers."
            )
        if not found:
            discard(submission)
            return False
        submission.submitted(found)
        self.backend.deliver(submission, payloads_of(submission, self.backend))
        run.write_ids(submission)
        return True

    def restore(self, persistence, dag) -> None:
        """Write the records of jobs that succeeded without a driver and that the workflow does not want to run."""
        wanted = {identity.key(job) for job in snakemake_private.jobs_to_run(dag)}
        for key, (entry, submission) in list(self._open.items()):
            if key not in wanted and _restore(persistence, entry, submission):
                del self._open[key]

    def take(self, key: str, digest: str) -> tuple[Entry, Submission] | None:
        """The entry of an earlier driver that makes the same from the same, with its submission."""
        if key not in self._open:
            return None
        entry, submission = self._open.pop(key)
        status = (entry.member.result() or {}).get("status")
        changed = entry.digest != digest
        if status == "failed" or (status == "ok" and (changed or identity.missing_outputs(entry.metadata))):
            settle(entry)
            return None
        task = next(task for task in submission.tasks if entry in task.entries)
        if changed:
            self.report.info(
                f"The code, params or input of {entry.member.name} have changed: cancelling job {task.job_id}."
            )
            self._give_up(task)
            settle(entry)
            return None
        entry.adopted, task.since = True, time.time()
        task.ran = task.ran or entry.member.starts() > 0  # it may wait in the queue again, and members have failed
        self.report.info(f"{entry.member.name} is adopted: an earlier run submitted it as job {task.job_id}.")
        return entry, submission

    def _give_up(self, task: Task) -> None:
        """Cancel this task of an earlier driver, and no other of its array."""
        if task.job_id and not task.given_up:
            task.given_up = True
            self._ending.add(task.job_id)
            if trouble := self.backend.cancel([task.job_id]):
                self.report.warning(trouble.strip())

    def wait_for_ends(self) -> None:
        """Until the cancelled jobs are no more: those that take their place write the same files."""
        deadline = time.monotonic() + END_S
        while self._ending and time.monotonic() < deadline:
            alive = self.backend.alive(self._ending)
            self._ending = self._ending if alive is None else alive
            if self._ending:
                time.sleep(0.5)
        if self._ending:
            jobs = " ".join(sorted(self._ending))
            self.report.warning(f"Cancelled {END_S:.0f} s ago, but not known to have ended: {jobs}.")
            self._ending = set()

    def finish(self, persistence, left: list[Entry]) -> None:
        """At the end: record what succeeded unseen, report jobs that belong to no run, and clean up."""
        for entry in left:
            if (entry.member.result() or {}).get("status") == "ok":
                identity.restore(persistence, entry.metadata, entry.member.folder.stat().st_mtime)
        self._tell_of_strangers()
        for run in self.runs:
            run.remove_never_submitted()
            run.remove_if_done()

    def _tell_of_strangers(self) -> None:
        tasks = {
            task.job_id: task
            for entry, submission in self._open.values()
            for task in submission.tasks
            if entry in task.entries and (entry.member.result() or {}).get("status") not in ("ok", "failed")
        }
        if not tasks:
            return
        ids = {job: task.submission.submitted_at for job, task in tasks.items()}
        seen = self.backend.observe(ids)
        if seen is None:  # nobody knows: they stay on record for the next run
            return
        alive = [job for job in tasks if job in seen and seen[job].alive]
        for entry, submission in self._open.values():
            task = next(task for task in submission.tasks if entry in task.entries)
            if task.job_id not in alive:
                settle(entry)
        if alive:
            self.report.warning(
                f"Jobs of an earlier run that are not part of this one still exist; scancel {' '.join(alive)} ends them."
            )


def _restore(persistence, entry: Entry, submission: Submission) -> bool:
    if (entry.member.result() or {}).get("status") != "ok":
        return False
    if not identity.restore(persistence, entry.metadata, submission.submitted_at):
        return False
    entry.member.log.unlink(missing_ok=True)
    settle(entry)
    return True


def restore_records(persistence, run: RunFolder) -> list[str]:
    """Write the records of all jobs of an earlier driver that succeeded; their names."""
    return [
        entry.member.name
        for submission in run.submissions()
        for entry in submission.entries
        if not entry.forgotten and _restore(persistence, entry, submission)
    ]


def settle(entry: Entry) -> None:
    """The entry is no longer open."""
    entry.settled = entry.forgotten = True
    remove_member(entry.member.folder)


def discard(submission: Submission) -> None:
    for entry in submission.entries:
        settle(entry)
    shutil.rmtree(submission.folder, ignore_errors=True)
