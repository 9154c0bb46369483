"""The ledger beside test.h5: an append-only file that records every opening of the sealed data.

One line of JSON per opening: time, experiment, selection, hashes of the checkpoint and of the sealed data, git commit, command. No
rule declares it, so that none deletes it. It keeps an honest user honest: whoever chooses again after a look at the test has chosen on
the test. A line with the result follows the opening's, since a refused opening leaves no other trace of the first.

- The same seal: the same showers (`showers_sha256`), or the same images (`seal_sha256`), or the same file, in whatever order, file or
  experiment of this `results/` they come again. Older lines have fewer of these.
- The sets beside the sealed showers (`also`) are sealed as these are: whoever chooses after a look at one of them has chosen on it.
- The same selection: the same configuration, seed, epochs and training data. Trained again, it rounds differently on another
  processor: same selection, other bits. Older lines have configuration and seed alone, and are compared by these. The mean of several seeds
  is another selection than one of them, and a network with a temperature another than the same without.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cascada.core.errors import DataError
from cascada.core.files import sha256
from cascada.core.provenance import provenance
from cascada.statistics.names import HEADLINES
from cascada.statistics.words import interval, networks
from cascada.testing import seals

NAME = "test.ledger.jsonl"
SEALS = ("test_sha256", "seal_sha256", "showers_sha256")
SELECTION = ("configuration", "seed", "epochs", "training_sha256")
FROZEN = ("members", "calibration")  # named by the lines of ensembles and of calibrated networks alone


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
    """Openings of the same seal in the other experiments, `results/*/dataset`; none if test.h5 is elsewhere.

    `results`, or one experiment in it, may be a link: ledgers count that lie beside the link or beside what it leads to.
    """
    if test.absolute().parent.name != "dataset":
        return []
    roots = {path.parents[2] for path in (test.absolute(), test.resolve())}
    found = {path.resolve(): path for root in sorted(roots) for path in sorted(root.glob(f"*/dataset/{NAME}"))}
    found.pop(path_of(test).resolve(), None)
    lines = [{"experiment": path.parents[1].name} | one for path in found.values() for one in _read(path)]
    return same_data([one for one in lines if "test_sha256" in one], entry)


def open_seal(
    test: Path,
    chosen: dict,
    reopen: bool,
    train: Path | None = None,
    also: Mapping[str, Path] | None = None,
    transforms: Mapping[str, dict] | None = None,
) -> dict:
    """Allow or refuse an opening before anything is predicted; append it to the ledger; return `describe`'s facts.

    `chosen`: best.json; `train`: train.h5, on which it was chosen; `also`: the files of the sets beside the sealed showers;
    `transforms`: what else the sealed showers are tested with. The same selection may be tested again, a different one only with
    `reopen`: else DataError.
    """
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "experiment": test.absolute().parents[1].name,
        **{name: chosen[name] for name in ("configuration", "seed", "epochs", "checkpoint_sha256") if name in chosen},
        **({"members": [one["seed"] for one in chosen["members"]]} if "members" in chosen else {}),
        **({"calibration": chosen["calibration"]["kind"]} if "calibration" in chosen else {}),
        **({"training_sha256": seals.training_sha256(train)} if train else {}),
        "test_sha256": sha256(test),
        "seal_sha256": seals.images_sha256(test),
        "showers_sha256": seals.showers_sha256(test),
        **_beside(also or {}, transforms or {}),
        **provenance(),
    }
    before = sorted([*elsewhere(test, entry), *read(test)], key=lambda one: one["time"])
    others = different(before, entry)
    # continuing with a selection that was tested before needs no flag, but the mark stays (`describe`)
    known = any(same_selection(one, entry) for one in same_data(before, entry))
    if others and not known and not reopen:
        raise DataError(_refusal(test, others, entry))
    entry["reopened"] = bool(others)
    entry["other_bits"] = bool(_other_bits(same_data(before, entry), entry))
    _append(path_of(test), entry)
    return describe([*before, entry])


def _beside(also: Mapping[str, Path], transforms: Mapping[str, dict]) -> dict:
    """What an entry says of the sets beside the sealed showers: the seals of each file, the transform of the others."""
    sets: dict[str, dict[str, Any]] = {
        name: dict(zip(SEALS, _seals_of(path), strict=True)) for name, path in also.items()
    }
    sets |= {name: {"transform": dict(one)} for name, one in transforms.items()}
    return {"also": sets} if sets else {}


def _seals_of(path: Path) -> tuple[str, str, str | None]:
    return sha256(path), seals.images_sha256(path), seals.showers_sha256(path)


def _refusal(test: Path, others: list[dict], entry: dict) -> str:
    last = others[-1]
    return (
        f"{_opened(test, last, entry)} opened before, for another selection: {last['configuration']}, {networks(last['seed'], last.get('members', ()))}, on "
        f"{last['time']}{_where(last, entry)}{_result(last)} ({len(others)} such opening(s), see {NAME} beside test.h5)"
        f"{_difference(last, entry)}. "
        "A choice made after a look at the test is a choice on the test. "
        "Keep that selection, or seal new showers (data.split.seed, other data; of a set beside them another seed, other files), or set `testing: reopen: true` in the experiment's file, "
        "which tests this one too and marks every output."
    )


def _opened(test: Path, last: dict, entry: dict) -> str:
    """What has been opened: the sealed showers, or one of the sets beside them alone."""
    if "test_sha256" not in last or _seals(last) & {entry[name] for name in SEALS}:
        return f"{test} has been"
    met = [name for name, one in entry["also"].items() if _seals(last) & {one.get(seal) for seal in SEALS}]
    return f"The showers of testing.also.{met[0]} have been"


def _difference(one: dict, entry: dict) -> str:
    """What distinguishes two selections besides configuration and seed, if these are equal."""
    if any(one.get(name) != entry.get(name) for name in FROZEN):
        return f"; this one is {_frozen(entry)}, that one {_frozen(one)}"
    names = [name for name in SELECTION if name in one and name in entry and one[name] != entry[name]]
    if names == ["training_sha256"]:
        return "; this one was trained on other data"
    return f"; this one after {entry['epochs']} epochs instead of {one['epochs']}" if names == ["epochs"] else ""


def _frozen(one: dict) -> str:
    """What an opening's line says of the networks that were frozen."""
    calibrated = "with a temperature" if one.get("calibration") else "without a temperature"
    return f"{networks(one['seed'], one.get('members', ()))} {calibrated}"


def _where(one: dict, entry: dict) -> str:
    """In which other experiment an entry was made, "" for the same one."""
    name = one.get("experiment", entry["experiment"])
    return "" if name == entry["experiment"] else f" in the experiment {name}"


def _result(one: dict) -> str:
    parts = [f"{name} {text}" for name, found in one.get("result", {}).items() if (text := interval(found))]
    return f", with {', '.join(parts)}" if parts else ""


def same_data(entries: list[dict], entry: dict) -> list[dict]:
    """Openings of the same sealed data: the same file, images or showers; entries that say none of these count as such."""
    known = _seals(entry)
    return [one for one in entries if "test_sha256" not in one or known & _seals(one)]


def _seals(entry: dict) -> set[str]:
    """Hashes by which the showers of an opening are known, those of the sets beside the sealed ones included."""
    parts = (entry, *entry.get("also", {}).values())
    return {part[name] for part in parts for name in SEALS if part.get(name) is not None}


def same_selection(one: dict, other: dict) -> bool:
    """Whether two openings tested the same selection, as far as both say; the same bits are the same selection."""
    if one["checkpoint_sha256"] == other["checkpoint_sha256"]:
        return True
    if any(one.get(name) != other.get(name) for name in FROZEN):
        return False
    names = [name for name in SELECTION if name != "seed" or "members" not in one]  # an ensemble has no seed of its own
    return all(one[name] == other[name] for name in names if name in one and name in other)


def different(entries: list[dict], entry: dict) -> list[dict]:
    """Openings of the same sealed data for another selection."""
    return [one for one in same_data(entries, entry) if not same_selection(one, entry)]


def _other_bits(entries: list[dict], entry: dict) -> list[dict]:
    """Openings for the same selection in another training's bits."""
    checkpoint = entry["checkpoint_sha256"]
    return [one for one in entries if same_selection(one, entry) and one["checkpoint_sha256"] != checkpoint]


def describe(entries: list[dict]) -> dict:
    """What an output says about the last opening.

    Its `number`, the `selections` so far, whether another one came before (`reopened`) or this one with `other_bits`, the `ledger`.
    """
    last = entries[-1]
    mine = same_data(entries, last)
    first = [one for place, one in enumerate(mine) if not any(same_selection(one, former) for former in mine[:place])]
    return {
        "number": len(mine),
        "selections": len(first),
        "reopened": bool(different(mine, last)),
        "other_bits": bool(_other_bits(mine, last)),
        "ledger": mine,
    }


def _append(path: Path, entry: dict) -> None:
    # one write of one line: openings at the same time do not mix, and none is lost
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, (json.dumps(entry) + "\n").encode())
    finally:
        os.close(descriptor)
