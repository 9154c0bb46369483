"""What the user reads when something happens to a job, and the reading of files that this takes."""

import os
import shutil
from pathlib import Path

from .. import states
from ..states import Observation, Outcome
from ..tracking import Entry, Task

TAIL_LINES = 30
TAIL_BYTES = 16_384


def refused(entry: Entry, words: str) -> str:
    """A job that the cluster will never take."""
    return f"{entry.member.name}: the cluster rejected the job of rule {entry.request.rule}: {words}\n"


def failed(entry: Entry, task: Task, outcome: Outcome, logs: list[str]) -> str:
    """Reason, job id, node, log and its last lines."""
    where = f" on {task.seen.node}" if task.seen and task.seen.node not in ("", "None assigned", "(null)") else ""
    lines = [f"{entry.member.name}: {outcome.reason} [job {task.job_id}{where}]"]
    if outcome.advice:
        lines.append(outcome.advice)
    for log in logs[:1]:
        lines.append(f"Last lines of {log}:")
        lines += [f"    {line}" for line in tail(Path(log), TAIL_LINES).splitlines()]
    if not logs:
        lines.append(f"It wrote no log ({entry.member.log}).")
    return "\n".join(lines) + "\n"


WAITS = {
    "held": "On hold",
    "never": "Will not start as things stand",
    "limit": "Waiting for a site limit",
}


def transition(task: Task, former: Observation | None) -> tuple[str, str] | None:
    """What to report of a task's state: ("back" or a key of WAITS, SLURM's reason), mostly nothing.

    A kind is reported once per task: SLURM may give one reason after the other.
    """
    if task.seen is None:
        return None
    reason = "" if task.seen.reason in ("", "None") else task.seen.reason
    if kind := states.hindrance(task.seen):
        if task.told == kind:
            return None
        task.told = kind
        return kind, reason
    if former is not None and former.state in ("RUNNING", "COMPLETING", "NODE_FAIL", "PREEMPTED"):
        back = task.seen.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
        if back and task.told != "back":
            task.told = "back"
            return "back", reason
    if task.seen.state == "RUNNING":
        task.told = ""
    return None


def transitions(kind: str, reason: str, tasks: list[Task]) -> str:
    """One sentence about all tasks to which the same has happened."""
    ids = some([task.job_id for task in tasks])
    names = some([entry.member.name for task in tasks for entry in task.entries])
    why = f" ({reason})" if reason else ""
    if kind == "back":
        subject = f"Job {ids} is" if len(tasks) == 1 else "These jobs are"
        return (
            f"{subject} back in the queue{why} and will resume later: {names if len(tasks) == 1 else f'{ids}: {names}'}"
        )
    mains = " ".join(sorted({task.job_id.partition("_")[0] for task in tasks}))
    release = f"`scontrol release {mains}` lets them run, " if kind == "held" else ""
    return f"{WAITS[kind]}{why}: {ids}: {names}. {release}`scancel {mains}` cancels them."


def some(texts: list[str], at_most: int = 3) -> str:
    """The first few of a list, and how many more there are."""
    return "; ".join(texts[:at_most]) + (f" and {len(texts) - at_most} more" if len(texts) > at_most else "")


def tail(path: Path, lines: int) -> str:
    """The last lines of a file, empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def keep(task_log: Path, member_log: Path) -> Path:
    """Copy what submitit and SLURM wrote about a failed task next to the member's log; its own folder is removed."""
    kept = member_log.with_suffix(".task.log")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(task_log, kept)
    except OSError:
        return task_log
    return kept


def refresh(folder: Path) -> None:
    """Make a network file system look again at a folder's content."""
    try:
        with os.scandir(folder) as entries:
            for _ in entries:
                break
    except OSError:
        pass
