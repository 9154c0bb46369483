"""What the driver knows of its jobs: entries (one Snakemake job each), tasks (one job of the cluster), submissions."""

import dataclasses
import time
from pathlib import Path
from typing import Any

from .members import Member
from .resources import Request
from .states import Observation


@dataclasses.dataclass(eq=False, kw_only=True)
class Entry:
    """One attempt at a Snakemake job. `key` identifies what it makes, `digest` from what (code, params, input)."""

    member: Member
    request: Request
    key: str
    digest: str
    metadata: dict[str, dict] = dataclasses.field(default_factory=dict)  # Snakemake's records by output file
    info: Any = None  # SubmittedJobInfo; None for a job of an earlier driver that is not part of this workflow's run
    adopted: bool = False
    patient: bool = True  # may wait for others of its rule to fill a pack
    waiting_since: float = 0.0  # when the driver got it, by the monotonic clock
    settled: bool = False  # its outcome is known and reported
    forgotten: bool = False  # Snakemake has recorded the outcome, the files are gone
    result: dict | None = None  # the last that was read of its result.json
    failed_since: float = 0.0  # when a result "failed" was first seen, while SLURM's own reason is waited for


@dataclasses.dataclass(eq=False, kw_only=True)
class Task:
    """One job of the cluster: a pack of entries. `since` is when its state was first seen to be what it is."""

    entries: list[Entry]
    submission: "Submission" = dataclasses.field(init=False, repr=False)  # which sets it
    job_id: str = ""
    seen: Observation | None = None
    since: float = 0.0
    lived: bool = False  # this driver has seen it alive
    ran: bool = False  # this driver has seen it in a state other than PENDING: members may have left results
    told: str = ""  # what was last reported to the user: "back" in the queue, or what keeps it from its start
    given_up: bool = False  # cancelled by this driver because a member has changed; the others are submitted again
    closed: bool = False  # its process has ended, its files can go

    @property
    def open_entries(self) -> list[Entry]:
        """Entries of this workflow's run whose outcome is not known."""
        return [entry for entry in self.entries if not entry.settled and entry.info is not None]

    def note(self, seen: Observation | None, now: float) -> bool:
        """Take in what the cluster says; whether that is news."""
        former = self.seen.state if self.seen else None
        news = (seen.state if seen else None) != former
        if news:
            self.since = now
        self.seen = seen
        self.lived = self.lived or (seen is not None and seen.alive)
        self.ran = self.ran or (seen is not None and seen.state != "PENDING")
        return news


@dataclasses.dataclass(eq=False, kw_only=True)
class Submission:
    """What one sbatch submits: tasks with one request, found again by the token in its comment."""

    token: str
    folder: Path
    whole: Request  # of one task
    tasks: list[Task]
    job_id: str = ""  # of the array, or of its only job; empty until sbatch has told
    submitted_at: float = 0.0
    excluded: tuple[str, ...] = ()  # nodes that it is not to run on
    tries: int = 0
    not_before: float = 0.0  # when sbatch is due again after it failed [s since 1970]

    def __post_init__(self):
        for task in self.tasks:
            task.submission = self

    def submitted(self, ids: list[str]) -> None:
        self.job_id = ids[0].partition("_")[0]
        for task, job_id in zip(self.tasks, ids, strict=True):
            task.job_id = job_id
            task.since = time.time()

    @property
    def entries(self) -> list[Entry]:
        return [entry for task in self.tasks for entry in task.entries]
