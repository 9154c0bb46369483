"""Data sources: each turns raw simulation files into blocks of showers. One source is one file in this folder.

A source is a module `<kind>.py` in this folder, or one that another package names under the entry point group
`cascada.sources` (docs/extending.md). There is no list to edit: from the file alone come the kind and its options in an
experiment's `data.sources`, its place in `predictions.source`, and the flags and the help of `cascada convert`. They are read
without importing the file (data/catalogue.py, core/options.py), so that what is imported at its top may be heavy.

The contract:

docstring
    its first sentence says what the source reads; it stands in the help.
`KIND: str`
    its name, equal to the module's (or the entry point's), as written in the config (`kind:`) and after `cascada convert --source`.
`Options`
    a frozen, keyword-only dataclass with every setting of the source: `name: type = option(default, "help [unit]", minimum=…)`
    with everything in it written literally; types are `float`, `int`, `bool`, `str` and `tuple[str, ...]`. Its `__post_init__` calls
    `check(self)` and then looks at what belongs together (raise `ConfigError`). Every source has `channels: tuple[str, ...]`,
    the channels of the images, and `altitude: float`, the observation altitude [m]. What follows decides what an experiment
    gives: `files` (patterns); with an option `role` ("", "train" or "test": files made for one purpose) `train` and `test`, one
    file each; with a dataclass `Run` beside `Options` (`primary`, `showers`, `seed`, `first`: a source without files, which
    simulates) `showers`, `showers_per_shard` and `seed`.
`SIGNATURES: dict[bytes, tuple[int, ...]]`, `FOLDER_WITH: str`, `PRIMARIES` (may be missing; written literally)
    the bytes by which its files begin, with the places where they may stand (in the first 4096 bytes), or a file that its folders hold:
    the dry-run refuses other files. The CORSIKA codes of the only primaries that its showers can have: the dry-run compares the classes.
`can_read(path: Path) -> bool`
    whether `path` looks like one of its files; cheap, never raises. A source without files returns False.
`why_not(path: Path) -> str` (may be missing)
    '' if it can read `path`, else the reason in a few words, shown where no source can; cheap, never raises.
`showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]`
    the showers of one raw file, in its order, in blocks small enough for memory (about 64 MB). Raises `DataError`
    that names the file, the place in it, what was expected and what to do. A file without showers is such an error.
    `progress(done, total)`, where given, is called now and then, in any unit. A source without files (`surrogate`)
    takes a run specification instead of a path: any object whose `str()` names it, seed included. Particles that it does
    not put into the images though they are at ground (neutrinos in every case) it counts in `Block.left_out`.
    A source that reads each byte of a file once, in order, may take `digest`, too, an object of hashlib that it updates.

In a block `event_id` and `shower_id` need to be unique within the raw file only, images of one shower share its
`shower_id`, `label` and `split` stay -1 and `source` stays 0: `convert` and the merge fill them in. `run` and `event` are the numbers
that the raw file itself gives to the run and to the shower, -1 where it gives none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascada.core.errors import ConfigError, DataError
from cascada.data import catalogue

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from cascada.data.format import ShowerWriter, SourceRow
    from cascada.data.skipped import Skipped

Progress = Callable[[int, int], None]
LEFT_OUT = {
    "neutrinos": "neutrinos (weighted) at the observation level, which no detector sees",
    "neutrino_energy_gev": "GeV of energy of these neutrinos",
    "unknown_particles": "particles of codes that nobody knows",
}


@dataclasses.dataclass(slots=True)
class Block:
    """Consecutive showers of one raw file: images float32 (n, C, 80, 80), events (n,) of `EVENT_DTYPE`.

    `left_out` counts what the reader left out since the last block; its keys are those of LEFT_OUT.
    """

    images: np.ndarray
    events: np.ndarray
    left_out: dict[str, float] = dataclasses.field(default_factory=dict)


def count(left_out: dict[str, float], more: Mapping[str, float]) -> None:
    """Add what a reader left out to what was left out before."""
    for name, number in more.items():
        left_out[name] = left_out.get(name, 0) + number


def kinds() -> list[str]:
    """Return the names of all sources: the modules of this folder and those of other people's packages."""
    return catalogue.kinds()


def source(kind: str) -> ModuleType:
    """Return the module of a source. Raises ConfigError for an unknown kind, and for one that cannot be imported."""
    return catalogue.load(kind)


def make_options(kind: str, settings: dict[str, Any]) -> Any:
    """Return the `Options` of a source from plain settings (lists become tuples). Raises ConfigError."""
    options = source(kind).Options
    valid = [field.name for field in dataclasses.fields(options)]
    unknown = sorted(set(settings) - set(valid))
    if unknown:
        raise ConfigError(f"Unknown option(s) {unknown} for source {kind}. Valid options are: {', '.join(valid)}.")
    return options(**{name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()})


def detect(path: Path) -> str:
    """Return the kind of source that can read `path`. Raises DataError if none or several can."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder.")
    found = [kind for kind in kinds() if source(kind).can_read(path)]
    if len(found) > 1:
        raise DataError(f"{path}: sources {found} can all read this; name one with --source, of: {', '.join(kinds())}.")
    if not found:
        raise DataError(f"{path}: no source can read this: {_reasons(path)}.")
    return found[0]


def _reasons(path: Path) -> str:
    """Return what the file is, if that is recognised, else the reason of every source that reads files."""
    if path.is_file() and (what := _foreign(path)):
        return what
    modules = [source(kind) for kind in kinds() if hasattr(source(kind), "why_not")]
    return "; ".join(f"{module.KIND}: {module.why_not(path).rstrip('.')}" for module in modules)


def _foreign(path: Path) -> str:
    from cascada.data import foreign

    try:
        with path.open("rb") as file:
            return foreign.what(file.read(foreign.LENGTH))
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def convert(
    kind: str,
    inputs: Sequence[Path | Any],
    output: Path,
    options: Any,
    progress: Progress | None = None,
    skip: Callable[[Skipped], None] | None = None,
    may_be_empty: bool = False,
) -> int:
    """Convert raw files (or surrogate runs) into one shard of the current data model and return its number of showers.

    `output` appears only when everything has been read without error; several inputs become several rows of `/sources`.
    `progress` counts thousandths of the inputs. With `skip`, an input that cannot be read is left out, listed in
    `/skipped`, and told to it; `may_be_empty`: whether a shard is written where that leaves no shower.
    """
    from cascada.data.format import Header, create
    from cascada.data.skipped import Skipped

    if not inputs:
        raise DataError(f"{output}: no input given, at least one is needed.")
    _check_inputs(kind, inputs)
    header = Header(channels=options.channels, observation_altitude=options.altitude, role=getattr(options, "role", ""))
    rows: list[SourceRow] = []
    skipped: list[Skipped] = []
    left_out: dict[str, float] = {}
    next_id = 0
    with create(output, header) as writer:
        for index, item in enumerate(inputs):
            before = sum(row.events for row in rows)
            try:
                row, next_id, counts = _append(
                    writer, kind, item, options, _part(progress, index, len(inputs)), len(rows), next_id
                )
                rows.append(row)
                count(left_out, counts)
            except DataError as error:
                if skip is None:
                    raise
                writer.take_back(before)
                skipped.append(Skipped(file=_name(item), kind=kind, reason=str(error)))
                skip(skipped[-1])
        if not rows and not may_be_empty:
            raise DataError(
                f"{output}: not written, every input was skipped, the first because of: {skipped[0].reason}"
            )
        writer.write_sources(rows)
        writer.write_skipped(skipped)
        writer.write_left_out(left_out)
    _say(output, left_out)
    return sum(row.events for row in rows)


def _append(
    writer: ShowerWriter,
    kind: str,
    item: Path | Any,
    options: Any,
    progress: Progress | None,
    source_row: int,
    first: int,
) -> tuple[SourceRow, int, dict[str, float]]:
    """Write the showers of one input, their ids counted from `first`.

    Returns its row of `/sources`, the next id, and what the reader left out.
    """
    from cascada.data.format import SourceRow

    module = source(kind)
    left_out: dict[str, float] = {}
    digest = hashlib.sha256() if "digest" in inspect.signature(module.showers).parameters else None
    events, next_id = 0, first
    for block in module.showers(item, options, progress, **({"digest": digest} if digest else {})):
        block.events["source"] = source_row
        block.events["event_id"] += first
        block.events["shower_id"] += first
        highest = max(block.events["event_id"].max(), block.events["shower_id"].max())
        next_id = max(next_id, int(highest) + 1)
        writer.append(block.images, block.events)
        count(left_out, block.left_out)
        events += len(block.events)
    if events == 0:
        raise DataError(f"{item}: no shower in it, expected at least one; leave it out.")
    sha256 = digest.hexdigest() if digest else _sha256(item) if isinstance(item, Path) else ""
    return SourceRow(file=_name(item), sha256=sha256, kind=kind, events=events), next_id, left_out


def _name(item: Path | Any) -> str:
    return item.name if isinstance(item, Path) else str(item)


def _say(output: Path, left_out: dict[str, float]) -> None:
    """Tell on stderr what was left out of the images; nothing if nothing was."""
    told = [f"{left_out[name]:.6g} {what}" for name, what in LEFT_OUT.items() if left_out.get(name)]
    if told:
        print(f"{output}: left out of the images: {'; '.join(told)}", file=sys.stderr)


def _check_inputs(kind: str, inputs: Sequence[Path | Any]) -> None:
    """Raise DataError for an input that is missing or given twice."""
    seen = set()
    for item in inputs:
        if isinstance(item, Path) and not item.exists():
            raise DataError(f"{item}: no such file or folder; expected an input of source {kind}.")
        key = item.resolve() if isinstance(item, Path) else str(item)
        if key in seen:
            raise DataError(f"{item}: given twice, its showers would be in the data set twice; name it once.")
        seen.add(key)


def _part(progress: Progress | None, index: int, inputs: int) -> Progress | None:
    """Return the progress of one of several inputs, each worth a thousand steps."""
    if progress is None:
        return None
    return lambda done, total: progress(int(1000 * (index + done / max(total, 1))), 1000 * inputs)


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or that of the names and digests of a folder's files."""
    from cascada.core.files import sha256

    if path.is_file():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    listing = "".join(f"{sha256(file)}  {file.relative_to(path)}\n" for file in files)
    return hashlib.sha256(listing.encode()).hexdigest()
