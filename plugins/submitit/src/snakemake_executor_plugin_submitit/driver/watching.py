"""Watching what was submitted: result files, one query for all, and what becomes of each job."""

import dataclasses
import functools
import time
from collections.abc import Callable

from .. import states
from ..backends import Backend
from ..states import Outcome, Patience
from ..tracking import Entry, Task
from . import costs, messages
from .nodes import Nodes
from .registry import Registry, Report

OWN_FAILURE_S = 10.0  # how long to wait for SLURM's reason of a failure that the job has told already
ADOPTED_LOST_S = 10.0  # how long to look for an earlier driver's job that the cluster does not know any more
SLOW_S = 5.0


class Watcher:
    """Looks at live tasks and settles their jobs."""

    def __init__(self, backend: Backend, patience: Patience, registry: Registry, report: Report):
        self.backend, self.patience, self.registry, self.report = backend, patience, registry, report
        self.usages: list[costs.Usage] = []
        self._answering = True
        self._limits: set[tuple[str, str]] = set()  # rules and the limits that the user knows of

    def read_results(self) -> bool:
        """Settle the jobs whose result files say that they have succeeded; whether there were any."""
        news = False
        for task in self.registry.live_tasks:
            news |= self._judge(task, ok_only=True)
        return news

    def query(self) -> tuple[bool, float]:
        """One query for all that is left. Returns whether there is news, and what the query took [s]."""
        news, tasks = False, self.registry.live_tasks
        if not tasks:
            return news, 0.0
        began = time.monotonic()
        seen = self.backend.observe({task.job_id: task.submission.submitted_at for task in tasks})
        query_s, now = time.monotonic() - began, time.time()
        self._tell_of_outage(seen is not None, query_s)
        happened: dict[tuple[str, str], list[Task]] = {}
        for task in tasks:
            if seen is None:
                task.since = now if task.seen is None else task.since  # nobody was there to ask
                continue
            former = task.seen
            news |= task.note(seen.get(task.job_id), now)
            if task.seen is not None:
                self._about_nodes(functools.partial(Nodes.note_state, node=task.seen.node, state=task.seen.state))
            if told := messages.transition(task, former):
                happened.setdefault(told, []).append(task)
            if task.ran or task.seen is None:  # a requeued pack waits, but some of its members may have failed
                news |= self._judge(task)
        for (kind, reason), some in happened.items():
            self._tell_of_wait(kind, reason, some)
        return news, query_s

    def _tell_of_wait(self, kind: str, reason: str, tasks: list[Task]) -> None:
        """A limit that holds many back is reported once per rule: they pass it one after the other."""
        if kind == "limit":
            told = {(task.submission.whole.rule, reason) for task in tasks} - self._limits
            tasks = [task for task in tasks if (task.submission.whole.rule, reason) in told]
            self._limits |= told
        if tasks:
            self.report.warning(messages.transitions(kind, reason, tasks))

    def _tell_of_outage(self, answered: bool, query_s: float) -> None:
        """Once per outage, and once when it is over. SLURM's commands try for a while before they give up."""
        if answered and query_s > SLOW_S:
            self.report.warning(f"The cluster took {query_s:.0f} s to answer.")
        if answered == self._answering:
            return
        self._answering = answered
        jobs = sum(len(task.open_entries) for task in self.registry.live_tasks)
        if answered:
            self.report.warning("The cluster answers again.")
        else:
            self.report.warning(
                f"The cluster does not answer ({self.backend.trouble}). {jobs} jobs keep running; still trying."
            )

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
            patience = self.patience
            if entry.adopted and not task.lived:  # the cluster has had its time to learn of it
                patience = dataclasses.replace(patience, lost_s=min(patience.lost_s, ADOPTED_LOST_S))
            outcome = states.judge(result, task.seen, now - task.since, patience)
            if outcome is not None:
                self._settle(entry, outcome, task)
                settled = True
        if settled and not task.open_entries:
            self._count(task)
        return settled

    def _reason_may_come(self, task: Task, entry: Entry, now: float) -> bool:
        """Whether to wait for SLURM's reason, such as OUT_OF_MEMORY, of a failure that the job has reported itself."""
        entry.failed_since = entry.failed_since or now
        ended = task.seen is not None and not task.seen.alive
        alone = len(task.entries) == 1 and self.backend.knows_why
        return alone and not ended and now - entry.failed_since < OWN_FAILURE_S

    def _settle(self, entry: Entry, outcome: Outcome, task: Task) -> None:
        """Report what became of an entry; whatever goes wrong here, Snakemake must not wait for it for ever."""
        entry.settled = True
        self._note_end(entry, outcome, task)
        try:
            self._tell(entry, outcome, task)
        except Exception as error:
            text = f"{entry.member.name}: its end could not be reported in full ({type(error).__name__}: {error})\n"
            self.report.failure(entry, text, [], task.job_id)

    def _note_end(self, entry: Entry, outcome: Outcome, task: Task) -> None:
        """What its end says about its node: the result names the node even if the cluster was not asked in time."""
        result = entry.result or {}
        seen_s = task.seen.elapsed_s if task.seen else 0.0
        lasted = (result.get("ended") or 0.0) - (result.get("started") or 0.0) if result else seen_s
        node = result.get("node") or (task.seen.node if task.seen else "")
        state = task.seen.state if task.seen else ""
        self._about_nodes(lambda nodes: nodes.note_end(node, entry.request.rule, outcome.ok, lasted, state))

    def _about_nodes(self, note: Callable[[Nodes], None]) -> None:
        """Take note, and report nodes that are excluded from now on."""
        nodes = self.registry.nodes
        before = set(nodes.bad)
        note(nodes)
        if new := [node for node in nodes.bad if node not in before]:
            why = "lost under a job" if set(new) <= set(nodes.lost) else "jobs of several rules died there at once"
            self.report.warning(f"Excluded from further submissions ({why}): {', '.join(new)}.")

    def _tell(self, entry: Entry, outcome: Outcome, task: Task) -> None:
        if outcome.ok:
            self.report.success(entry)
            return
        task_log = self.backend.log(task.submission, task.job_id)
        ended_before = entry.adopted and (not task.lived or task.given_up)
        words = messages.tail(entry.member.log, 40)
        if len(task.entries) == 1 or (entry.result or {}).get("status") != "failed":
            words += messages.tail(task_log, 40)  # the log of all members: it may tell of another's end
        outcome = states.explain(outcome, words)
        if ended_before and (task.given_up or (entry.result or {}).get("status") != "failed"):
            self.report.again(entry, outcome.reason)
            return
        logs = [str(path) for path in (entry.member.log, messages.keep(task_log, entry.member.log)) if path.exists()]
        message = messages.failed(entry, task, outcome, logs)
        self.report.failure(entry, message, logs, task.job_id)

    def _count(self, task: Task) -> None:
        elapsed = task.seen.elapsed_s if task.seen else 0.0
        results = [entry.result for entry in task.entries]
        names = [entry.member.name for entry in task.entries]
        used = costs.usage(task.submission.whole, results, elapsed)
        self.usages.append(dataclasses.replace(used, job_id=task.job_id, names="; ".join(names)))
