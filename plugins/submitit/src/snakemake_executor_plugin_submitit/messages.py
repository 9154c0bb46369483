"""What the user reads when something happens to a job, and the looks into files that this takes."""

import os
import shutil
from pathlib import Path

from . import states
from .states import Observation, Outcome
from .tracking import Entry, Task

TAIL_LINES = 30
TAIL_BYTES = 16_384


def refused(entry: Entry, words: str) -> str:
    """A job that the cluster will never take."""
    return f"{entry.member.name}: the cluster refuses the job of rule {entry.request.rule}: {words}\n"


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
        lines.append(f"It has written no log ({entry.member.log}).")
    return "\n".join(lines) + "\n"


def transition(task: Task, former: Observation | None) -> str:
    """What to tell when the cluster sees a task in a new state; empty for what goes without saying."""
    if task.seen is None:
        return ""
    if former is not None and former.state in ("RUNNING", "COMPLETING", "NODE_FAIL", "PREEMPTED"):
        back = task.seen.state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
        if back and task.told != "back":
            task.told = "back"
            reason = f" ({task.seen.reason})" if task.seen.reason not in ("", "None") else ""
            return f"Job {task.job_id} is in the queue again{reason} and will go on: {task.names}"
    if task.seen.state == "RUNNING":
        task.told = ""
    if task.seen.state in ("PENDING", "REQUEUE_HOLD", "SPECIAL_EXIT") and states.HELD.search(task.seen.reason):
        return (
            f"Job {task.job_id} does not start until someone acts ({task.seen.reason}): {task.names}. "
            f"scontrol release {task.job_id} lets it go on, scancel {task.job_id} gives it up."
        )
    return ""


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
    """Copy what submitit and SLURM wrote about a failed task beside the member's log; its own folder is removed."""
    kept = member_log.with_suffix(".task.log")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(task_log, kept)
    except OSError:
        return task_log
    return kept


def refresh(folder: Path) -> None:
    """Have a network file system look again at what is in a folder."""
    try:
        with os.scandir(folder) as entries:
            for _ in entries:
                break
    except OSError:
        pass
