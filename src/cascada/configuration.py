"""An experiment's configuration beyond its schema: what belongs together, and what jobs follow from it.

Standard library only: the Snakefile imports this.
"""

import difflib
import glob
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascada.errors import ConfigError

FILE_KINDS = ("corsika7", "corsika8")
PRIMARIES = {"gamma": 1, "proton": 14, "helium": 402, "nitrogen": 1407, "silicon": 2814, "iron": 5626}
NOT_OPTIONS = {"kind", "files", "train", "test", "showers", "showers_per_shard"}


@dataclass(frozen=True, slots=True)
class Shard:
    """One conversion job: `file` is None for a surrogate run; `specification` are plain values for the script."""

    source: str
    name: str
    file: str | None
    specification: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrialName:
    """One training job."""

    configuration: str
    seed: int
    epochs: int


def check(config: dict) -> None:
    """Check what a schema cannot: names that refer to each other, fractions that add up. Raises ConfigError."""
    data = config["data"]
    if len(data["classes"]) < 2:
        raise ConfigError(f"data.classes: {data['classes']} given, a classifier needs two classes or more.")
    if len(set(data["classes"].values())) < len(data["classes"]):
        raise ConfigError(f"data.classes: {data['classes']} names one primary twice.")
    split = data["split"]
    if split["validation"] + split["test"] >= 1:
        raise ConfigError(
            f"data.split: validation {split['validation']} and test {split['test']} leave nothing to train on."
        )
    if not data["sources"]:
        raise ConfigError("data.sources is empty; name at least one source.")
    if config["search"]["sampler"] == "random" and "samples" not in config["search"]:
        raise ConfigError("search.samples is missing; the sampler random needs the number of configurations per model.")


def shards(config: dict) -> list[Shard]:
    """Return all conversion jobs. Raises ConfigError where a pattern finds no file or a primary has no name."""
    found = []
    for name, source in config["data"]["sources"].items():
        options = {key: value for key, value in source.items() if key not in NOT_OPTIONS}
        options["channels"] = config["data"]["channels"]
        if source["kind"] == "surrogate":
            low, high = source.get("energy_min", 0.0), source.get("energy_max", math.inf)
            if low > high:
                raise ConfigError(
                    f"data.sources.{name}: energy_min {low} and energy_max {high} given, min ≤ max is needed."
                )
            options.pop("seed")  # of the run: it stands beside the options
            found += _surrogate(name, source, options)
        elif source["kind"] == "energy_ground":
            found += [
                Shard(
                    name,
                    role,
                    _existing(name, source[role]),
                    {"kind": "energy_ground", "options": options | {"role": role}},
                )
                for role in ("train", "test")
            ]
        else:
            found += _files(name, source, options)
    return found


def _surrogate(name: str, source: dict, options: dict) -> list[Shard]:
    size, found = source["showers_per_shard"], []
    for primary, showers in source["showers"].items():
        if primary not in PRIMARIES:
            raise ConfigError(
                f"data.sources.{name}.showers: unknown primary {primary!r}{_close(primary, PRIMARIES)}. "
                f"Known are {sorted(PRIMARIES)}."
            )
        for block in range(math.ceil(showers / size)):
            specification = {
                "kind": "surrogate",
                "primary": PRIMARIES[primary],
                "showers": min(size, showers - block * size),
                "seed": source["seed"],
                "first": block * size,
                "options": options,
            }
            found.append(Shard(name, f"{primary}-{block:04}", None, specification))
    return found


def _files(name: str, source: dict, options: dict) -> list[Shard]:
    found: dict[str, Shard] = {}
    for pattern in source["files"]:
        matches = sorted(glob.glob(pattern, recursive=True))
        if not matches:
            raise ConfigError(f"data.sources.{name}.files: {pattern!r} matches no file (from {Path.cwd()}).")
        for path in matches:
            # equal names in different folders are told apart by what comes before them
            short = Path(path).name
            if short in found and found[short].file != path:
                short = path.strip("/").replace("/", "_")
            found[short] = Shard(name, short, path, {"kind": source["kind"], "options": options})
    return list(found.values())


def _existing(name: str, path: str) -> str:
    if not Path(path).exists():
        raise ConfigError(
            f"data.sources.{name}: {path!r} does not exist (from {Path.cwd()}); give the path of the file."
        )
    return path


def trials(config: dict, configurations: list[str]) -> list[TrialName]:
    """Return all training jobs: every configuration with every seed."""
    epochs = config["training"]["epochs"]
    return [TrialName(name, seed, epochs) for name in configurations for seed in config["search"]["seeds"]]


def _close(word: str, known) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
