"""Decide what a member's end means: done, failed, or to be started again."""

import dataclasses
import signal

TIME_LIMIT = "time limit"
PREEMPTED = "preempted"


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """What is known when all processes of a member have ended."""

    exit_code: int  # of its first process; minus the number of the signal that killed it
    marker: str | None = None  # the text of the marker; None if the job has not written one
    stop: str | None = None  # why the task was stopping: TIME_LIMIT, PREEMPTED or None
    cut_off: bool = False  # it did not end by itself in time
    late: bool = False  # it started when others had used up part of the allocation's time
    oom_kills: int = 0  # processes of the allocation that the kernel has killed meanwhile, because its memory was full
    starts: int = 1
    max_requeues: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    status: str  # ok, failed, requeue
    cause: str  # for programs: done, error, signal, marker, memory, "time limit", preempted, requeues
    reason: str  # for people


def judge(end: End) -> Verdict:
    """The verdict on a member.

    A job that has saved says so with the marker. After a preemption all is started again, saved or not, for it is
    no fault of the job's. At the time limit a job that has not saved would only run into it again: that is a
    failure, for the workflow to retry with more time, unless the job had less than the whole time.
    """
    if end.exit_code == 0:
        return Verdict(status="ok", cause="done", reason="")
    cause, reason = _why(end)
    again = cause in ("marker", PREEMPTED) or (end.stop == TIME_LIMIT and end.late)
    if again and end.starts > end.max_requeues:
        reason = (
            f"started {end.starts} times, which is all that max-requeues {end.max_requeues} allows; last time: {reason}"
        )
        return Verdict(status="failed", cause="requeues", reason=reason)
    return Verdict(status="requeue" if again else "failed", cause=cause, reason=reason)


def _why(end: End) -> tuple[str, str]:
    if end.marker is not None:
        return "marker", end.marker or "the job asked to be started again"
    if end.stop == PREEMPTED:
        return PREEMPTED, "interrupted: the allocation was preempted or cancelled"
    if end.oom_kills:
        killed = f"{end.oom_kills} processes" if end.oom_kills > 1 else "a process"
        return (
            "memory",
            f"ran out of memory: the kernel killed {killed} of the allocation ({_ended(end.exit_code, guess='')})",
        )
    if end.stop == TIME_LIMIT:
        ended = "cut off at" if end.cut_off else f"{_ended(end.exit_code)} after the warning of"
        return TIME_LIMIT, f"{ended} the allocation's time limit, without having asked to be resumed"
    return "signal" if end.exit_code < 0 else "error", _ended(end.exit_code)


def _ended(exit_code: int, guess: str = " (memory used up?)") -> str:
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"killed by {name}" + (guess if exit_code == -signal.SIGKILL else "")
