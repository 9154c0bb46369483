"""Without a cluster, to look for faults: submitit's debug executor runs each job inside the driver."""

import sys
from collections.abc import Iterable, Sequence

from ..tracking import Submission, Task
from . import Payload
from .local import Local


class Debug(Local):
    """Everything inside the driver, one job after the other, with a debugger at the first failure."""

    executor = "debug"

    def room(self, tasks: list[Task], live: list[Task]) -> int | None:
        return 1

    def _options(self) -> dict:
        return {}

    def submit(self, submission: Submission, payloads: Sequence[Payload]) -> list[str]:
        ids = super().submit(submission, payloads)
        for job in ids:
            try:
                self._jobs[job].results()
            except Exception as error:  # the driver reads the member's own result
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return ids

    def _alive(self, job_id: str) -> bool:
        return False

    def cancel(self, jobs: Iterable[str]) -> str:
        return ""
