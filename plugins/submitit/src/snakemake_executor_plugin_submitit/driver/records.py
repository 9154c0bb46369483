"""The driver's private folder: what it is about to submit is written before sbatch, so that a next driver finds it.

`.snakemake/submitit/runs/RUN/` (0700) holds `lock` (held by the living driver), `jobs/TOKEN/` per sbatch with
`submission.json` (written before), `job.json` (the ids, written after) and submitit's files, and `members/TOKEN/` per
job. A member's folder is removed once Snakemake has recorded its outcome: those that are there are open.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ..members import Member, read_json, write_json
from ..resources import Request
from ..tracking import Entry, Submission, Task

VERSION = 1
REMOVAL_S = 5.0  # within which a folder is tried to be removed


def new_token() -> str:
    return secrets.token_hex(8)


def remove_member(folder: Path) -> None:
    """Remove a member's folder at once: a task on the node must not see it without its result."""
    gone = folder.with_name(f".{folder.name}.gone")
    try:
        folder.rename(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone, ignore_errors=True)


class RunFolder:
    """One driver's folder, locked by whoever works with it."""

    def __init__(self, path: Path, lock: int):
        self.path, self._lock = path, lock

    @classmethod
    def create(cls, base: Path) -> "RunFolder":
        """A new run folder below `base`, which is made private."""
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        base.chmod(0o700)
        path = base / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        for folder in (path, path / "jobs", path / "members"):
            folder.mkdir(mode=0o700, parents=True)
        lock = _lock(path)
        assert lock is not None
        write_json(path / "driver.json", {"host": socket.gethostname(), "pid": os.getpid(), "version": VERSION})
        return cls(path, lock)

    def release(self) -> None:
        """Give the lock back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def remove_if_done(self) -> None:
        """Remove the folder unless a job in it is still open; gives the lock back."""
        with contextlib.suppress(FileNotFoundError):  # removed already
            if all(folder.name.startswith(".") for folder in (self.path / "members").iterdir()):
                shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def remove(self) -> None:
        """Remove the folder; for some seconds, jobs that are being cancelled may still write into it."""
        deadline = time.monotonic() + REMOVAL_S
        shutil.rmtree(self.path, ignore_errors=True)
        while self.path.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
            shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    # -- members ---------------------------------------------------------------------------------------------------

    def member_folder(self, token: str) -> Path:
        folder = self.path / "members" / token
        folder.mkdir(mode=0o700)
        return folder

    def remove_never_submitted(self) -> None:
        """Remove the members that no submission has: their driver was killed before it could submit them."""
        submitted = {entry.member.token for submission in self.submissions() for entry in submission.entries}
        for folder in (self.path / "members").iterdir():
            if folder.name not in submitted and not folder.name.startswith("."):
                remove_member(folder)

    # -- submissions -----------------------------------------------------------------------------------------------

    def submission_folder(self, token: str) -> Path:
        folder = self.path / "jobs" / token
        folder.mkdir(mode=0o700)
        return folder

    @staticmethod
    def write(submission: Submission) -> None:
        """Write the intent, before sbatch."""
        content = {
            "version": VERSION,
            "token": submission.token,
            "whole": dataclasses.asdict(submission.whole),
            "written_at": submission.submitted_at,
            "tasks": [[_entry_to_json(entry) for entry in task.entries] for task in submission.tasks],
        }
        write_json(submission.folder / "submission.json", content)

    @staticmethod
    def write_ids(submission: Submission) -> None:
        """Write what sbatch told."""
        ids = [task.job_id for task in submission.tasks]
        write_json(submission.folder / "job.json", {"ids": ids, "submitted_at": submission.submitted_at})

    def submissions(self) -> Iterator[Submission]:
        """The submissions of an earlier driver that have open members."""
        for folder in sorted((self.path / "jobs").iterdir()):
            content = read_json(folder / "submission.json")
            if content is None or content.get("version") != VERSION:
                continue
            tasks = [Task(entries=[_entry_from_json(fields) for fields in entries]) for entries in content["tasks"]]
            submission = Submission(
                token=content["token"],
                folder=folder,
                whole=_request(content["whole"]),
                tasks=tasks,
                submitted_at=content["written_at"],
            )
            if job := read_json(folder / "job.json"):
                submission.submitted(job["ids"])
                submission.submitted_at = job["submitted_at"]
            if not all(entry.forgotten for entry in submission.entries):
                yield submission


def abandoned(base: Path, own: Path | None = None) -> list[RunFolder]:
    """The run folders whose drivers live no more, locked for the caller; never its `own`."""
    found = []
    for path in sorted((base / "runs").glob("*")):
        if path != own and (lock := _lock(path)) is not None:
            found.append(RunFolder(path, lock))
    return found


def living(base: Path) -> list[str]:
    """Drivers at work below this folder, for people: `process 42 on n1`."""
    found = []
    for path in sorted((base / "runs").glob("*")):
        lock = _lock(path)
        if lock is None:
            driver = read_json(path / "driver.json") or {}
            found.append(f"process {driver.get('pid')} on {driver.get('host')}")
        else:
            os.close(lock)
    return found


def _lock(path: Path) -> int | None:
    """The open file that holds the run's lock; None if its driver lives."""
    try:
        file = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # being removed
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except OSError:  # no locks on this file system: only the same machine can tell
        if _same_host_and_alive(path):
            os.close(file)
            return None
    return file


def _same_host_and_alive(path: Path) -> bool:
    driver = read_json(path / "driver.json") or {}
    pid = driver.get("pid")
    if driver.get("host") != socket.gethostname() or not isinstance(pid, int):
        return False
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return pid != os.getpid()
    return False


def _entry_to_json(entry: Entry) -> dict:
    return {
        "member": json.loads(json.dumps(dataclasses.asdict(entry.member), default=str)),
        "request": dataclasses.asdict(entry.request),
        "key": entry.key,
        "digest": entry.digest,
        "metadata": entry.metadata,
    }


def _entry_from_json(fields: dict) -> Entry:
    member = fields["member"]
    member = Member(**member | {"folder": Path(member["folder"]), "log": Path(member["log"])})
    return Entry(
        member=member,
        request=_request(fields["request"]),
        key=fields["key"],
        digest=fields["digest"],
        metadata=fields["metadata"],
        forgotten=not member.folder.is_dir(),
        settled=not member.folder.is_dir(),
    )


def _request(fields: dict) -> Request:
    return Request(**fields | {"options": tuple((name, value) for name, value in fields["options"])})
