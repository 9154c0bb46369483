"""Which trials are just starting: their job is at work, and progress.json, which comes with the first step, is not there or is an old one's.

Known of a start is the trial's folder, which Snakemake makes, and the log, which the rule's script makes once PyTorch is loaded. A
failed start leaves a young log too: it has the reason in its last line, or ended an attempt after it.
"""

import json
import os
from pathlib import Path

from cascada.core import paths

YOUNG = 120.0  # s; a start takes some seconds, on a busy file system a minute
SAID = f"{Path(paths.training_log(Path(), '', 0, 0)).parts[1]}: "  # before a reason: the rule's name


def is_starting(folder: str, log: str | None, known: float, now: float) -> bool:
    """Whether a trial without a result has begun after `known`, the time of the last word of an earlier attempt.

    `log`: None where there is none.
    """
    begun = _changed(log or folder)
    if begun is None or begun <= known or now - begun >= YOUNG:
        return False
    return log is None or not (_last_line(log).startswith(SAID) or _ended(f"{folder}/attempts.jsonl") > begun)


def _changed(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _last_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return (file.read().splitlines() or [""])[-1]
    except OSError:
        return ""


def _ended(attempts: str) -> float:
    """When the last attempt ended that is told of."""
    try:
        return float(json.loads(_last_line(attempts) or "{}").get("ended", 0))
    except ValueError:
        return 0.0
