"""What earlier trials took, and how large an epoch is: read from folders of results, for plans.

Standard library only: the Snakefile imports this.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cascada.core import paths
from cascada.core.files import read_json
from cascada.experiment import plan

NEEDED = ("model", "device", "wall_seconds")  # of a trial, by whoever summarizes it
LOOKED_AT = 20  # configurations of a family in each folder of results, for the line of a dry-run


def trials(results: Path) -> Iterator[dict[str, Any]]:
    """Yield metrics.json of every trial below a folder of results, with the files and megabytes of its folder."""
    yield from _read(sorted(results.glob(f"*/{paths.TRIALS}/metrics.json")))


def some_trials(results: Path, models: Iterable[str], most: int = LOOKED_AT) -> Iterator[dict[str, Any]]:
    """As `trials`, of at most so many configurations of a family in each experiment, spread evenly over their ids."""
    for folder in sorted(results.glob("*/trials")):
        names = sorted(path.name for path in folder.iterdir())
        for model in models:
            mine = [name for name in names if name.startswith(f"{model}-")]
            chosen = [mine[place * len(mine) // most] for place in range(most)] if len(mine) > most else mine
            yield from _read(path for name in chosen for path in sorted(folder.glob(f"{name}/*/*/metrics.json")))


def _read(found: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in found:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            sizes = [file.stat().st_size for file in path.parent.iterdir() if file.is_file()]
        except (OSError, ValueError):  # being written or taken away by a search that runs
            continue
        if isinstance(content, dict) and all(name in content for name in NEEDED):
            yield content | _whole_job(path, content) | {"files": len(sizes), "megabytes": sum(sizes) / 1e6}


def _whole_job(metrics: Path, content: dict[str, Any]) -> dict[str, Any]:
    """The job's seconds by Snakemake's clock, the start of Python and PyTorch included, where that was kept."""
    configuration, seed, epochs = metrics.parts[-4:-1]
    clock = metrics.parents[4] / "benchmarks/train" / configuration / f"{seed}-{epochs}.tsv"
    try:
        header, row = (line.split("\t") for line in clock.read_text(encoding="utf-8").splitlines()[:2])
        return {"wall_seconds": max(content["wall_seconds"], float(dict(zip(header, row, strict=False))["s"]))}
    except (OSError, ValueError, KeyError):
        return {}


def showers(config: dict[str, Any]) -> int | None:
    """Training showers of an epoch: by what the experiment asks for, or where that is raw files as the merge has counted them."""
    expected = plan.training_showers(config["data"])
    summary = paths.RESULTS / config["experiment"] / paths.SUMMARY
    return sum(read_json(summary)["counts"]["train"].values()) if expected is None and summary.exists() else expected


def line(config: dict[str, Any], models: Iterable[str], asked: dict[str, Any], budgets: list[int]) -> str:
    """What the whole search costs, in one line for the dry-run.

    `models`: the family of each configuration that is known; `asked`: what a search whose configurations are proposed asks for.
    """
    known = dict(Counter(models))
    families = {name: one["samples"] for name, one in asked["models"].items()} if asked else known
    search = config["search"]
    made = plan.make(
        config["experiment"], families, len(search["seeds"]), budgets, search.get("rescore"), showers(config),
        plan.summarize(some_trials(paths.RESULTS, families)), plan.Workplace(),
    )  # fmt: skip
    return plan.line(made)
