"""What the parts of the driver share: the submissions that the cluster has accepted, and the report."""

import threading
from typing import Protocol

from ..tracking import Entry, Submission, Task
from .nodes import Nodes


class Registry:
    """The submissions that the cluster has accepted, shared by the threads; and whether everything is being cancelled."""

    def __init__(self, exclude_at_most: int = 0):
        self.nodes = Nodes(exclude_at_most)
        self.lock = threading.Lock()
        self.submitting = threading.Lock()  # held while an sbatch is under way
        self.cancelled = threading.Event()
        self.active: list[Submission] = []

    def add(self, submission: Submission) -> None:
        with self.lock:
            if submission not in self.active:
                self.active.append(submission)

    def remove(self, submission: Submission) -> None:
        with self.lock:
            self.active.remove(submission)

    @property
    def live_tasks(self) -> list[Task]:
        """Tasks of the cluster with jobs whose outcome is not known."""
        with self.lock:
            tasks = [task for submission in self.active for task in submission.tasks]
        return [task for task in tasks if task.open_entries]


class Report(Protocol):
    """What the driver tells Snakemake, and the user."""

    def success(self, entry: Entry) -> None: ...
    def failure(self, entry: Entry, message: str, logs: list[str], job_id: str | None) -> None: ...
    def again(self, entry: Entry, why: str) -> None: ...
    def info(self, text: str) -> None: ...
    def warning(self, text: str) -> None: ...
