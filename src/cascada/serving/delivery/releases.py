"""The folder that a server serves from: releases/<version>, and links to them that are switched in one step.

The role in deploy/ansible keeps the same folders and links.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cascada.core.errors import DataError
from cascada.export.folder import read_content
from cascada.export.verify import verify
from cascada.serving.engine import number

CURRENT, NEXT, PREVIOUS = (
    "current",
    "next",
    "previous",
)  # links: what answers, what is tried in the shadow, the way back
LOCK = ".delivery.lock"


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """One delivery at a time. Raises DataError while there is another, and where there is no folder or this user may not write."""
    if not root.is_dir():
        raise DataError(
            f"{root}: no such folder; give that of the releases as `root`, or install a first version (docs/delivery.md)."
        )
    try:
        with (root / LOCK).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise DataError(f"{root}: another version is being delivered; wait until it is done.") from error
    except OSError as error:
        raise DataError(
            f"{error.filename or root}: {error.strerror or error}; deliver as a user who may write there."
        ) from error


def answering(root: Path) -> tuple[Path, str]:
    """The folder that the link `current` leads to, and its version. Raises DataError where there is none."""
    current = root / CURRENT
    if not current.is_symlink():
        raise DataError(
            f"{current}: no link to a version; the first one is installed by the Ansible role (docs/delivery.md)."
        )
    return current.resolve(), number(read_content(current))


def install(root: Path, version: str, repository: str) -> Path:
    """The verified folder releases/<version>, got by its tag if it is not there. Raises DataError."""
    target = root / "releases" / version
    part = target.with_name(f".{version}.part")
    if target.exists():
        _check(target, version)
        return target
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    _get(repository, version, part)
    _check(part, version)
    part.rename(target)
    return target


def _get(repository: str, version: str, target: Path) -> None:
    command = [sys.executable, "-m", "dvc", "get", repository, "artifacts/model", "--rev", f"model@v{version}"]
    done = subprocess.run([*command, "--out", str(target)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise DataError(
            f"{repository}: model@v{version} cannot be had ({said}); `git tag` lists what was published, and `dvc pull` tells what is missing."
        )


def _check(folder: Path, version: str) -> None:
    failed = [f"{one.name}: {one.found}" for one in verify(folder) if not one.passed]
    found = number(read_content(folder))
    if not failed and found != version:
        failed = [f"it is version {found}, not {version}"]
    if failed:
        raise DataError(f"{folder}: {'; '.join(failed)}; remove it and try again.")


def link(path: Path, target: Path) -> None:
    """Let a link lead to `target` in one step."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(os.path.relpath(target, path.parent))
    part.rename(path)
