"""From ranked configurations and stored scores to one trial, with the record of what was compared and how, for best.json. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cascada.experiment.population import TrialName
from cascada.selection import choosing, evidence, replaying
from cascada.selection.evidence import CONFIDENCE, DRAWS, Evidence, Row
from cascada.selection.stored import Stored
from cascada.statistics.confidence_set import HIGHER
from cascada.statistics.names import METRICS
from cascada.statistics.optimism import Corrected
from cascada.statistics.resampling import numbered

SPEAKS_OF = "these trained networks on other showers of the same kind; other seeds would be other networks"
OF_CANDIDATE = (
    "configuration", "low", "high", "p_value", "in_set", "f1_loss", "f1_loss_limit", "multiply_adds", "parameters",
)  # fmt: skip
NOT_REPLAYED = {
    "epoch": "which epoch of a trial is kept: scores of that one alone are stored",
    "sampler": "what the sampler learned from results",
    "promotions": "promotions of configurations that stayed behind: they have no scores of the next rung",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """All rows with what is known of them, the chosen one among them, and its trial that is tested and exported."""

    ranked: list[Row]
    stopped: list[Row]
    row: Row
    trial: dict[str, Any]
    record: dict[str, Any]


def decide(
    ranked: Sequence[Row],
    stopped: Sequence[Row],
    rows: Sequence[Row],
    stored: Stored,
    metric: str,
    how: Mapping[str, Any],
    search: Mapping[str, Any],
) -> Choice:
    """Choose among the candidates `rows`, which are some of `ranked`; arguments as for `ranking.select`."""
    found = Evidence.of(stored, metric)
    everything = [*ranked, *stopped]
    described = [row | more for row, more in zip(everything, evidence.describe(everything, rows, found), strict=True)]
    names = [row["configuration"] for row in rows]
    known = {row["configuration"]: row for row in described[: len(ranked)]}
    candidates = [known[name] for name in names]
    place, why = choosing.choose(candidates, how["rule"], how["tolerance"], metric)
    row = candidates[place]
    trial, why_seed = choosing.exported(row, how["seed"], metric)
    exported = TrialName(row["configuration"], trial["seed"], row["epochs"])
    correction = replaying.correct(found, candidates, exported, how, search["seeds"])
    row |= {"chosen": True, "corrected": correction.value}
    row["validation"] = evidence.of_metrics(row, stored, METRICS)
    finalists = len(rows) < sum(one["status"] == "completed" for one in ranked)
    record = {
        "why": why,
        "why_this_seed": why_seed,
        "rule": how["rule"],
        "tolerance": how["tolerance"],
        "seed": how["seed"],
        "compared": _compared(candidates, stored, metric),
        "optimism": _optimism(correction, metric, found.drawn.better == HIGHER)
        | _scope(bool(stopped), finalists, search["learns"]),
        **({"before_finalists": _before_finalists(found, metric, search["seeds"])} if finalists else {}),
        "not_distinguishable": [one["configuration"] for one in candidates if one["in_set"]],
        "candidates": [_candidate(one, metric) for one in candidates],
    }
    return Choice(
        ranked=described[: len(ranked)], stopped=described[len(ranked) :], row=row, trial=trial, record=record
    )


def _compared(candidates: Sequence[Row], stored: Stored, metric: str) -> dict[str, Any]:
    return {
        "candidates": len(candidates),
        "epochs": candidates[0]["epochs"],
        "metric": metric,
        "images": len(stored.labels),
        "showers": int(numbered(len(stored.labels), stored.shower_id).max()) + 1,
        "confidence": CONFIDENCE,
        "draws": DRAWS,
        "method": "paired bootstrap over validation showers; model confidence set (docs/statistics.md)",
        "speaks_of": SPEAKS_OF,
    }


def _optimism(found: Corrected, metric: str, higher: bool) -> dict[str, Any]:
    """Of the exported trial: its metric as it was chosen by, how much too good that is, and what is left."""
    return {"metric": metric} | _without_luck(found, higher)


def _before_finalists(found: Evidence, metric: str, seeds: Sequence[int]) -> dict[str, Any]:
    """What luck does among all that reached the last rung, before the best few of them got more seeds."""
    trial, number, best = replaying.before_finalists(found, seeds)
    about = {"configurations": number, "epochs": trial.epochs, "seeds": list(seeds)}
    about |= {"configuration": trial.configuration, "seed": trial.seed, "metric": metric}
    return about | _without_luck(best, found.drawn.better == HIGHER)


def _without_luck(found: Corrected, higher: bool) -> dict[str, Any]:
    return {
        "raw": found.raw,
        "optimism": found.optimism if higher else -found.optimism,
        "corrected": found.value,
        "low": found.low,
        "high": found.high,
        "confidence": CONFIDENCE,
    }


def _scope(promotions: bool, finalists: bool, learns: bool) -> dict[str, list[str]]:
    """Which decisions of the search were repeated on the draws, and which were not."""
    taken = {"promotions": promotions, "finalists": finalists, "rule": True, "seed": True}
    missing = {"epoch": True, "sampler": learns, "promotions": promotions or finalists}
    return {
        "replayed": [name for name, there in taken.items() if there],
        "not_replayed": [NOT_REPLAYED[name] for name, there in missing.items() if there],
    }


def _candidate(row: Row, metric: str) -> dict[str, Any]:
    mean = {"mean": row["validation"][metric]["mean"], "seeds": [trial["seed"] for trial in row["trials"]]}
    return {name: row[name] for name in OF_CANDIDATE[:1]} | mean | {name: row[name] for name in OF_CANDIDATE[1:]}
