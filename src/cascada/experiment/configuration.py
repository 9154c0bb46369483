"""An experiment's configuration beyond its schema: what belongs together, and what jobs follow from it.

Standard library only: the Snakefile imports this.
"""

import glob
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascada.core import classes
from cascada.core.errors import ConfigError, did_you_mean
from cascada.data import catalogue
from cascada.data.catalogue import ROLES, RUNS
from cascada.experiment import rawfiles, samplers

PRIMARIES = {name: code for name, code in classes.PRIMARY_NAMES.items() if name != "gamma"}  # names in `showers`
ALSO = "also/"  # before the name of a source that is tested beside the sealed showers
OF_A_SHOWER = ("seed", "variant", "energy_min", "energy_max")  # with kind, primary and number it is known by these
NOT_OPTIONS = {"kind", "files", "train", "test", "showers", "showers_per_shard", "on_error"}


@dataclass(frozen=True, slots=True)
class Shard:
    """One conversion job: `file` is None for a surrogate run; `specification` are plain values for the script.

    `source`: the name of one of `data.sources`, or `also/` and the name of one of `testing.also`.
    """

    source: str
    name: str
    file: str | None
    specification: dict[str, Any]

    @property
    def place(self) -> str:
        """The key of the experiment that asks for it."""
        return place(self.source)


def place(source: str) -> str:
    """The key of the experiment that names a source."""
    return f"testing.{source.replace('/', '.')}.source" if source.startswith(ALSO) else f"data.sources.{source}"


def check(config: dict) -> None:
    """Check what a schema cannot: names that refer to each other, fractions that add up. Raises ConfigError."""
    data = config["data"]
    classes.check(data)
    split = data["split"]
    if split["validation"] + split["test"] >= 1:
        raise ConfigError(
            f"data.split: validation {split['validation']} and test {split['test']} leave nothing to train on."
        )
    if not data["sources"]:
        raise ConfigError("data.sources is empty; name at least one source.")
    samplers.load(config["search"])


def shards(config: dict, say: Callable[[str], None] = lambda text: None) -> list[Shard]:
    """Return all conversion jobs; `say` is told which files a pattern names in vain.

    Raises ConfigError where a pattern finds no file, a primary has no name, or classes and primaries do not agree.
    """
    found = [
        shard
        for name, source in config["data"]["sources"].items()
        for shard in of_source(name, source, config["data"]["channels"], say)
    ]
    _check_primaries(config["data"])
    check_seeds(config["data"]["sources"])
    return found


def of_source(name: str, source: dict, channels: list[str], say: Callable[[str], None]) -> list[Shard]:
    """The conversion jobs of one source; of files made for one purpose, beside the sealed showers those for the test alone."""
    options = {key: value for key, value in source.items() if key not in NOT_OPTIONS}
    options["channels"] = channels
    takes = catalogue.describe(source["kind"]).takes
    if takes == RUNS:
        _check_energies(name, source)
        options.pop("seed")  # of the run: it stands beside the options
        return _runs(name, source, options)
    if takes == ROLES:
        roles = ("test",) if name.startswith(ALSO) else ("train", "test")
        return [_of_role(name, source, options, role) for role in roles]
    return _files(name, source, options, say)


def check_files(found: Iterable[Shard]) -> None:
    """Look at the first bytes of all raw files. Raises ConfigError for what no source can read, and for a file named twice.

    With `on_error: skip` it is left to the conversion to find, skip and list what cannot be read.
    """
    files = [(shard.file, shard) for shard in found if shard.file is not None]
    for source in dict.fromkeys(shard.source for _, shard in files):
        mine = [one for one in files if one[1].source == source and "on_error" not in one[1].specification]
        for kind in dict.fromkeys(shard.specification["kind"] for _, shard in mine):
            rawfiles.check_contents(place(source), [file for file, _ in mine], [kind])
    rawfiles.check_once({file: shard.place for file, shard in files})


def _check_energies(name: str, source: dict) -> None:
    low, high = source.get("energy_min", 0.0), source.get("energy_max", math.inf)
    if low > high:
        raise ConfigError(f"{place(name)}: energy_min {low} and energy_max {high} given, min ≤ max is needed.")


def _of_role(name: str, source: dict, options: dict, role: str) -> Shard:
    return Shard(
        name, role, _existing(name, source[role]), {"kind": source["kind"], "options": options | {"role": role}}
    )


def _makes(kind: str) -> dict[str, int]:
    """Name and CORSIKA code of the primaries that a source without files makes; all named ones where it does not say."""
    codes = catalogue.describe(kind).primaries or PRIMARIES.values()
    return {name: code for name, code in PRIMARIES.items() if code in codes}


def _runs(name: str, source: dict, options: dict) -> list[Shard]:
    size, found, makes = source["showers_per_shard"], [], _makes(source["kind"])
    for primary, showers in source["showers"].items():
        if primary not in makes:
            raise ConfigError(
                f"{place(name)}.showers: unknown primary {primary!r}{did_you_mean(primary, makes)}. "
                f"The source {source['kind']} makes {sorted(makes)}."
            )
        for block in range(math.ceil(showers / size)):
            specification = {
                "kind": source["kind"],
                "primary": makes[primary],
                "showers": min(size, showers - block * size),
                "seed": source["seed"],
                "first": block * size,
                "options": options,
            }
            found.append(Shard(name, f"{primary}-{block:04}", None, specification))
    return found


def _files(name: str, source: dict, options: dict, say: Callable[[str], None]) -> list[Shard]:
    specification = {"kind": source["kind"], "options": options}
    if source.get("on_error", "stop") != "stop":  # the default stays out, so that nothing converts again
        specification["on_error"] = source["on_error"]
    found: dict[str, Shard] = {}
    for pattern in source["files"]:
        matches, left_out = rawfiles.without_companions(sorted(glob.glob(pattern, recursive=True)))
        if left_out:
            say(rawfiles.said_of_companions(f"{place(name)}.files", left_out))
        if not matches:
            what = f"only companions of particle files ({left_out[0]}…)" if left_out else "no file"
            raise ConfigError(f"{place(name)}.files: {pattern!r} matches {what} (from {Path.cwd()}).")
        for path in matches:
            # equal names in different folders are told apart by what comes before them
            short = Path(path).name
            if short in found and found[short].file != path:
                short = path.strip("/").replace("/", "_")
            found[short] = Shard(name, short, path, specification)
    return list(found.values())


def _check_primaries(data: dict) -> None:
    """Compare the classes with the primaries that the sources name. Raises ConfigError.

    What raw files hold is known only when they are read: the merge looks again.
    """
    classes = {name: {*codes} if isinstance(codes, list) else {codes} for name, codes in data["classes"].items()}
    made: dict[str, set[int]] = {}
    for name, source in data["sources"].items():
        kind = catalogue.describe(source["kind"])
        if kind.takes != RUNS and kind.primaries:
            made[name] = {*kind.primaries}
        elif kind.takes == RUNS:
            made[name] = {PRIMARIES[one] for one in source["showers"]}
            foreign = sorted(made[name].difference(*classes.values()))
            if foreign:
                raise ConfigError(
                    f"data.sources.{name}.showers: primaries {foreign} (CORSIKA codes) are named by no class; "
                    f"data.classes names {data['classes']}. Add a class, or leave them out."
                )
    known = set().union(*made.values())
    empty = [name for name, codes in classes.items() if not codes & known]
    if empty and len(made) == len(data["sources"]):
        raise ConfigError(
            f"data.classes: no source has showers of {empty}; the sources make primaries {sorted(known)} (CORSIKA codes). "
            "Add a source that has them, or leave the class out."
        )


def check_seeds(sources: dict) -> None:
    """Raise ConfigError where two sources of one kind, without files, would make the same showers."""
    seen: dict[tuple, str] = {}
    for name, source in sources.items():
        for primary in source["showers"] if catalogue.describe(source["kind"]).takes == RUNS else ():
            determines = (source["kind"], primary, *(source.get(one) for one in OF_A_SHOWER))
            other = seen.setdefault(determines, name)
            if other != name:
                raise ConfigError(
                    f"{place(name)}: seed {source['seed']} is that of {place(other)} too, so that both would "
                    f"make the same showers of {primary}; give another seed."
                )


def _existing(name: str, path: str) -> str:
    if not Path(path).exists():
        raise ConfigError(f"{place(name)}: {path!r} does not exist (from {Path.cwd()}); give the path of the file.")
    return path
