"""The decisions of a running search as records: read the trials' metrics, decide, write, and say what was decided."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cascada.core.files import read_json
from cascada.experiment import records
from cascada.experiment.population import FINALISTS, RUNG
from cascada.selection import halving
from cascada.selection.again import remedy


def promote(trials: Iterable[Path], rung: int, budgets: list[int], metric: str, path: Path) -> None:
    """Compare the trials (their metrics.json) of the rung below, trained to `budgets[0]` epochs; write who climbs to `rung`."""
    epochs, following = budgets
    files = list(trials)
    record = halving.promote(
        _scores(files, metric), rung=rung - 1, epochs=epochs, following=following, metric=metric, again=remedy(files)
    )
    records.write(path, RUNG, record | _made())
    print(
        f"{len(record['promoted'])} of {record['configurations']} configurations go on to {following} epochs; {_troubles(record)}"
    )


def rescore(trials: Iterable[Path], top: int, seeds: list[int], metric: str, path: Path) -> None:
    """Compare the trials of the last rung; write which of them get more seeds."""
    files = list(trials)
    record = halving.finalists(_scores(files, metric), top=top, seeds=seeds, metric=metric, again=remedy(files))
    records.write(path, FINALISTS, record | _made())
    names = ", ".join(row["configuration"] for row in record["finalists"])
    print(f"trained with seeds {seeds} too: {names}; {_troubles(record)}")


def finalists(path: str | list) -> list[str]:
    """The finalists of a record; none where a search has none (no path)."""
    return [row["configuration"] for row in records.read(Path(str(path)), FINALISTS)["finalists"]] if path else []


def _made() -> dict[str, str]:
    """When a decision was made: made again with the same outcome it is another file, so that those that follow from it are made again too.

    Snakemake compares contents, and forgets in the middle of a run that a checkpoint was to run if its input is as it was; what
    waits for that checkpoint then runs without its files.
    """
    return {"time": datetime.now(UTC).isoformat(timespec="microseconds")}


def _scores(trials: Iterable[Path], metric: str) -> list[halving.Score]:
    return [halving.score_of(read_json(path), metric) for path in trials]


def _troubles(record: dict[str, Any]) -> str:
    return f"{record['diverged_configurations']} diverged, {record['failed_trials']} trial(s) failed"
