"""What can be told of raw files before anything runs: by name, by their first bytes, by where they lie.

Standard library only: the Snakefile imports this, and one look at a file costs one read of a few bytes.
"""

import fnmatch
import re
from collections.abc import Iterable
from pathlib import Path

from cascada.core.errors import ConfigError
from cascada.data import catalogue, foreign

# what CORSIKA and its users write beside a particle file, compressed or not: never showers
COMPANION = re.compile(
    r".*\.(long|dbase|info|inp|input|lst|log|hbook|tab|sha256|md5)(\.(gz|zst|bz2|xz))?|CER\d{6}.*", re.IGNORECASE
)
HDF5 = b"\x89HDF\r\n\x1a\n"
SHOWERS = "showers"  # files of showers count as a kind where they may be given, too
OF_SHOWERS: dict[bytes, tuple[int, ...]] = {
    HDF5: (0, 512, 1024, 2048)
}  # at the start or behind a block of the user's own
SUGGESTIONS = ("DAT??????", "DAT??????.gz", "DAT??????.zst", "DAT*.gz", "DAT*.zst", "*.h5")
SHOWN = 3  # files named in a message


def is_companion(path: str) -> bool:
    """Whether the name is that of a file that stands beside particle files: inputs, logs, longitudinal profiles."""
    return COMPANION.fullmatch(Path(path).name) is not None


def without_companions(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the paths that may hold showers, and those of companions."""
    kept: list[str] = []
    left_out: list[str] = []
    for path in paths:
        (left_out if is_companion(path) else kept).append(path)
    return kept, left_out


def objection(path: str, kinds: Iterable[str]) -> str:
    """Why no source of these kinds can read the file or folder, "" where one may; files of showers count as a kind.

    A source that does not say how its files begin may read any.
    """
    kinds = list(kinds)
    sources = [catalogue.describe(kind) for kind in kinds if kind != SHOWERS]
    if any(not source.signatures and not source.folder_with for source in sources):
        return ""
    folders = [source for source in sources if source.folder_with]
    where = Path(path)
    if where.is_dir():
        found = any((where / source.folder_with).exists() for source in folders)
        return "" if found else "a folder" + "".join(f" without {source.folder_with}" for source in folders)
    if folders and len(folders) == len(kinds):
        return f"a file, but {' and '.join(source.kind for source in folders)} reads folders"
    signatures = [source.signatures for source in sources] + ([OF_SHOWERS] if SHOWERS in kinds else [])
    try:
        with where.open("rb") as file:
            head = file.read(foreign.LENGTH)
    except OSError as error:
        return f"not readable ({error.strerror})"
    if any(_begins_with(head, one) for one in signatures):
        return ""
    return foreign.what(head) or ("an HDF5 file" if head.startswith(HDF5) else "it does not begin as one")


def _begins_with(head: bytes, signatures: dict[bytes, tuple[int, ...]]) -> bool:
    return any(head[place : place + len(sign)] == sign for sign, places in signatures.items() for place in places)


def check_contents(place: str, paths: Iterable[str], kinds: Iterable[str]) -> None:
    """Raise ConfigError for files that no source of these kinds can read. `place`: the key that named them."""
    paths, kinds = list(paths), list(kinds)
    bad = {path: reason for path in paths if (reason := objection(path, kinds))}
    if bad:
        named = ", ".join(f"{path} ({reason})" for path, reason in list(bad.items())[:SHOWN])
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise ConfigError(
            f"{place}: {named}{more} cannot be read as {' or '.join(kinds)}. {_remedy(set(paths) - bad.keys(), set(bad))}"
        )


def check_once(places: dict[str, str]) -> None:
    """Raise ConfigError where two paths are one file: by links, or once more in compressed form.

    `places`: the key that named each path.
    """
    seen: dict[object, str] = {}
    for path, place in places.items():
        if not Path(path).exists():  # Snakemake names what is missing
            continue
        state = Path(path).stat()
        for key in ((state.st_dev, state.st_ino), re.sub(r"\.(gz|zst)$", "", str(Path(path).resolve()))):
            other = seen.setdefault(key, path)
            if other != path:
                how = "the same file" if isinstance(key, tuple) else "the same file, once compressed"
                raise ConfigError(
                    f"{place}: {path} and {other} ({places[other]}) are {how}: its showers would occur twice. "
                    "Remove one of them, or choose patterns that name one."
                )


def _remedy(good: set[str], bad: set[str]) -> str:
    names, others = ({Path(path).name for path in paths} for paths in (good, bad))
    for pattern in SUGGESTIONS:
        if (
            names
            and all(fnmatch.fnmatch(n, pattern) for n in names)
            and not any(fnmatch.fnmatch(n, pattern) for n in others)
        ):
            return f"Remove them, or choose a pattern that leaves them out, such as {pattern!r}."
    return "Remove them, or choose a pattern that leaves them out."


def said_of_companions(place: str, left_out: list[str]) -> str:
    """The sentence that says which files were left out."""
    more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    return (
        f"{place}: left out {', '.join(left_out[:SHOWN])}{more}: by their names they stand beside particle files and "
        "hold no showers."
    )
