"""Look into DVC's remote: whether every object that a pointer names is there, with the bytes that its name promises.

DVC itself notices a damaged object while pulling, but neither names it nor sends it again: it remembers that the folder
has been sent. `repair` removes what is damaged, and that memory, so that the next `dvc push` sends what is missing.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cascada.errors import DataError
from cascada.verification import Check

BLOCK = 1 << 20  # bytes read at a time


def check_remote(root: Path, pointers: list[Path], repair: bool = False) -> list[Check]:
    """Return a check for each file of the pointers (`artifacts/model.dvc`), hashed in the default remote of `root`."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_data.hashfile.db import get_index

    try:
        with Repo(str(root)) as repo:
            remote = repo.cloud.get_remote_odb(command="cascada verify --remote")
            checks, damaged = [], []
            for pointer in pointers:
                for name, digest in _objects(pointer, repo.cache.local, remote):
                    check = _check(f"{pointer.stem}/{name}", digest, remote)
                    checks.append(check)
                    if not check.passed:
                        damaged += [digest, _digest(pointer)]
            if repair and damaged:
                for digest in set(damaged):
                    if remote.fs.exists(remote.oid_to_path(digest)):
                        remote.fs.remove(remote.oid_to_path(digest))
                get_index(remote).clear()
            return checks
    except (DvcException, OSError) as error:
        raise DataError(
            f"The remote cannot be read: {error}. Check `dvc remote list` and docs/publishing.md."
        ) from error


def _digest(pointer: Path) -> str:
    """The object of a folder that a .dvc file names: `<md5>.dir`."""
    import yaml

    try:
        return yaml.safe_load(pointer.read_text(encoding="utf-8"))["outs"][0]["md5"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{pointer}: not a pointer of DVC ({error!r}); check out a published version.") from error


def _objects(pointer: Path, *places: Any) -> Iterator[tuple[str, str]]:
    """Yield name and hash of the folder's list itself and of each file in it, from the cache or the remote."""
    folder = _digest(pointer)
    yield "", folder
    for place in places:
        path = place.oid_to_path(folder)
        if place.fs.exists(path):
            with place.fs.open(path, "rb") as file:
                content = file.read()
            if f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir" == folder:
                yield from ((entry["relpath"], entry["md5"]) for entry in json.loads(content))
                return


def _check(name: str, digest: str, remote: Any) -> Check:
    path = remote.oid_to_path(digest)
    what = f"remote: {name}"
    if not remote.fs.exists(path):
        return Check(what, False, f"missing ({path}); send it with `dvc push` from a clone that has it")
    state = hashlib.md5(usedforsecurity=False)
    with remote.fs.open(path, "rb") as file:
        while block := file.read(BLOCK):
            state.update(block)
    found = state.hexdigest()
    if found == digest.removesuffix(".dir"):
        return Check(what, True, f"md5 {found[:12]}…")
    return Check(what, False, f"damaged: md5 {found[:12]}… instead of {digest[:12]}… ({path})")
