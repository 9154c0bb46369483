"""The driver: queues ready jobs, submits them in arrays, watches them, and reports to Snakemake what became of them.

Everything that talks to the cluster happens in one thread, Snakemake's wait thread, in `step`. Snakemake's main thread
only puts jobs into the queue (`enqueue`), clears up behind recorded ones (`forget`) and cancels (`cancel`).
"""

import shutil
import threading
import time
from collections.abc import Collection, Iterable, Iterator

from .. import states
from ..backends import Backend
from ..settings import ExecutorSettings
from ..states import Patience
from ..tracking import Entry, Submission, Task
from . import costs
from .records import RunFolder, remove_member
from .registry import Registry, Report
from .submitting import Submitter
from .watching import Watcher

FEW_JOBS = 200  # up to so many, result files are looked at every poll_min_s, not only when the cluster is asked


class Driver:
    """All jobs of one Snakemake run."""

    def __init__(
        self, backend: Backend, settings: ExecutorSettings, run: RunFolder, patience: Patience, report: Report
    ):
        self.backend, self.settings, self.run, self.report = backend, settings, run, report
        self.registry = Registry(settings.exclude_nodes)
        self.submitter = Submitter(backend, settings, run, self.registry, report)
        self.watcher = Watcher(backend, patience, self.registry, report)
        self.wake = threading.Event()  # there is something to do before the interval has passed
        self.interval = settings.poll_min_s  # until the next step
        self.left_behind = False  # not all jobs could be cancelled
        self._query_interval, self._next_query = settings.poll_min_s, 0.0

    # -- from the main thread --------------------------------------------------------------------------------------

    def enqueue(self, entries: list[Entry], more_to_come: bool = False, coming: Collection[str] = ()) -> None:
        """Take over ready jobs; with `more_to_come` submission waits a little for the next portion.

        coming: rules with further jobs to be handed over, for which packs may wait.
        """
        self.submitter.enqueue(entries, more_to_come, coming)
        self.wake.set()

    def adopt(self, submission: Submission) -> None:
        """Watch what an earlier driver has submitted."""
        self.registry.add(submission)
        self.wake.set()

    def forget(self, entry: Entry, ok: bool) -> None:
        """Snakemake has recorded the outcome: the member's files can go."""
        entry.forgotten = True
        remove_member(entry.member.folder)
        if ok and not self.settings.keep_successful_logs:
            entry.member.log.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Cancel everything that was submitted, once an sbatch in progress has returned its job's id."""
        self.registry.cancelled.set()
        self.wake.set()
        with self.registry.submitting:
            self.left_behind = not self.submitter.find_cut_off()
            tasks = [task for task in self.registry.live_tasks if task.job_id]
        if tasks:
            jobs = sum(len(task.open_entries) for task in tasks)
            self.report.info(
                f"Cancelling {jobs} job{'s' * (jobs != 1)} in {len(tasks)} task{'s' * (len(tasks) != 1)} ({self.backend.name})."
            )
            if trouble := self.backend.cancel(_whole_arrays(tasks)):
                self.left_behind = True
                self.report.warning(trouble.strip())
        if self.left_behind:
            self.report.warning(
                "Jobs of this run may still be running, and their records are kept: `python -m "
                "snakemake_executor_plugin_submitit resume -- ARGUMENTS` restarts the workflow and takes them over."
            )

    def close(self, wait_s: float = 10.0) -> None:
        """Remove what is done, once the processes that write there have ended."""
        deadline = time.monotonic() + (0.0 if self.cancelled else wait_s)
        self._clear()
        while self.registry.active and time.monotonic() < deadline and not self.registry.live_tasks:
            time.sleep(0.05)
            self._clear()
        # what is still there has nothing to do, such as a job put into the queue again for a member that is given up
        tasks = [task for submission in self.registry.active for task in submission.tasks if not task.closed]
        if idle := [task.job_id for task in tasks if all(entry.settled for entry in task.entries)]:
            self.backend.cancel(idle)

    @property
    def cancelled(self) -> bool:
        return self.registry.cancelled.is_set()

    @property
    def usages(self) -> list[costs.Usage]:
        return self.watcher.usages

    # -- in the wait thread ----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Submit what is ready, look at what runs, report what has ended; sets the interval until the next step."""
        self.wake.clear()
        if self.cancelled:
            return
        low, high = self.settings.poll_min_s, self.settings.poll_max_s
        news = self.submitter.step()
        due = time.monotonic() >= self._next_query
        few = sum(len(task.open_entries) for task in self.registry.live_tasks) <= FEW_JOBS
        if few or due:
            news |= self.watcher.read_results()
        if due:
            came, query_s = self.watcher.query()
            self._query_interval = states.next_interval(self._query_interval, news or came, query_s, low, high)
            self._next_query = time.monotonic() + self._query_interval
        elif news:
            self._query_interval = states.next_interval(self._query_interval, True, 0.0, low, high)
            self._next_query = min(self._next_query, time.monotonic() + self._query_interval)
        self._clear()
        soon = [self._next_query - time.monotonic(), *self.submitter.next_due(), *([low] if few else [])]
        self.interval = max(0.05, min(soon))

    def _clear(self) -> None:
        """Remove the files of submissions whose entries are forgotten and whose processes have ended."""
        for submission in list(self.registry.active):
            for task in submission.tasks:
                task.closed = task.closed or self._has_ended(task)
            if all(task.closed for task in submission.tasks) and all(e.forgotten for e in submission.entries):
                self.registry.remove(submission)
                shutil.rmtree(submission.folder, ignore_errors=True)

    def _has_ended(self, task: Task) -> bool:
        if task.open_entries:
            return False
        if task.seen is not None and not task.seen.alive:
            return True
        return self.backend.log(task.submission, task.job_id).with_name(f"{task.job_id}_0_result.pkl").exists()


def _whole_arrays(tasks: Iterable[Task]) -> Iterator[str]:
    """The ids to cancel: of whole arrays, unless an adopted one also holds jobs that are not part of this run."""
    by_submission: dict[str, list[Task]] = {}
    for task in tasks:
        by_submission.setdefault(task.submission.token, []).append(task)
    for mine in by_submission.values():
        submission = mine[0].submission
        strangers = any(entry.info is None and not entry.settled for entry in submission.entries)
        yield from [task.job_id for task in mine] if strangers else [submission.job_id]
