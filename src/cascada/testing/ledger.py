"""The ledger beside test.h5: an append-only file that records every opening of the sealed data.

One line of JSON per opening: time, experiment, selection, hashes of the checkpoint and of the sealed data, git commit, command. No
rule declares it, so that none deletes it. It keeps an honest user honest: whoever chooses again after a look at the test has chosen on
the test. A line with the result follows the opening's, since a refused opening leaves no other trace of the first. The same showers are the same seal in whatever order, file or experiment of this `results/` they come again.
"""

import hashlib
import json
import os
import time
from pathlib import Path

from cascada.errors import DataError
from cascada.files import sha256
from cascada.provenance import provenance

NAME = "test.ledger.jsonl"
BLOCK = 512
HEADLINES = ("f1", "accuracy", "roc_auc")  # of the result, with their intervals


def path_of(test: Path) -> Path:
    return test.with_name(NAME)


def read(test: Path) -> list[dict]:
    """All openings, the oldest first, with their `result` where there is one. Raises DataError if a line cannot be read."""
    return _read(path_of(test))


def _read(path: Path) -> list[dict]:
    if not path.exists():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise DataError(
            f"{path}: a line is not JSON ({error}); restore the ledger, it is only ever appended to."
        ) from error
    results = {_key(line["result_of"]): line["result"] for line in lines if "result_of" in line}
    openings = [line for line in lines if "result_of" not in line]
    return [one | ({"result": results[_key(one)]} if _key(one) in results else {}) for one in openings]


def _key(entry: dict) -> tuple[str, str]:
    return entry["time"], entry["checkpoint_sha256"]


def record(test: Path, opening: dict, content: dict) -> None:
    """Append the result of the opening that `open_seal` returned: the headline metrics of metrics.json's `content`."""
    of = {name: opening["ledger"][-1][name] for name in ("time", "checkpoint_sha256")}
    _append(path_of(test), {"result_of": of, "result": {name: content[name] for name in HEADLINES}})


def elsewhere(test: Path, entry: dict) -> list[dict]:
    """Openings of the same seal in the other experiments, `results/*/dataset`; none where test.h5 lies elsewhere."""
    folder = test.absolute().parent
    if folder.name != "dataset":
        return []
    paths = sorted(folder.parents[1].glob(f"*/{folder.name}/{NAME}"))
    found = [
        {"experiment": path.parents[1].name} | one for path in paths if path.parent != folder for one in _read(path)
    ]
    return same_data([one for one in found if "test_sha256" in one], entry)


def seal(test: Path) -> str:
    """Identify the sealed showers: sha256 over their images' sorted fingerprints, whatever their order and the file's bytes."""
    import numpy as np

    from cascada.data.checks import fingerprints
    from cascada.data.format import IMAGES, open_showers

    with open_showers(test) as file:
        images = file[IMAGES]
        prints = [fingerprints(images[start : start + BLOCK]) for start in range(0, len(images), BLOCK)]
    together = np.sort(np.concatenate([np.zeros(0, np.uint64), *prints]))
    return hashlib.sha256(together.astype("<u8").tobytes()).hexdigest()


def open_seal(test: Path, chosen: dict, reopen: bool) -> dict:
    """Allow or refuse an opening before anything is predicted; append it to the ledger; return `describe`'s facts.

    `chosen`: best.json. The same checkpoint may be tested again, a different one only with `reopen`: else DataError.
    """
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "experiment": test.absolute().parents[1].name,
        **{name: chosen[name] for name in ("configuration", "seed", "checkpoint_sha256")},
        "test_sha256": sha256(test),
        "seal_sha256": seal(test),
        **provenance(),
    }
    before = sorted([*elsewhere(test, entry), *read(test)], key=lambda one: one["time"])
    others = different(before, entry)
    # going on with a selection that was tested before needs no flag, but the mark stays (`describe`)
    known = any(one["checkpoint_sha256"] == entry["checkpoint_sha256"] for one in same_data(before, entry))
    if others and not known and not reopen:
        last = others[-1]
        raise DataError(
            f"{test} has been opened before, for another selection: {last['configuration']}, seed {last['seed']}, on "
            f"{last['time']}{_where(last, entry)}{_result(last)} ({len(others)} such opening(s), see {NAME} beside test.h5). "
            "A choice made after a look at the test is a choice on the test. "
            "Keep that selection, or seal new showers (data.split.seed, other data), or set `testing: reopen: true`, "
            "which tests this one too and marks every output."
        )
    entry["reopened"] = bool(others)
    _append(path_of(test), entry)
    return describe([*before, entry])


def _where(one: dict, entry: dict) -> str:
    """In which other experiment an entry was made, "" for the same one."""
    name = one.get("experiment", entry["experiment"])
    return "" if name == entry["experiment"] else f" in the experiment {name}"


def _result(one: dict) -> str:
    parts = [
        f"{name} {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
        for name, found in one.get("result", {}).items()
        if None not in (found["value"], found["low"], found["high"])
    ]
    return f", with {', '.join(parts)}" if parts else ""


def same_data(entries: list[dict], entry: dict) -> list[dict]:
    """Openings of the same sealed data: the same file or the same images; entries that do not say which count as such."""
    return [one for one in entries if _same(one, entry, "test_sha256") or _same(one, entry, "seal_sha256")]


def _same(one: dict, entry: dict, name: str) -> bool:
    # older entries know the file only, the oldest not even that
    missing = entry[name] if name == "test_sha256" else None
    return one.get(name, missing) == entry[name]


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
