"""From ready jobs to submitted arrays: waiting, cutting, one sbatch after the other, trying again."""

import shutil
import time
from collections.abc import Collection

from .. import batching, resources
from ..backends import Backend, Payload
from ..refusals import SubmitError
from ..settings import ExecutorSettings
from ..tracking import Entry, Submission, Task
from . import messages
from .records import RunFolder, new_token
from .registry import Registry, Report

HOLD_S = 5.0  # Snakemake hands over a large grid in portions, one per second at most: how long to wait for the next
HOLD_AT_MOST_S = 12.0
LIMIT_PAUSE_S = 10.0  # before an sbatch that the limit of submitted jobs has refused is tried again
PAUSE_S, PAUSE_AT_MOST_S = 1.0, 60.0  # before the next try after a failure; doubles each time


class Submitter:
    """Owns the jobs that the cluster does not have yet."""

    def __init__(
        self, backend: Backend, settings: ExecutorSettings, run: RunFolder, registry: Registry, report: Report
    ):
        self.backend, self.settings, self.run, self.registry, self.report = backend, settings, run, registry, report
        self.waiting: list[Entry] = []
        self.pending: list[Submission] = []  # cut, but sbatch has not taken them yet
        self.hold_until = self._hold_since = 0.0
        self.coming: set[str] = set()  # rules of which Snakemake has further jobs to hand over
        self._fill_until = 0.0  # when the first pack that is not full has waited long enough
        self._cut_failures = 0
        self._learned: tuple[int, float] | None = None  # limit of submitted jobs that sbatch has told of, until when

    def enqueue(self, entries: list[Entry], more_to_come: bool, coming: Collection[str] = ()) -> None:
        """Take over ready jobs; with `more_to_come` submission waits a little for the next portion.

        The first portion goes at once: the cluster has nothing else to do. Packs that are not full wait for jobs of the
        rules in `coming`.
        """
        now, busy = time.monotonic(), bool(self.waiting or self.pending or self.registry.live_tasks)
        with self.registry.lock:
            self._hold_since = self._hold_since if self.waiting and self._hold_since else now
            more_to_come = more_to_come and busy
            self.hold_until = min(now + HOLD_S, self._hold_since + HOLD_AT_MOST_S) if more_to_come else 0.0
            for entry in entries:
                entry.waiting_since = now
            self.coming = set(coming)
            self.waiting += entries

    def next_due(self) -> list[float]:
        """Seconds until there is something to submit or to try again."""
        due = [submission.not_before - time.time() for submission in self.pending]
        if self.waiting and (hold := self.hold_until - time.monotonic()) > 0:
            due.append(hold)
        elif self.waiting and self._fill_until:
            due.append(self._fill_until - time.monotonic())
        return due

    def step(self) -> bool:
        """Submit what can be; whether anything was."""
        submitted = False
        try:
            self._cut()
        except SubmitError as error:  # the cluster does not give its limits
            pause = pause_after(self._cut_failures)
            self._cut_failures += 1
            self.hold_until = time.monotonic() + pause
            self.report.warning(f"Cannot submit anything; retrying in {pause:.0f} s: {error.text}")
        for submission in list(self.pending):
            if submission.not_before <= time.time() and not self.registry.cancelled.is_set():
                submitted |= self._try(submission)
        return submitted

    def find_cut_off(self) -> bool:
        """Before all is cancelled: an sbatch that Ctrl-C interrupted may still have submitted its jobs.

        Returns whether it is known of all of them.
        """
        known = True
        for submission in [submission for submission in self.pending if submission.tries]:
            found = self.backend.find(submission.token, len(submission.tasks))
            if found is None:
                known = False
                self.report.warning(f"The cluster does not answer; look for jobs with the comment {submission.token}.")
            elif found:
                submission.submitted(found)
                self.registry.add(submission)
        return known

    def _cut(self) -> None:
        """Cut waiting jobs into submissions, as far as there is room; the rest keeps waiting."""
        if not self.waiting or time.monotonic() < self.hold_until:
            return
        array_size = self.backend.array_size
        live = self.registry.live_tasks + [task for submission in self.pending for task in submission.tasks]
        with self.registry.lock:
            waiting, self.waiting, self._hold_since = self.waiting, [], 0.0
        made: list[Submission] = []
        try:
            left = self._make(waiting, live, array_size, made)
        except BaseException:  # such as a full disk: no job may be lost, the next step tries again
            for submission in made:
                shutil.rmtree(submission.folder, ignore_errors=True)
            with self.registry.lock:
                self.waiting = waiting + self.waiting
            raise
        with self.registry.lock:
            self.waiting = left + self.waiting
        self.pending += made

    def _make(self, waiting: list[Entry], live: list[Task], array_size: int, made: list[Submission]) -> list[Entry]:
        """Append the submissions there is room for to `made`; returns what has to wait."""
        left: list[Entry] = []
        self._fill_until = 0.0
        for entries in batching.groups(waiting, lambda entry: entry.request):
            packs = batching.slices(entries, entries[0].request.pack)
            if live and self._may_fill(packs[-1]):
                left += packs.pop()
            if not packs:
                continue
            tasks = [Task(entries=pack) for pack in packs]
            chunks, rest = batching.chunks(tasks, array_size, self._room(tasks, live))
            left += [entry for task in rest for entry in task.entries]
            for chunk in chunks:
                live += chunk
                made.append(self._submission(chunk))
        return left

    def _may_fill(self, pack: list[Entry]) -> bool:
        """Whether a pack that is not full should wait: with --jobs below what is ready, jobs come one by one.

        Only while something runs, or the cluster would wait as well; and for a bounded time.
        """
        request = pack[0].request
        full = len(pack) == request.pack
        if full or not self.coming.intersection(request.rule.split("+")) or not all(entry.patient for entry in pack):
            return False
        limit = resources.for_pack(request, request.pack).runtime_min * 60
        until = min(entry.waiting_since for entry in pack) + min(self.settings.pack_wait_s, limit / 10)
        if until <= time.monotonic():
            return False
        self._fill_until = min(self._fill_until or until, until)
        return True

    def _room(self, tasks: list[Task], live: list[Task]) -> int | None:
        rooms = [self.backend.room(tasks, live)]
        if self._learned is not None:
            limit, until = self._learned
            if time.monotonic() < until:
                rooms.append(max(0, limit - len(live)))
            else:
                self._learned = None
        known = [room for room in rooms if room is not None]
        return min(known) if known else None

    def _submission(self, tasks: list[Task]) -> Submission:
        token = new_token()
        largest = max(len(task.entries) for task in tasks)
        return Submission(
            token=token,
            folder=self.run.submission_folder(token),
            whole=resources.for_pack(tasks[0].entries[0].request, largest),
            tasks=tasks,
        )

    def _try(self, submission: Submission) -> bool:
        """One sbatch; what fails is reported, or stays pending for the next attempt."""
        submission.submitted_at = self.backend.now()
        self.run.write(submission)
        with self.registry.submitting:
            if self.registry.cancelled.is_set():
                return False
            submission.tries += 1
            submission.excluded = self.registry.nodes.bad
            try:
                ids = self._submit_or_find(submission)
            except SubmitError as error:
                failure: SubmitError | None = error
            else:
                failure = None
                submission.submitted(ids)
                self.run.write_ids(submission)
                self.registry.add(submission)
        if failure is not None:
            if not self.registry.cancelled.is_set():
                self._refused(submission, failure)
            return False
        self.pending.remove(submission)
        jobs = len(submission.entries)
        self.report.info(
            f"Submitted {jobs} job{'s' * (jobs != 1)} of rule {submission.whole.rule} as {submission.job_id}"
            + (f", an array of {len(submission.tasks)}" if len(submission.tasks) > 1 else "")
            + f" ({self.backend.name})."
        )
        return True

    def _submit_or_find(self, submission: Submission) -> list[str]:
        payloads = payloads_of(submission, self.backend)
        if submission.tries > 1:  # the last sbatch may have failed after the controller had taken the job
            found = self.backend.find(submission.token, len(submission.tasks))
            if found is None:
                raise SubmitError("the cluster does not answer, so it is unknown whether the job exists", "away")
            if found:
                submission.submitted(found)
                self.backend.deliver(submission, payloads)
                return found
            shutil.rmtree(submission.folder / "submitit", ignore_errors=True)
        return self.backend.submit(submission, payloads)

    def _refused(self, submission: Submission, error: SubmitError) -> None:
        rule, tries = submission.whole.rule, submission.tries
        if error.kind == "limit":
            self._at_limit(submission, error)
        elif error.kind == "fatal" and submission.excluded:
            self.report.warning(
                f"sbatch rejects jobs that exclude {','.join(submission.excluded)}; these nodes are allowed again."
            )
            self.registry.nodes.forget()
        elif error.kind == "away" or (error.kind == "unknown" and tries <= self.settings.sbatch_retries):
            pause = pause_after(tries - 1)
            submission.not_before = time.time() + pause
            self.report.warning(
                f"sbatch failed for rule {rule}; retrying in {pause:.0f} s (attempt {tries}): {error.text}"
            )
        else:
            self._drop(submission)
            for entry in submission.entries:
                entry.settled = True
                self.report.failure(entry, messages.refused(entry, error.text), [], None)

    def _at_limit(self, submission: Submission, error: SubmitError) -> None:
        """The site allows no more submitted jobs: put them back and continue with fewer at a time."""
        live, count = len(self.registry.live_tasks), len(submission.tasks)
        alone = count == 1
        self._drop(submission)
        with self.registry.lock:
            self.waiting = submission.entries + self.waiting
            self.hold_until = time.monotonic() + (LIMIT_PAUSE_S if alone else 0.0)
        self._learned = (live + count // 2, time.monotonic() + 60.0)
        self.report.warning(
            f"The site accepts no more jobs from this user for now; {count} tasks wait in the driver "
            f"(set --submitit-max-submitted to avoid this): {error.text}"
        )

    def _drop(self, submission: Submission) -> None:
        self.pending.remove(submission)
        shutil.rmtree(submission.folder, ignore_errors=True)


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures before the last one."""
    return min(PAUSE_AT_MOST_S, PAUSE_S * 2.0 ** min(failures, 16))


def payloads_of(submission: Submission, backend: Backend) -> list[Payload]:
    """What submitit pickles, one per task."""
    from ..node.task import Task as NodeTask

    settings = backend.pack_settings(submission.whole, submission.entries[0].request)
    return [NodeTask([entry.member for entry in task.entries], settings) for task in submission.tasks]
