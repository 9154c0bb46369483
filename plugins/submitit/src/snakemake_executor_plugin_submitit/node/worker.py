"""The worker of a task: imports once, forks for each member, and makes sure that each reports for itself.

Forked by task.py, whose process holds the other end of a pipe: when that closes, the task's process is gone. One
thread, no GPU: a child of fork() can use neither its parent's threads nor its GPU context.

On SIGUSR2 (the time limit is near) no further member is started, and every process that has a handler for SIGUSR2
gets it once, even if it installs its handler later; all others were started with the signal ignored, and may use the
time that is left. If the signal comes early, as SLURM's may, it is held back. On SIGTERM (preemption) and SIGINT all processes of
all members get a SIGTERM, except Snakemakes that run a job. What is still running shortly before the allocation ends is
killed. A cluster may deliver these signals to every process by itself: getting one twice does no harm.
"""

import contextlib
import dataclasses
import os
import resource
import signal
import socket
import time
import traceback
from collections.abc import Mapping
from typing import NoReturn

from snakemake_executor_plugin_submitit import processes
from snakemake_executor_plugin_submitit.members import PREEMPTION_S, Member, PackSettings, job_id
from snakemake_executor_plugin_submitit.node import allocation, child
from snakemake_executor_plugin_submitit.node.signals import Signals, say
from snakemake_executor_plugin_submitit.node.verdict import PREEMPTED, TIME_LIMIT, End, judge

HANGS_S = 10.0  # how long the first process may outlive all others once asked to end
LINGER_S = 10.0  # how long processes may outlive the job's first process
TICK_S = 0.2


@dataclasses.dataclass(kw_only=True)
class Running:
    """A member that runs: its first process leads a session, which holds all others."""

    member: Member
    pid: int
    starts: int
    late: bool
    forked: bool  # the first process is a Snakemake in this interpreter
    started: float = dataclasses.field(default_factory=time.time)
    exit_code: int | None = None
    usage: resource.struct_rusage | None = None  # resource usage of the first process and the children it waited for
    ended: float | None = None  # monotonic, of the first process
    cut_off: bool = False
    alone_since: float | None = None  # monotonic; since when the first process has been the only one left
    had_others: bool = False
    oom_kills: int = dataclasses.field(default_factory=allocation.oom_kills)  # in the allocation, before
    sent: dict[int, set[int]] = dataclasses.field(default_factory=dict)  # signal → processes that have got it

    def send(self, pids: list[int], number: int) -> None:
        """Send the signal to those of the processes that have not got it yet."""
        sent = self.sent.setdefault(number, set())
        for pid in set(pids) - sent:
            processes.send(pid, number)
        sent.update(pids)

    def is_snakemake(self, pid: int) -> bool:
        return (self.forked and pid == self.pid) or processes.is_snakemake(pid)

    def wants(self, pid: int, number: int) -> bool:
        """Whether the process is to get the signal.

        SIGUSR2 is for those alone that handle it. A SIGTERM makes Snakemake wait for its job, which it does anyway, and a
        second one, when it is busy with the job's end, could deadlock it: it gets none but SLURM's own.
        """
        if number == signal.SIGUSR2:
            return processes.catches(pid, number)
        return not (number == signal.SIGTERM and self.is_snakemake(pid) and processes.catches(pid, number))

    def hangs(self, left: list[int]) -> bool:
        """Whether the first process is a Snakemake that stays, though all that it had started has ended.

        A SIGTERM can catch it holding the lock that its handler waits for.
        """
        if len(left) != 1 or self.pid not in left:
            self.had_others |= len(left) > 1
            self.alone_since = None
            return False
        now = time.monotonic()
        self.alone_since = self.alone_since or now
        return self.had_others and now - self.alone_since > HANGS_S and self.is_snakemake(self.pid)


class Worker:
    """Runs members, `concurrent` at a time, until all have ended or the task is to stop."""

    def __init__(self, members: list[Member], settings: PackSettings, signals: Signals, warm: bool):
        self.waiting = list(members)
        self.settings = settings
        self.signals = signals
        self.warm = warm
        self.running: dict[int, Running] = {}
        self.some_ended = False
        self.stop: str | None = None
        self.stop_since = 0.0
        self.terminate_since: float | None = None  # monotonic, as `stop_since`
        self.limit = allocation.TimeLimit(settings)

    def run(self) -> None:
        self._notice(self.signals.take())
        while self.running or (self.waiting and not self.stop):
            while self.waiting and not self.stop and len(self.running) < self.settings.concurrent:
                self._start(self.waiting.pop(0))
            busy = self.stop or any(running.ended is not None for running in self.running.values())
            self._notice(self.signals.wait(TICK_S if busy else self.limit.until_warning()) | self._own_warning())
            self._reap()
            if self.stop or any(running.ended is not None for running in self.running.values()):
                self._press()

    def _notice(self, numbers: set[int]) -> None:
        if numbers & {signal.SIGTERM, signal.SIGINT}:
            self.terminate_since = self.terminate_since or time.monotonic()
            self._stop(TIME_LIMIT if signal.SIGUSR2 in numbers else PREEMPTED)
        elif signal.SIGUSR2 in numbers and self.stop is None:
            if self.limit.too_early():
                say(f"the time-limit warning came early; it takes effect in {self.limit.until_warning():.0f} s")
            else:
                self._stop(TIME_LIMIT)

    def _stop(self, why: str) -> None:
        if self.stop is None:
            self.stop, self.stop_since = why, time.monotonic()
            say(f"stopping ({self.stop}): {len(self.running)} running, {len(self.waiting)} not started")

    def _own_warning(self) -> set[int]:
        """Without SLURM nothing else warns of the time limit; and a warning that came early was held back."""
        return {signal.SIGUSR2} if self.stop is None and self.limit.due() else set()

    def _start(self, member: Member) -> None:
        try:
            starts = member.note_start(host=socket.gethostname(), job_id=job_id())
        except FileNotFoundError:
            say(f"not started: {member.name}: its folder is gone, so nothing waits for it")
            return
        member.marker.unlink(missing_ok=True)
        call = child.call_of(member) if self.warm else None
        with self.signals.blocked():
            pid = os.fork()
            if not pid:
                child.become(member, starts, self.settings.max_requeues, self.signals, call)  # does not return
        with contextlib.suppress(FileNotFoundError):
            member.session.write_text(str(pid))
        self.running[pid] = Running(
            member=member, pid=pid, starts=starts, late=self.some_ended, forked=call is not None
        )
        say(f"started {member.name} (process {pid}, start {starts}); its log: {member.log}")

    def _reap(self) -> None:
        for running in self.running.values():
            if running.exit_code is None:
                pid, status, usage = os.wait4(running.pid, os.WNOHANG)
                if pid:
                    running.exit_code, running.usage = os.waitstatus_to_exitcode(status), usage
                    running.ended = time.monotonic()

    def _press(self) -> None:
        """Send what is due to the processes that are left; a member has ended when none is."""
        sessions = processes.by_session()
        for running in list(self.running.values()):
            left = sessions.get(running.pid, [])
            if running.ended is not None and not left:
                self._finish(running)
                continue
            hangs = self.terminate_since is not None and running.hangs(left)
            now = time.monotonic()
            due = [number for number, at in self._schedule(running).items() if now >= at]
            for number in [*due, *([signal.SIGKILL] if hangs else [])]:
                running.send([pid for pid in left if running.wants(pid, number)], number)
                asked = number == signal.SIGTERM and self.terminate_since is None  # by nobody but the time limit
                running.cut_off |= bool(self.stop) and (asked or number == signal.SIGKILL)

    def _schedule(self, running: Running) -> dict[int, float]:
        """Signal -> when what is left of the member gets it."""
        if self.stop is None:
            return {} if running.ended is None else _ended_since(running.ended)
        if self.stop == PREEMPTED:
            return {signal.SIGTERM: self.stop_since, signal.SIGKILL: self.stop_since + self._after_term_s()}
        at = self._ends()
        if running.ended is not None:  # it may have left others that save: for so long, not until a distant end
            bounds = _ended_since(running.ended + self.settings.signal_delay_s)
            at = {number: min(at[number], bounds[number]) for number in at}
        return {signal.SIGUSR2: self.stop_since, **at}

    def _ends(self) -> dict[int, float]:
        """After a warning: shortly before the end, or when SLURM begins with it."""
        self.limit.look_again()
        ask, kill = self.limit.before_end(allocation.ASK), self.limit.before_end(allocation.KILL)
        if self.terminate_since is not None:
            ask, kill = self.terminate_since, min(kill, self.terminate_since + self._after_term_s())
        return {signal.SIGTERM: ask, signal.SIGKILL: kill}

    def _after_term_s(self) -> float:
        return max(0.95 * self.settings.signal_delay_s, PREEMPTION_S)

    def _finish(self, running: Running) -> None:
        member, before = running.member, running.member.result() or {}
        usage, exit_code = running.usage, running.exit_code
        assert usage is not None and exit_code is not None  # `_reap` has set them
        member.session.unlink(missing_ok=True)
        try:
            marker = member.marker.read_text().strip()
        except FileNotFoundError:
            marker = None
        verdict = judge(
            End(
                exit_code=exit_code, marker=marker, stop=self.stop, cut_off=running.cut_off,
                late=running.late, starts=running.starts, max_requeues=self.settings.max_requeues,
                oom_kills=allocation.oom_kills() - running.oom_kills,
            )
        )  # fmt: skip
        ended = time.time()
        with contextlib.suppress(FileNotFoundError):  # the driver has given up and cleared away; end the others
            member.write_result(
                **dataclasses.asdict(verdict),
                exit_code=exit_code,
                started=running.started,
                ended=ended,
                starts=running.starts,
                host=socket.gethostname(),
                node=os.environ.get("SLURMD_NODENAME", ""),
                job_id=job_id(),
                # of all starts together, as far as they could report
                wall_seconds=before.get("wall_seconds", 0.0) + ended - running.started,
                cpu_seconds=before.get("cpu_seconds", 0.0) + usage.ru_utime + usage.ru_stime,
                max_rss_mb=max(before.get("max_rss_mb", 0.0), usage.ru_maxrss / 1024),
            )
        del self.running[running.pid]
        self.some_ended = True
        say(f"{verdict.status}: {member.name}" + (f": {verdict.reason}" if verdict.reason else ""))


def _ended_since(time_s: float) -> dict[int, float]:
    """When processes get the signals that outlive their member's first one."""
    return {signal.SIGTERM: time_s, signal.SIGKILL: time_s + LINGER_S}


def become(
    members: list[Member], settings: PackSettings, environment: Mapping[str, str], files: list[int], lifeline: int
) -> NoReturn:
    """In the child of a fork: run the members, and end. `files` hold the task's share of the machine."""
    code = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(environment)
        os.environ.pop("SNAKEMAKE_PROFILE", None)  # jobs must not read the driver's profile
        for file in files:
            os.set_inheritable(file, True)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)  # submitit's
        signals = Signals(lifeline)
        warm = child.warm_up(members, settings.preload)
        Worker(members, settings, signals, warm).run()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        processes.leave(code)
