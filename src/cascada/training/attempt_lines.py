"""The lines of attempts.jsonl for whoever adds them up; without PyTorch, which takes a second to import (cascada.training.attempts writes them)."""

import json
from pathlib import Path
from typing import Any

DETERMINES_NO_RESULT = True  # for cascada.core.digest: it tells what a training took

NAME = "attempts.jsonl"


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the attempts of a trial, the oldest first; a line that was cut off by a full disk or a crash is passed over."""
    found = []
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
    except OSError:
        return []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def of_identity(lines: list[dict[str, Any]], identity: str | None) -> list[dict[str, Any]]:
    """Those attempts that had part in one result, not those at an earlier one with other code or data. Pure."""
    return [line for line in lines if line["identity"] == identity]
