"""leaderboard.tsv: every configuration with its metrics, what they are worth, and what it costs. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cascada.core import tables
from cascada.statistics.names import METRICS

ORIGIN = ("git_commit", "git_dirty", "lock_sha256", "data_sha256", "command")  # the last columns
PLACE = ("rank", "configuration", "model", "status", "seeds", "epochs", "chosen", "in_set", "p_value")
INTERVAL = ("low", "high", "corrected")  # of the deciding metric alone
COST = (
    "f1_loss",
    "f1_loss_limit",
    "multiply_adds",
    "parameters",
    "training_ms_per_shower",
    "wall_seconds",
    "gpu_hours",
)
DIGITS = {"p_value": 4, "training_ms_per_shower": 4, "wall_seconds": 1, "gpu_hours": 4}


def table(
    ranked: Sequence[dict],
    metric: str,
    baselines: Mapping[str, dict] | None = None,
    origin: dict | None = None,
    stopped: Iterable[dict] = (),
) -> str:
    """The leaderboard as tab-separated text; what stopped at a smaller budget and baselines stand below it, without a rank.

    `ranked`, `stopped`: rows of `ranking.rank` with what `evidence.describe` adds, of the chosen one also `chosen` and
    `corrected`. The last columns say in every row where the table comes from, so that a row that is copied elsewhere still does.
    """
    rows = [_of_configuration(row, metric) | {"rank": rank} for rank, row in enumerate(ranked, 1)]
    rows += [_of_configuration(row, metric) for row in stopped]
    names = sorted({name for row in (*ranked, *stopped) for name in row["hyperparameters"]})
    header = [*PLACE, *_of_metrics(metric), *COST, *names, *ORIGIN]
    rows += [_of_baseline(name, one) for name, one in (baselines or {}).items()]
    last = _origin(origin or {})
    return tables.text(header, [[_cell(name, (row | last).get(name)) for name in header] for row in rows])


def _of_metrics(deciding: str) -> list[str]:
    return [
        f"validation_{metric}_{part}"
        for metric in METRICS
        for part in ("mean", "spread", *(INTERVAL if metric == deciding else ()))
    ]


def _of_configuration(row: dict, metric: str) -> dict[str, Any]:
    found = {name: row.get(name) for name in (*PLACE, *COST)} | {"seeds": len(row["trials"])}
    for name, parts in row["validation"].items():
        found |= {f"validation_{name}_{part}": parts[part] for part in ("mean", "spread")}
    found |= {f"validation_{metric}_{part}": row.get(part) for part in INTERVAL}
    return row["hyperparameters"] | found


def _of_baseline(name: str, one: dict) -> dict[str, Any]:
    values = {f"validation_{metric}_mean": one["validation"][metric] for metric in METRICS}
    costs = {"parameters": one["parameters"], "wall_seconds": one["wall_seconds"], "gpu_hours": 0.0}
    return {"configuration": name, "model": name, "status": "baseline", "seeds": 1} | values | costs


def _origin(facts: dict) -> dict[str, str]:
    cells = facts | {"data_sha256": (facts.get("data_sha256") or {}).get("train")}
    return {name: " ".join(str(cells[name]).split()) for name in ORIGIN if cells.get(name) is not None}


def _cell(name: str, value: Any) -> Any:
    """Nothing for None; figures of the table with their digits, hyperparameters and words as they are."""
    if value is None:
        return ""
    if name in ("chosen", "in_set"):
        return "yes" if value else "no"
    if name in DIGITS or name.startswith("validation_") or name.startswith("f1_loss"):
        return f"{value:.{DIGITS.get(name, 6)}f}"
    return value
