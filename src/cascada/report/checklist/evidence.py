"""What the files of an experiment say, as far as they are there: for documents that are written before it has finished, too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascada.core import paths, tables
from cascada.core.errors import CascadaError, DataError
from cascada.core.files import read_json

BASELINES = "baselines/metrics.json"
FILES = {
    "data": paths.SUMMARY,
    "configurations": paths.CONFIGURATIONS,
    "baselines": BASELINES,
    "leaderboard": paths.LEADERBOARD,
    "best": paths.BEST,
    "test": paths.METRICS,
    "behaviour": paths.BEHAVIOUR,
    "model": f"{paths.MODEL}/model.json",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The contents of FILES by their names, None for those that are not there yet."""

    experiment: str
    found: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.found[name]

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Which of these files are not there, by their paths."""
        return [FILES[name] for name in names if self.found[name] is None]

    @property
    def surrogate(self) -> bool:
        return bool(self.found["data"] and self.found["data"]["surrogate"])


def collect(results: Path) -> Evidence:
    """Read what there is. Raises CascadaError for a folder that is no experiment's, or a file that cannot be read."""
    if not results.is_dir():
        raise CascadaError(f"{results}: no such folder; give the results of an experiment, results/<experiment>.")
    found = {name: _read(results / path) for name, path in FILES.items()}
    if found["data"] is None and found["configurations"] is None:
        raise CascadaError(
            f"{results}: not the results of an experiment ({paths.SUMMARY} and {paths.CONFIGURATIONS} are missing); "
            "give "
            "results/<experiment>."
        )
    return Evidence(experiment=results.resolve().name, found=found)


def _read(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return tables.read(path) if path.suffix == ".tsv" else read_json(path)
    except ValueError as error:
        raise DataError(f"{path}: cannot be read ({error}); run the workflow again, it makes the file anew.") from error
