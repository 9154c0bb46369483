"""The trials of a search, rung by rung: what the experiment names, and what the search's records have decided since.

Records lie in `<results>/search`: `rung-N.json` says who climbs to rung N (from 2), `finalists.json` who gets more seeds. The order in
which they are made, and that they are there when they are read, is the workflow's. Standard library only: the Snakefile imports this.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cascada.core.errors import DataError
from cascada.experiment import records

RUNG, FINALISTS = "rung", "finalists"  # kinds of records


@dataclass(frozen=True, slots=True)
class TrialName:
    """One training job."""

    configuration: str
    seed: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Population:
    """`configurations` gives the ids of the first rung, `budgets` the epochs of each; `more_seeds` are those of the finalists."""

    folder: Path  # of the records
    budgets: list[int]
    seeds: list[int]
    more_seeds: list[int]
    configurations: Callable[[], Iterable[str]]

    def rung(self, number: int) -> list[TrialName]:
        """The trials of a rung, counted from 1. Raises DataError for a record that is missing or damaged."""
        if number == 1:
            return self.first_rung(self.configurations())
        return trials(self.promoted(number), self.seeds, self.budgets[number - 1])

    def first_rung(self, configurations: Iterable[str]) -> list[TrialName]:
        return trials(configurations, self.seeds, self.budgets[0])

    def promoted(self, rung: int) -> list[str]:
        return list(_chosen(self.folder / f"rung-{rung}.json", RUNG, "promoted"))

    def finalists(self) -> list[str]:
        """Configurations that are trained with more seeds; none where the experiment asks for none."""
        if not self.more_seeds:
            return []
        return list(_chosen(self.folder / "finalists.json", FINALISTS, "finalists"))

    def compared(self) -> list[TrialName]:
        """The trials of the full budget, between which the search chooses."""
        return self.rung(len(self.budgets)) + trials(self.finalists(), self.more_seeds, self.budgets[-1])

    def left_behind(self) -> list[TrialName]:
        """Of every configuration that did not reach the full budget, the trials of the highest rung that it reached."""
        highest: dict[str, list[TrialName]] = {}
        for number in range(1, len(self.budgets) + 1):
            on_rung: dict[str, list[TrialName]] = {}
            for trial in self.rung(number):
                on_rung.setdefault(trial.configuration, []).append(trial)
            highest |= on_rung
        return [trial for group in highest.values() for trial in group if trial.epochs != self.budgets[-1]]

    def everything(self) -> list[TrialName]:
        """All trials of all rungs, and those of the finalists."""
        lower = [trial for number in range(1, len(self.budgets)) for trial in self.rung(number)]
        return lower + self.compared()

    def check(self) -> None:
        """Look at the records that are there. Raises DataError for a damaged one, and for one that lacks what it follows from."""
        paths = [self.folder / f"rung-{number}.json" for number in range(2, len(self.budgets) + 1)]
        for path in paths:
            if path.exists():
                records.read(path, RUNG)
        check_sequence(paths)
        if self.more_seeds and (self.folder / "finalists.json").exists():
            self.finalists()


def _chosen(path: Path, kind: str, part: str) -> tuple[str, ...]:
    """The configurations that a record has chosen; read once, as every function of the workflow asks for those of thousands."""
    stat = path.stat() if path.exists() else None
    return _read(path, kind, part, stat and (stat.st_ino, stat.st_mtime_ns, stat.st_size))


@functools.lru_cache(maxsize=32)
def _read(path: Path, kind: str, part: str, state: tuple[int, int, int] | None) -> tuple[str, ...]:
    """`state` tells a file from the one that has taken its place."""
    return tuple(row["configuration"] for row in records.read(path, kind)[part])


def of(search: dict, budgets: list[int], results: Path, configurations: Callable[[], Iterable[str]]) -> Population:
    """The population of an experiment's `search`."""
    more_seeds = (search.get("rescore") or {}).get("seeds", [])
    return Population(results / "search", budgets, search["seeds"], more_seeds, configurations)


def trials(configurations: Iterable[str], seeds: Iterable[int], epochs: int) -> list[TrialName]:
    """Every configuration with every seed."""
    seeds = list(seeds)
    return [TrialName(name, seed, epochs) for name in configurations for seed in seeds]


def check_sequence(paths: list[Path]) -> None:
    """Raise DataError where one of several records, each of which follows from those before it, is missing."""
    there = [path.exists() for path in paths]
    if any(there) and not all(there[: len(there) - there[::-1].index(True)]):
        first = there.index(False)
        after = [path.name for path in paths[first:] if path.exists()]
        raise DataError(
            f"{paths[first]} is missing, and {', '.join(after)} beside it follow(s) from it: delete what follows too and run the "
            "search again; trials that are trained already stay."
        )
