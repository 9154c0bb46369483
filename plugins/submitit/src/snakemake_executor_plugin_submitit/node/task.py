"""What submitit runs on the node: a task, which is a pack of one or more members.

The task forks a worker (worker.py), which forks a child for each member, passes signals on to it, and when it has ended
decides what becomes of members that are not done:

- SLURM warned of the time limit (USR2), or a job asked to be started again: submitit's own way, which writes the task
  for the next attempt and calls `scontrol requeue`.
- SLURM preempted the job (TERM): SLURM requeues it by itself. Only where it gave notice and leaves the job running
  until the end of a grace time, the task has to ask for it.
- Without SLURM: a job that asked for it is started again at once, and submitit's local executor restarts a task that
  had run into its time limit.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from snakemake_executor_plugin_submitit import gpus, processes
from snakemake_executor_plugin_submitit.members import Member, PackSettings, job_id
from snakemake_executor_plugin_submitit.node import allocation, worker
from snakemake_executor_plugin_submitit.node.verdict import End, judge

ORPHANS_S = 20.0
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


class MembersFailed(RuntimeError):
    """At least one member of the task failed; each has its own result.json and its own log."""


class Task:
    """Called by submitit on the node, in every attempt of the SLURM job; members that are done are left alone."""

    def __init__(self, members: list[Member], settings: PackSettings):
        self.members = members
        self.settings = settings

    def __call__(self) -> None:
        if rank := int(os.environ.get("SLURM_PROCID", 0)):
            print(f"process {rank} of several in this job: only the first runs Snakemake", flush=True)
            return
        for member in self.members:  # from an earlier attempt, perhaps on another node: here the id may be anyone's
            member.session.unlink(missing_ok=True)
        with Forwarding() as forwarding:
            while left := self.left():
                with self._share(forwarding) as (environment, files):
                    run_worker(left, self.settings, environment, files, forwarding)
                if forwarding.received or allocation.on_slurm():
                    break
            if self.left():
                self._again(forwarding)
        self._raise_if_failed()

    def checkpoint(self):
        """submitit's hook before a requeue: what to run in the next attempt, None if nothing is left."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self) if self.left() else None

    def left(self) -> list[Member]:
        """The members that are not done; one that was cut off too often without a result fails here."""
        for member in self.members:
            starts = member.starts()
            if starts > self.settings.max_requeues and not member.done():
                self._give_up(member, starts)
        return [member for member in self.members if not member.done()]

    def _give_up(self, member: Member, starts: int) -> None:
        end = End(exit_code=-signal.SIGKILL, stop="preempted", starts=starts, max_requeues=self.settings.max_requeues)
        verdict = judge(end)
        fields = {"starts": starts, "exit_code": None, "job_id": job_id(), "ended": time.time()}
        known = {name: value for name, value in (member.result() or {}).items() if name != "token"}
        member.write_result(
            **known | fields | {"status": verdict.status, "cause": verdict.cause, "reason": verdict.reason}
        )

    @contextlib.contextmanager
    def _share(self, forwarding: "Forwarding") -> Iterator[tuple[dict[str, str], list[int]]]:
        """This task's share of a machine without SLURM: environment and the files that hold it."""
        if self.settings.slots is None:
            yield {}, []
            return
        forwarding.waiting = True
        with gpus.borrowed(self.settings.machine, self.settings.takes, self.settings.slots) as (lent, files):
            forwarding.waiting = False
            yield gpus.environment_for(lent), files

    def _again(self, forwarding: "Forwarding") -> None:
        """Have the rest run in another attempt, or leave it to whoever ended this one. Does not return on SLURM."""
        names = ", ".join(member.name for member in self.left())
        told_to_end = forwarding.received & {signal.SIGTERM, signal.SIGINT}
        if told_to_end and not allocation.is_running():  # also after the warning: a cancelled job must not come back
            sys.exit(f"interrupted; not done: {names}")
        requeue = forwarding.previous.get(signal.SIGUSR2)
        if not callable(requeue):
            sys.exit(f"interrupted, with nothing to start it again; not done: {names}")
        print(f"to be started again: {names}", flush=True)
        try:
            requeue(signal.SIGUSR2, None)  # submitit: checkpoint(), a new pickle, scontrol requeue, exit
        except (OSError, subprocess.SubprocessError) as error:
            print(f"scontrol requeue failed, trying again: {error}", file=sys.stderr, flush=True)
            requeue_patiently(self.settings.signal_delay_s)

    def _raise_if_failed(self) -> None:
        results = [(member, member.result() or {}) for member in self.members]
        failed = [
            f"{member.name}: {result.get('reason')} (log: {member.log})"
            for member, result in results
            if result.get("status") == "failed"
        ]
        if failed:
            raise MembersFailed(f"{len(failed)} of {len(self.members)} failed: " + "; ".join(failed))


class Forwarding:
    """Forwards signals to the worker. Use as a context; outside the main thread nothing is forwarded."""

    def __init__(self):
        self.received: set[int] = set()
        self.worker: int | None = None
        self.waiting = False  # for a share of the machine: nothing to save, a signal ends the process at once
        self.previous: dict = {}

    def __enter__(self) -> "Forwarding":
        if threading.current_thread() is threading.main_thread():
            self.previous = {number: signal.signal(number, self._note) for number in FORWARDED}
        return self

    def __exit__(self, *_):
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame) -> None:
        self.received.add(number)
        if self.waiting:
            sys.exit(f"{signal.Signals(number).name} while waiting for a share of this machine")
        if self.worker is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.worker, number)

    def attach(self, worker: int) -> None:
        self.worker = worker
        for number in self.received:  # those that came before it was there
            os.kill(worker, number)


def run_worker(members: list[Member], settings: PackSettings, environment: dict, files: list, forwarding) -> None:
    """Fork a worker for the members and wait until it has ended."""
    lifeline, held = os.pipe()  # its writing end closes with this process, however that ends
    # the worker unblocks the signals when it can handle them; before that they wait
    former = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    try:
        pid = os.fork()
        if not pid:
            os.close(held)
            worker.become(members, settings, environment, files, lifeline)  # does not return
        forwarding.attach(pid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        os.close(lifeline)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        forwarding.worker = None
        os.close(held)
    if code:
        end_orphans(members)
    if code and not forwarding.received:
        raise RuntimeError(f"The worker ended with exit code {code}; see this task's log.")


def end_orphans(members: list[Member]) -> None:
    """End the processes of members whose worker has died, as after a kill -9, so that they are not started a second time alongside."""
    sessions = [int(member.session.read_text()) for member in members if member.session.exists()]
    deadline = time.monotonic() + ORPHANS_S
    number: int = signal.SIGTERM
    while left := [pid for session in sessions for pid in processes.by_session().get(session, [])]:
        for pid in left:
            processes.send(pid, number)
        late = time.monotonic() > deadline
        number = signal.SIGKILL if late else 0
        time.sleep(0.2)


def requeue_patiently(seconds: float) -> None:
    """Call `scontrol requeue` until it succeeds, a controller may be restarting; then exit."""
    deadline = time.monotonic() + seconds
    while True:
        time.sleep(2)
        try:
            subprocess.run(["scontrol", "requeue", str(job_id())], timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            if time.monotonic() > deadline:
                raise
        else:
            sys.exit("requeued")
