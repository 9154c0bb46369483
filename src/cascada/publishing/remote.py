"""Look into DVC's remote and cache: whether every object that a pointer names is there, with the bytes that its name promises.

DVC itself notices a damaged object while pulling, but neither names it nor sends it again: it remembers that the folder
has been sent. `repair` removes what is damaged, and that memory, so that the next `dvc push` sends what is missing.

A file here and its object in the cache are one file with two names (hard links), so that an edit in place damages both. DVC does not
hash a cached file that is read-only, and `dvc checkout --force` makes an edited one read-only: from then on no command of DVC gets
the original back. `repair` removes both names, so that the next `dvc pull` fetches it.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cascada.core.errors import DataError
from cascada.export.verify import Check

BLOCK = 1 << 20  # bytes read at a time


def check_remote(root: Path, pointers: list[Path], repair: bool = False) -> list[Check]:
    """Return a check for each file of the pointers (`artifacts/model.dvc`), hashed in the default remote of `root`.

    Copies of it in the cache and beside the pointer add one each where they are damaged.
    """
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
                    cached = Path(repo.cache.local.oid_to_path(digest))
                    checks += _damaged_copies({"cache": cached, "here": pointer.with_suffix("") / name}, digest, repair)
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


def _damaged_copies(copies: dict[str, Path], digest: str, repair: bool) -> list[Check]:
    """Checks of those local files that are there and damaged; `repair` removes them."""
    checks = []
    for place, path in copies.items():
        if not path.is_file():
            continue
        with path.open("rb") as file:
            found = _md5(file)
        if found != digest.removesuffix(".dir"):
            checks.append(
                Check(f"{place}: {path.name}", False, f"damaged: md5 {found[:12]}… instead of {digest[:12]}… ({path})")
            )
    if repair:
        for path in copies.values() if checks else ():
            path.unlink(missing_ok=True)
    return checks


def _md5(file: BinaryIO) -> str:
    state = hashlib.md5(usedforsecurity=False)
    while block := file.read(BLOCK):
        state.update(block)
    return state.hexdigest()


def _check(name: str, digest: str, remote: Any) -> Check:
    path = remote.oid_to_path(digest)
    what = f"remote: {name}"
    if not remote.fs.exists(path):
        return Check(what, False, f"missing ({path}); send it with `dvc push` from a clone that has it")
    with remote.fs.open(path, "rb") as file:
        found = _md5(file)
    if found == digest.removesuffix(".dir"):
        return Check(what, True, f"md5 {found[:12]}…")
    return Check(what, False, f"damaged: md5 {found[:12]}… instead of {digest[:12]}… ({path})")
