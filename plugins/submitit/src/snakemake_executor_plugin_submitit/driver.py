"""The driver: queues ready jobs, submits them in arrays, watches them, and tells Snakemake what became of them.

Everything that talks to the cluster happens in one thread, Snakemake's wait thread, in `step`. Snakemake's main thread
only puts jobs into the queue (`enqueue`), clears up behind recorded ones (`forget`) and cancels (`cancel`).
"""

import shutil
import threading
import time
from typing import Protocol

from . import batching, costs, messages, resources, states
from .records import RunFolder, new_token, remove_member
from .slurm import SubmitError
from .states import Outcome, Patience
from .tracking import Entry, Submission, Task

HOLD_S = 1.6  # Snakemake hands over a large grid in portions, one per second: how long to wait for the next
HOLD_AT_MOST_S = 30.0
OWN_FAILURE_S = 10.0  # how long to wait for SLURM's reason of a failure that the job has told already
LIMIT_PAUSE_S = 10.0
SLOW_S = 5.0
FEW_JOBS = 200  # up to so many, result files are looked at every poll_min_s, not only when the cluster is asked


class Report(Protocol):
    """What the driver tells Snakemake, and the user."""

    def success(self, entry: Entry) -> None: ...
    def failure(self, entry: Entry, message: str, logs: list[str], job_id: str | None) -> None: ...
    def again(self, entry: Entry, why: str) -> None: ...
    def info(self, text: str) -> None: ...
    def warning(self, text: str) -> None: ...


class Driver:
    """All jobs of one Snakemake run."""

    def __init__(self, backend, settings, run: RunFolder, patience: Patience, report: Report):
        self.backend, self.settings, self.run, self.patience, self.report = backend, settings, run, patience, report
        self.wake = threading.Event()  # there is something to do before the interval has passed
        self.interval = settings.poll_min_s  # until the next step
        self._query_interval, self._next_query = settings.poll_min_s, 0.0
        self.usages: list[costs.Usage] = []
        self._waiting: list[Entry] = []
        self._pending: list[Submission] = []  # cut, but sbatch has not taken them yet
        self._active: list[Submission] = []
        self._hold_until = self._hold_since = 0.0
        self._answering, self._cut_failures = True, 0
        self._learned: tuple[int, float] | None = None  # limit of submitted jobs that sbatch has told of, until when
        self._lock = threading.Lock()
        self._submitting = threading.Lock()
        self._cancelled = threading.Event()

    # -- from the main thread --------------------------------------------------------------------------------------

    def enqueue(self, entries: list[Entry], more_to_come: bool = False) -> None:
        """Take over ready jobs; with `more_to_come` submission waits a little for the next portion."""
        now = time.monotonic()
        with self._lock:
            self._hold_since = self._hold_since if self._waiting and self._hold_since else now
            self._hold_until = min(now + HOLD_S, self._hold_since + HOLD_AT_MOST_S) if more_to_come else 0.0
            self._waiting += entries
        self.wake.set()

    def adopt(self, submission: Submission) -> None:
        """Watch what an earlier driver has submitted."""
        with self._lock:
            if submission not in self._active:
                self._active.append(submission)
        self.wake.set()

    def forget(self, entry: Entry, ok: bool) -> None:
        """Snakemake has recorded the outcome: the member's files can go."""
        entry.forgotten = True
        remove_member(entry.member.folder)
        if ok and not self.settings.keep_successful_logs:
            entry.member.log.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Cancel all that was submitted, after an sbatch that is under way has told its job's id."""
        self._cancelled.set()
        self.wake.set()
        with self._submitting:
            tasks = [task for task in self.live_tasks if task.job_id]
        if tasks:
            jobs = sum(len(task.open_entries) for task in tasks)
            self.report.info(f"Cancelling {jobs} jobs in {len(tasks)} tasks of the {self.backend.name} cluster.")
            if trouble := self.backend.cancel(task.job_id for task in tasks):
                self.report.warning(trouble.strip())

    def close(self, wait_s: float = 10.0) -> None:
        """Remove what is done, once the processes that write there have ended."""
        deadline = time.monotonic() + (0.0 if self._cancelled.is_set() else wait_s)
        self._clear()
        while self._active and time.monotonic() < deadline and not any(task.open_entries for task in self.live_tasks):
            time.sleep(0.05)
            self._clear()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    @property
    def live_tasks(self) -> list[Task]:
        """Tasks of the cluster with jobs whose outcome is not known."""
        with self._lock:
            tasks = [task for submission in self._active for task in submission.tasks]
        return [task for task in tasks if task.open_entries]

    # -- in the wait thread ----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Submit what can be, look at what runs, tell what has ended; sets the interval until the next step."""
        self.wake.clear()
        if self._cancelled.is_set():
            return
        low, high = self.settings.poll_min_s, self.settings.poll_max_s
        news = self._submit()
        due = time.monotonic() >= self._next_query
        few = sum(len(task.open_entries) for task in self.live_tasks) <= FEW_JOBS
        if few or due:
            news |= self._read_results()
        if due:
            came, query_s = self._query()
            self._query_interval = states.next_interval(self._query_interval, news or came, query_s, low, high)
            self._next_query = time.monotonic() + self._query_interval
        elif news:
            self._query_interval = states.next_interval(self._query_interval, True, 0.0, low, high)
            self._next_query = min(self._next_query, time.monotonic() + self._query_interval)
        self._clear()
        self.interval = self._until_next(few)

    def _until_next(self, few: bool) -> float:
        """Seconds until something is due: a query, an sbatch, a look at the result files."""
        soon = [self._next_query - time.monotonic()]
        soon += [submission.not_before - time.time() for submission in self._pending]
        if self._waiting and (hold := self._hold_until - time.monotonic()) > 0:
            soon.append(hold)
        if few:
            soon.append(self.settings.poll_min_s)
        return max(0.05, min(soon))

    # -- submission ------------------------------------------------------------------------------------------------

    def _submit(self) -> bool:
        submitted = False
        try:
            self._cut()
        except SubmitError as error:  # the cluster does not tell its limits
            pause = min(60.0, 2.0**self._cut_failures)
            self._cut_failures += 1
            self._hold_until = time.monotonic() + pause
            self.report.warning(f"Nothing can be submitted, next try in {pause:.0f} s: {error.text}")
        for submission in list(self._pending):
            if submission.not_before <= time.time() and not self._cancelled.is_set():
                submitted |= self._try(submission)
        return submitted

    def _cut(self) -> None:
        """Cut waiting jobs into submissions, as far as there is room; the rest goes on waiting."""
        if not self._waiting or time.monotonic() < self._hold_until:
            return
        array_size = self.backend.array_size
        with self._lock:
            waiting, self._waiting, self._hold_since = self._waiting, [], 0.0
        live = self.live_tasks + [task for submission in self._pending for task in submission.tasks]
        left: list[Entry] = []
        for entries in batching.groups(waiting, lambda entry: entry.request):
            tasks = [Task(entries=pack) for pack in batching.slices(entries, entries[0].request.pack)]
            chunks, rest = batching.chunks(tasks, array_size, self._room(tasks, live))
            left += [entry for task in rest for entry in task.entries]
            for chunk in chunks:
                live += chunk
                self._pending.append(self._submission(chunk))
        with self._lock:
            self._waiting = left + self._waiting

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
        """One sbatch; what fails is told, or stays pending for the next try."""
        submission.submitted_at = time.time()
        self.run.write(submission)
        with self._submitting:
            if self._cancelled.is_set():
                return False
            submission.tries += 1
            try:
                ids = self._submit_or_find(submission)
            except SubmitError as error:
                failure = error
            else:
                failure = None
                submission.submitted(ids)
                self.run.write_ids(submission)
                with self._lock:
                    self._active.append(submission)
        if failure is not None:
            self._refused(submission, failure)
            return False
        self._pending.remove(submission)
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
                raise SubmitError("squeue does not answer, so that nobody can tell whether the job is there", "away")
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
        elif error.kind == "away" or (error.kind == "unknown" and tries <= self.settings.sbatch_retries):
            pause = min(60.0, 2.0 ** (tries - 1))
            submission.not_before = time.time() + pause
            self.report.warning(f"sbatch failed for rule {rule}, next try in {pause:.0f} s (try {tries}): {error.text}")
        else:
            self._drop(submission)
            for entry in submission.entries:
                self._settle(entry, Outcome(False), message=messages.refused(entry, error.text), logs=[])

    def _at_limit(self, submission: Submission, error: SubmitError) -> None:
        """The site allows no more submitted jobs: put them back and go on with fewer at a time."""
        live, count = len(self.live_tasks), len(submission.tasks)
        alone = count == 1
        self._drop(submission)
        with self._lock:
            self._waiting = submission.entries + self._waiting
            self._hold_until = time.monotonic() + (LIMIT_PAUSE_S if alone else 0.0)
        self._learned = (live + count // 2, time.monotonic() + 60.0)
        self.report.warning(
            f"The site takes no more jobs of this user now; {count} tasks wait in the driver "
            f"(--submitit-max-submitted sets the limit beforehand): {error.text}"
        )

    def _drop(self, submission: Submission) -> None:
        self._pending.remove(submission)
        shutil.rmtree(submission.folder, ignore_errors=True)

    # -- state -----------------------------------------------------------------------------------------------------

    def _read_results(self) -> bool:
        """Settle the jobs whose result files say that they have succeeded; whether there were any."""
        news = False
        for task in self.live_tasks:
            news |= self._judge(task, ok_only=True)
        return news

    def _query(self) -> tuple[bool, float]:
        """One query for all that is left. Returns whether there is news, and what the query took [s]."""
        news, tasks = False, self.live_tasks
        if not tasks:
            return news, 0.0
        began = time.monotonic()
        seen = self.backend.observe({task.job_id: task.submission.submitted_at for task in tasks})
        query_s, now = time.monotonic() - began, time.time()
        self._tell_of_outage(seen is not None, query_s)
        for task in tasks:
            if seen is None:
                task.since = now if task.seen is None else task.since  # nobody was there to ask
                continue
            former = task.seen
            if task.note(seen.get(task.job_id), now):
                news = True
                if told := messages.transition(task, former):
                    self.report.warning(told)
            if task.seen is None or task.seen.state != "PENDING":
                news |= self._judge(task)
        return news, query_s

    def _tell_of_outage(self, answered: bool, query_s: float) -> None:
        """Once per outage, and once when it is over. SLURM's commands try for a while before they give up."""
        if answered and query_s > SLOW_S:
            self.report.warning(f"SLURM took {query_s:.0f} s to answer.")
        if answered == self._answering:
            return
        self._answering = answered
        jobs = sum(len(task.open_entries) for task in self.live_tasks)
        if answered:
            self.report.warning("SLURM answers again.")
        else:
            self.report.warning(f"SLURM does not answer ({self.backend.trouble}). {jobs} jobs go on; still looking.")

    def _judge(self, task: Task, ok_only: bool = False) -> bool:
        """Settle those entries of a task whose outcome is known; whether there were any."""
        now, settled = time.time(), False
        for entry in task.open_entries:
            if not ok_only:
                messages.refresh(entry.member.folder)
            result = entry.member.result()
            if ok_only and (result is None or result.get("status") != "ok"):
                continue
            if result is not None and result.get("status") == "failed" and self._reason_may_come(task, entry, now):
                continue
            entry.result = result
            outcome = states.judge(result, task.seen, now - task.since, self.patience)
            if outcome is not None:
                self._settle(entry, outcome, task)
                settled = True
        if settled and not task.open_entries:
            self._count(task)
        return settled

    def _reason_may_come(self, task: Task, entry: Entry, now: float) -> bool:
        """Whether to wait for SLURM's reason, such as OUT_OF_MEMORY, of a failure that the job has told itself."""
        entry.failed_since = entry.failed_since or now
        ended = task.seen is not None and not task.seen.alive
        alone = len(task.entries) == 1 and self.backend.name == "slurm"
        return alone and not ended and now - entry.failed_since < OWN_FAILURE_S

    def _settle(self, entry: Entry, outcome: Outcome, task: Task | None = None, message="", logs=None) -> None:
        entry.settled = True
        if outcome.ok:
            self.report.success(entry)
            return
        if task is not None:
            task_log = self.backend.log(task.submission, task.job_id)
            outcome = states.explain(outcome, messages.tail(task_log, 40) + messages.tail(entry.member.log, 40))
            if entry.adopted and task.seen is not None and not task.seen.alive and entry.member.result() is None:
                self.report.again(entry, outcome.reason)
                return
            logs = [
                str(path) for path in (entry.member.log, messages.keep(task_log, entry.member.log)) if path.exists()
            ]
            message = messages.failed(entry, task, outcome, logs)
        self.report.failure(entry, message, logs or [], task.job_id if task else None)

    def _count(self, task: Task) -> None:
        elapsed = task.seen.elapsed_s if task.seen else 0.0
        self.usages.append(costs.usage(task.submission.whole, [entry.result for entry in task.entries], elapsed))

    def _clear(self) -> None:
        """Remove the files of submissions whose entries are forgotten and whose processes have ended."""
        for submission in list(self._active):
            for task in submission.tasks:
                task.closed = task.closed or self._has_ended(task)
            if all(task.closed for task in submission.tasks) and all(e.forgotten for e in submission.entries):
                with self._lock:
                    self._active.remove(submission)
                shutil.rmtree(submission.folder, ignore_errors=True)

    def _has_ended(self, task: Task) -> bool:
        if task.open_entries:
            return False
        if task.seen is not None and not task.seen.alive:
            return True
        return self.backend.log(task.submission, task.job_id).with_name(f"{task.job_id}_0_result.pkl").exists()


def payloads_of(submission: Submission, backend) -> list:
    """What submitit pickles, one per task."""
    from .task import Task as NodeTask

    settings = backend.pack_settings(submission.whole, submission.entries[0].request)
    return [NodeTask([entry.member for entry in task.entries], settings) for task in submission.tasks]
