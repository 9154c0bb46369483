"""What of the trials is kept once the best is chosen: the states (state.pt) from which longer budgets would go on.

Checkpoints, metrics, histories and scores stay in either case. The first three are declared outputs of `train`: without them
Snakemake would train again as soon as something that reads them runs, and scores are small.
"""

from pathlib import Path
from typing import Any

from cascada.core import paths
from cascada.core.errors import CascadaError
from cascada.core.files import read_json, write_json

STATE = "state.pt"  # as in cascada.training.resume, which imports PyTorch: a second of a job that removes files

KEEP = ("all", "best")


def tidy(results: Path, metrics_files: list[Path], best: Path, keep: str, manifest: Path) -> dict[str, Any]:
    """Remove the states that are not kept; write how many files and bytes went and are left.

    `metrics_files`: of the trials among which the best was chosen, those of the full budget.
    """
    compared, winner = {path.parent for path in metrics_files}, read_json(best)["configuration"]
    states = {path: path.stat().st_size for path in sorted(results.glob(f"{paths.TRIALS}/{STATE}"))}
    kept = {path for path in states if is_kept(path.parent, compared, winner, keep)}
    for path in states.keys() - kept:
        path.unlink(missing_ok=True)
    content = {
        "keep": keep,
        "removed": {"files": len(states) - len(kept), "bytes": sum(states[path] for path in states.keys() - kept)},
        "left": {"files": len(kept), "bytes": sum(states[path] for path in kept)},
    }
    write_json(manifest, content)
    return content


def is_kept(trial: Path, compared: set[Path], winner: str, keep: str) -> bool:
    """Whether a trial's state stays. Pure.

    Of trials of shorter budgets none does: they went on, or were left behind and cannot be promoted any more. With `best`
    the winning configuration's stay alone, those of all its seeds.
    """
    if keep not in KEEP:
        raise CascadaError(f"training.keep: {keep!r} given, allowed are {list(KEEP)}.")
    return trial in compared and (keep == "all" or paths.trial_of(trial)[0] == winner)
