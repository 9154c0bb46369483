"""The folder of the jobs' logs: private, and cleared of what is empty or old."""

import contextlib
import re
import time
from pathlib import Path

LOG_NAME = re.compile(r"-[0-9a-f]{16}(\.task)?\.log$")


def private(folder: Path) -> Path:
    """Make a folder that only the user can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def remove_old(base: Path, days: float) -> None:
    """Remove the logs of jobs, and no other file, that have not been written to for so many days."""
    for file in base.glob("*/*.log"):
        with contextlib.suppress(OSError):
            if LOG_NAME.search(file.name) and file.stat().st_mtime < time.time() - days * 86400:
                file.unlink()


def remove_empty(base: Path) -> None:
    """Remove the empty folders in `base`, as far as other drivers and the disk let it."""
    with contextlib.suppress(OSError):
        for folder in base.iterdir():
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
