"""The ledger beside test.h5: an append-only file that records every opening of the sealed data.

One line of JSON per opening: time, selection, hashes of the checkpoint and of the sealed data, git commit, command. No rule declares
it, so that none deletes it. It keeps an honest user honest: whoever chooses again after a look at the test has chosen on the test.
"""

import json
import os
import time
from pathlib import Path

from cascada.errors import DataError
from cascada.files import sha256
from cascada.provenance import provenance

NAME = "test.ledger.jsonl"


def path_of(test: Path) -> Path:
    return test.with_name(NAME)


def read(test: Path) -> list[dict]:
    """All entries, the oldest first. Raises DataError if a line cannot be read."""
    path = path_of(test)
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(
            f"{path}: a line is not JSON ({error}); restore the ledger, it is only ever appended to."
        ) from error


def open_seal(test: Path, chosen: dict, reopen: bool) -> dict:
    """Allow or refuse an opening before any shower is read; append it to the ledger; return `describe`'s facts.

    `chosen`: best.json. The same checkpoint may be tested again, a different one only with `reopen`: else DataError.
    """
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **{name: chosen[name] for name in ("configuration", "seed", "checkpoint_sha256")},
        "test_sha256": sha256(test),
        **provenance(),
    }
    before = read(test)
    others = different(before, entry)
    # going on with a selection that was tested before needs no flag, but the mark stays (`describe`)
    known = any(one["checkpoint_sha256"] == entry["checkpoint_sha256"] for one in same_data(before, entry))
    if others and not known and not reopen:
        last = others[-1]
        raise DataError(
            f"{test} has been opened before, for another selection: {last['configuration']}, seed {last['seed']}, on {last['time']} "
            f"({len(others)} opening(s) in {path_of(test)}). A choice made after a look at the test is a choice on the test. "
            "Keep that selection, or seal new showers (data.split.seed, other data), or set `testing: reopen: true`, "
            "which tests this one too and marks every output."
        )
    entry["reopened"] = bool(others)
    _append(path_of(test), entry)
    return describe([*before, entry])


def same_data(entries: list[dict], entry: dict) -> list[dict]:
    """Openings of the same sealed data; entries that do not say which data count as such."""
    return [one for one in entries if one.get("test_sha256", entry["test_sha256"]) == entry["test_sha256"]]


def different(entries: list[dict], entry: dict) -> list[dict]:
    """Openings of the same sealed data for another checkpoint."""
    return [one for one in same_data(entries, entry) if one["checkpoint_sha256"] != entry["checkpoint_sha256"]]


def describe(entries: list[dict]) -> dict:
    """What an output says about the last opening: its `number`, the `selections` so far, `reopened`, the `ledger`."""
    last = entries[-1]
    mine = same_data(entries, last)
    return {
        "number": len(mine),
        "selections": len({one["checkpoint_sha256"] for one in mine}),
        "reopened": bool(different(mine, last)),
        "ledger": mine,
    }


def _append(path: Path, entry: dict) -> None:
    # one write of one line: openings at the same time do not mix, and none is lost
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, (json.dumps(entry) + "\n").encode())
    finally:
        os.close(descriptor)
