"""What a search tries: listed when the experiment is read, or proposed batch by batch while it runs. Standard library only.

A batch is a record, `<results>/search/batch-N.json`, that stays: a search that grows adds batches. Each of its points says from which
space, by which sampler and with which seed it was proposed; one whose experiment says otherwise now is left aside, and
comes back with it.
"""

import hashlib
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cascada.core.canonical import canonical
from cascada.core.errors import ConfigError
from cascada.experiment import records, samplers
from cascada.experiment.batches import sizes
from cascada.experiment.population import check_sequence
from cascada.experiment.spaces import Configuration, Space, configurations, spaces_of

BATCH = "batch"  # kind of a record
MOST_DECISIONS = 10  # checkpoints: at each Snakemake builds its graph of jobs anew


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point of a family's space: its values as they were proposed, without defaults."""

    model: str
    values: dict[str, Any]
    configuration: Configuration


@dataclass(slots=True)
class Candidates:
    """The configurations of the first rung. `batches`: how many records they come from, those to come included; 0 if listed."""

    expected: int
    batches: int
    learns: bool  # whether a batch follows from the trials of those before
    asked: dict[str, Any]  # of a search whose configurations are proposed: all that they follow from, trials apart
    _read: Callable[[int | None], dict[str, Configuration]]
    _known: dict[str, Configuration] = field(default_factory=dict)

    def all(self) -> dict[str, Configuration]:
        """Those that are known so far, by id."""
        self._known |= (found := self._read(None))
        return found

    def before(self, batch: int) -> list[str]:
        """The ids of those that earlier batches propose."""
        return list(self._read(batch))

    def find(self, name: str) -> Configuration:
        """Raises ConfigError for a configuration that the search does not have."""
        found = self._known.get(name) or self.all().get(name)
        if found is None:
            raise ConfigError(f"The search has no configuration {name!r} (search/configurations.tsv lists them).")
        return found


def candidates(config: dict, folder: Path, say: Callable[[str], None] = lambda text: None) -> Candidates:
    """The candidates of an experiment whose records lie in `folder`. Raises ConfigError and DataError.

    `say` is told what is left aside.
    """
    sampler, options = samplers.load(config["search"])
    if not hasattr(sampler, "propose"):
        listed = {one.id: one for one in configurations(config)}
        return Candidates(len(listed), 0, False, {}, lambda batch: listed)
    _check_installed(config["search"]["sampler"], getattr(sampler, "NEEDS", ""))
    search = Search.of(config, folder)
    check_sequence(search.paths())
    ahead, left = search.ahead(), search.left_aside()
    if left:
        say(f"{folder}: {left} proposed for another space, sampler or seed are left aside; others are proposed.")
    batches = search.needed() + len(ahead)
    expected = sum(options.samples.values())
    return Candidates(expected, batches, search.learns, search.asked(), search.configurations)


@dataclass(frozen=True, slots=True)
class Search:
    """A search whose configurations are proposed: its spaces, how many configurations of each, its batches so far."""

    folder: Path
    sampler: Any
    options: Any
    spaces: dict[str, Space]
    origins: dict[str, str]  # of each family's proposals: a hash of all that they follow from, other trials apart

    @classmethod
    def of(cls, config: dict, folder: Path) -> "Search":
        sampler, options = samplers.load(config["search"])
        spaces = spaces_of(config)
        name = config["search"]["sampler"]
        origins = {model: _hash([name, options.seed, space.entries]) for model, space in spaces.items()}
        return cls(folder, sampler, options, spaces, origins)

    def asked(self) -> dict[str, Any]:
        """What the search asks for, for a file; `training` is in the ids."""
        spaces = {
            model: {"samples": self.options.samples[model], "origin": self.origins[model], "space": space.entries}
            for model, space in self.spaces.items()
        }
        return {"seed": self.options.seed, "models": spaces, "training": next(iter(self.spaces.values())).training}

    @property
    def learns(self) -> bool:
        return getattr(self.sampler, "LEARNS", False)

    def path(self, number: int) -> Path:
        return self.folder / f"batch-{number}.json"

    def paths(self) -> list[Path]:
        """The batches up to the last that is there."""
        there = [int(path.stem.removeprefix("batch-")) for path in self.folder.glob("batch-*.json")]
        return [self.path(number) for number in range(1, max(there, default=0) + 1)]

    def batch(self, number: int) -> list[Proposal]:
        """The proposals of a batch that belong to the experiment as it is. Raises DataError for a damaged record."""
        rows = records.read(self.path(number), BATCH)["proposals"]
        return [self.proposal(row["model"], row["values"]) for row in rows if self._is_of_now(row)]

    def _is_of_now(self, row: dict) -> bool:
        return self.origins.get(row["model"]) == row["origin"]

    def proposal(self, model: str, values: dict[str, Any]) -> Proposal:
        return Proposal(model, values, self.spaces[model].configuration(values))

    def proposals(self, before: int | None = None) -> Iterator[tuple[int, Proposal]]:
        """Number of the batch and proposal, of each family no more than the experiment asks for; `before`: of earlier batches alone."""
        had: Counter[str] = Counter()
        for number in range(1, len(self.paths()) + 1 if before is None else before):
            for one in self.batch(number):
                had[one.model] += 1
                if had[one.model] <= self.options.samples[one.model]:
                    yield number, one

    def configurations(self, before: int | None = None) -> dict[str, Configuration]:
        return {one.configuration.id: one.configuration for _, one in self.proposals(before)}

    def needed(self) -> int:
        """How many of the batches that are there the experiment takes something from: up to the last of these."""
        return max((number for number, _ in self.proposals()), default=0) if not self.ahead() else len(self.paths())

    def ahead(self) -> list[dict[str, int]]:
        """The batches that are still to be proposed: how many configurations of each family."""
        return self.following(len(self.paths()) + 1)

    def following(self, number: int) -> list[dict[str, int]]:
        """As `ahead`, with batch `number` as the next one."""
        had = Counter(one.model for _, one in self.proposals(number))
        parts = {model: self._sizes(wanted, wanted - had[model]) for model, wanted in self.options.samples.items()}
        count = max(map(len, parts.values()), default=0)
        return [{model: part[place] for model, part in parts.items() if place < len(part)} for place in range(count)]

    def _sizes(self, wanted: int, missing: int) -> list[int]:
        if not self.learns:
            return [missing] if missing else []
        # the size follows from all that is wanted, so that every job reckons with the same batches
        return sizes(missing, self.options.batch or max(sizes(wanted)))

    def left_aside(self) -> str:
        """The records' proposals that are not of this experiment, as words; nothing where there are none."""
        rows = [row for path in self.paths() for row in records.read(path, BATCH)["proposals"]]
        counts = Counter(row["model"] for row in rows if row["model"] in self.origins and not self._is_of_now(row))
        return ", ".join(f"{number} configuration(s) of {model}" for model, number in counts.items())


def _check_installed(sampler: str, library: str) -> None:
    """Raise ConfigError where a sampler's library is missing, without importing it."""
    if library and importlib.util.find_spec(library) is None:
        raise ConfigError(
            f"search.sampler: {sampler} needs {library}, which is not installed; install it in the version of "
            "envs/requirements.txt, or use sobol or random."
        )


def check_decisions(batches: int, rungs: int, rescored: bool) -> None:
    """Raise ConfigError where a search would have more checkpoints than Snakemake handles well."""
    decisions = batches + rungs - 1 + rescored
    if batches > 1 and decisions > MOST_DECISIONS:
        most = MOST_DECISIONS - (rungs - 1 + rescored)
        raise ConfigError(
            f"search.batch: {batches} batches, {rungs} rung(s){' and finalists' if rescored else ''} are {decisions} decisions, at "
            f"most {MOST_DECISIONS} are allowed; give larger batches, so that there are at most {most}, or leave `batch` out."
        )


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
