"""Lend out one machine's GPUs, cores and memory to tasks that run beside each other without SLURM.

Every unit is a file, and whoever holds the file's lock (flock) has the unit; the kernel gives it back when the holder
and its children have ended, however that came about. Tasks of all workflows of a user share the folder of locks, and
so the machine. One task at a time, in the order of arrival, waits for its units; the others wait behind it.

The driver describes the machine, {"gpu": ("0", "1"), "core": ("0", … "7"), "gib": ("0", … "31")}, and what a task takes
of it, {"gpu": 1, "core": 2, "gib": 4}. Nothing but these kinds is special: names are free.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.2
DEVICES = "CUDA_VISIBLE_DEVICES"
FOLDER_VARIABLE = "SNAKEMAKE_SUBMITIT_LOCKS"


class LendingError(RuntimeError):
    """The machine does not have what a task takes."""


def visible_gpus(setting: str = "auto", environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """This machine's GPUs: "none", a list like "0,1", or "auto": those in CUDA_VISIBLE_DEVICES or that nvidia-smi lists."""
    if setting == "none":
        return ()
    if setting == "auto":
        if DEVICES not in environment:
            return _listed_gpus()
        setting = environment[DEVICES]
    return tuple(name.strip() for name in setting.split(",") if name.strip())


def _listed_gpus() -> tuple[str, ...]:
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip().isdigit())


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this user's locks lie on this machine: local to it, and private.

    The same for all sessions of the user, or they would not know of each other: TMPDIR, which may be each one's own,
    does not count. SNAKEMAKE_SUBMITIT_LOCKS names another folder, for all or for a part that is to share by itself.
    """
    return Path(environment.get(FOLDER_VARIABLE) or f"/tmp/snakemake-submitit-{os.getuid()}")


def private_folder(folder: Path) -> Path:
    """Make the folder if needed; PermissionError if it is someone else's or open to others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(
            f"{folder} must belong to you and be closed to everyone else; remove it, or run chmod 700 on it"
        )
    return folder


@contextlib.contextmanager
def borrowed(
    machine: Mapping[str, tuple[str, ...]], takes: Mapping[str, int], folder: Path
) -> Iterator[tuple[dict[str, tuple[str, ...]], list[int]]]:
    """Wait for the units and hold them. Yields the names of what was lent, and the open files that hold the locks.

    A child process that inherits the files keeps the units for as long as it lives.
    """
    check(machine, takes)
    folder = private_folder(folder)
    with contextlib.ExitStack() as held:
        with _locked(folder / "queue"):
            while (lent := _try(machine, takes, folder)) is None:
                time.sleep(SECONDS_BETWEEN_LOOKS)
        for _, files in lent.values():
            for file in files:
                held.callback(os.close, file)
        names = {kind: units for kind, (units, _) in lent.items()}
        yield names, [file for _, files in lent.values() for file in files]


def check(machine: Mapping[str, tuple[str, ...]], takes: Mapping[str, int]) -> None:
    """LendingError if the machine could never lend this much."""
    lacking = [
        f"{count} of {kind!r}, the machine has {len(machine.get(kind, ()))}"
        for kind, count in takes.items()
        if count > len(machine.get(kind, ()))
    ]
    if lacking:
        raise LendingError(f"A job requests {'; '.join(lacking)}. Lower the job's resources, or raise the machine's.")


def environment_for(lent: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The variables that show a task its GPUs, and no GPU if it has none."""
    return {DEVICES: ",".join(lent.get("gpu", ()))}


def _try(
    machine: Mapping[str, tuple[str, ...]], takes: Mapping[str, int], folder: Path
) -> dict[str, tuple[tuple[str, ...], list[int]]] | None:
    """Lock all units or none. Returns kind → (names, open files)."""
    lent: dict[str, tuple[tuple[str, ...], list[int]]] = {}
    for kind, count in takes.items():
        names: list[str] = []
        files: list[int] = []
        for name in machine[kind]:
            if len(names) == count:
                break
            file = _lock(folder / f"{kind}-{name}", fcntl.LOCK_NB)
            if file is not None:
                names.append(name)
                files.append(file)
        lent[kind] = (tuple(names), files)
        if len(names) < count:
            for _, opened in lent.values():
                for file in opened:
                    os.close(file)
            return None
    return lent


def _lock(path: Path, how: int = 0) -> int | None:
    """The open file that holds the lock; None if it is taken and `how` says not to wait."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | how)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    file = _lock(path)
    assert file is not None  # it has waited
    try:
        yield
    finally:
        os.close(file)
