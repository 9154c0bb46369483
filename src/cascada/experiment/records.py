"""Files of a search that stay once they are written: batches of proposals and promotions. Standard library only.

What is trained next follows from them, so one that was edited or half written must not pass for what the search decided:
each carries a hash of its content.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from cascada.core.errors import DataError
from cascada.core.files import write_json

HASH = "sha256"


def write(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write a record of a kind (`batch`, `rung`, …), whole or not at all."""
    whole = json.loads(json.dumps({"kind": kind} | content, allow_nan=False))  # as it will be read
    write_json(path, whole | {HASH: _hash(whole)})


def read(path: Path, kind: str) -> dict[str, Any]:
    """Return a record's content. Raises DataError, with what to do, for a file that is missing, damaged, edited or of another kind."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        given = content.pop(HASH)
    except FileNotFoundError:
        raise DataError(f"{path}: no such record; run the search up to it first.") from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        raise DataError(f"{path}: not a whole record of a {kind}; {_remedy(path)}") from None
    if content.get("kind") != kind:
        raise DataError(f"{path}: a record of a {content.get('kind')!r} instead of a {kind}; {_remedy(path)}")
    if given != _hash(content):
        raise DataError(f"{path}: its content is not what the search wrote (edited?); {_remedy(path)}")
    return content


def _hash(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _remedy(path: Path) -> str:
    return (
        f"take it from a backup, or delete it with the records after it in {Path(path).parent} and run the search again: "
        "trials that are trained already stay."
    )
