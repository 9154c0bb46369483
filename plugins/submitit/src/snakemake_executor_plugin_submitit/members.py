"""What the driver tells a task, and the files in which each member of a pack reports for itself.

Every task is a pack of members, one Snakemake job each; the plain case is a pack of one. The driver makes the members'
folders (0700, below the run's private folder); the task on the node writes into them:

| file | what |
|---|---|
| `result.json` | how the member ended; written whole as soon as it has |
| `starts` | one line of JSON per start, also of those that were cut off: what bounds the requeues |
| `session` | the id of the session of its processes, while it runs |
| `requeue` | the marker: a job that wants to be started again writes it and exits with a status other than 0 |

The driver removes the folder of a member when it has taken note of a final result, also while others of the pack run.

`status` in result.json is `ok` or `failed`, which are final, or `requeue`: the member was interrupted or asked for it,
and is started again when its task is. If the task has ended for good (cancelled, node gone, scontrol failing), then a
member without a final result has ended with it. A task raises if a member failed, so that `sacct` shows FAILED.
"""

import dataclasses
import json
import os
import time
from pathlib import Path

MARKER_VARIABLE = "SNAKEMAKE_SUBMITIT_REQUEUE_MARKER"
REQUEUES_LEFT_VARIABLE = "SNAKEMAKE_SUBMITIT_REQUEUES_LEFT"  # how often the job may still be started again
FINAL = ("ok", "failed")
PREEMPTION_S = 57.0  # at least, between SIGTERM and SIGKILL; how long it really is (KillWait) only SLURM knows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """One Snakemake job, as submitted for one attempt. `folder` is the member's own and exists already."""

    token: str  # 16 hexadecimal digits, never used twice
    name: str  # rule and wildcards, for people: "train configuration=lenet-0123abcd, seed=1"
    command: str  # the shell command that Snakemake gives for the job
    folder: Path
    log: Path  # gets stdout and stderr; appended to if the member is started again
    environment: dict[str, str] = dataclasses.field(default_factory=dict, hash=False)
    threads: int = 1  # what numerical libraries in the job's Snakemake may start, where the environment does not say

    @property
    def marker(self) -> Path:
        return self.folder / "requeue"

    @property
    def session(self) -> Path:
        return self.folder / "session"

    def result(self) -> dict | None:
        """The content of result.json, None if there is none (yet)."""
        return read_json(self.folder / "result.json")

    def done(self) -> bool:
        """Whether the member has a final result, then it is never started again; or had one that the driver has seen.

        The driver removes the folder of a member as soon as it has taken note of its result.
        """
        return (self.result() or {}).get("status") in FINAL or not self.folder.exists()

    def write_result(self, **fields) -> None:
        write_json(self.folder / "result.json", {"token": self.token, **fields})

    def starts(self) -> int:
        """How often the member has been started, whatever became of it."""
        try:
            return len((self.folder / "starts").read_bytes().splitlines())
        except FileNotFoundError:
            return 0

    def note_start(self, **fields) -> int:
        """Add a line to `starts`; returns how many there are now. Make the line last before the member runs."""
        with (self.folder / "starts").open("a") as file:
            file.write(json.dumps({"time": time.time(), **fields}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return self.starts()


@dataclasses.dataclass(frozen=True, kw_only=True)
class PackSettings:
    """How a task treats its members."""

    concurrent: int = 1  # members that run at a time
    preload: tuple[str, ...] = ()  # modules imported once, besides snakemake.cli, before members are forked
    signal_delay_s: int  # between SLURM's warning (USR2) and the time limit; as given to submitit
    max_requeues: int  # starts of a member beyond its first
    # one machine without SLURM (gpus.py): what all tasks there share, what this task takes of it, where the locks lie;
    # and the time limit, counted from when the task has got its share
    time_limit_s: float | None = None
    machine: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    takes: dict[str, int] = dataclasses.field(default_factory=dict)
    slots: Path | None = None


def job_id() -> str | None:
    """The id of the job around this process, as SLURM and submitit write it."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ.get('SLURM_ARRAY_TASK_ID')}"
    return os.environ.get("SLURM_JOB_ID") or os.environ.get("SUBMITIT_LOCAL_JOB_ID")


def read_json(path: Path) -> dict | None:
    """The file's content; None if it is missing, or not yet whole on a file system without atomic renames."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_json(path: Path, content: dict) -> None:
    """Write the file under a temporary name and rename it, so that readers see all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        file.write(json.dumps(content, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
