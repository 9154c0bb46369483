"""What stored scores say of the configurations of a search: intervals over showers, and who can be told from the best.

All configurations are compared on the same draws of the same showers (docs/statistics.md). Configurations of several seeds are
compared by the mean over them. What is said is said of these trained networks: other seeds would be other networks.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cascada.experiment.population import TrialName
from cascada.selection.stored import Stored
from cascada.statistics import confidence_set
from cascada.statistics.bootstrap import clopper_pearson
from cascada.statistics.confidence_set import HIGHER, Resampled

CONFIDENCE, DRAWS, SEED = 0.95, confidence_set.RESAMPLES, 1
Row = dict[str, Any]  # of the ranking: a configuration with its trials
NOTHING = dict.fromkeys(("low", "high", "p_value", "in_set", "f1_loss", "f1_loss_limit", "multiply_adds"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Stored scores with a metric of every trial on the same draws."""

    stored: Stored
    metric: str
    drawn: Resampled  # a column for each of `stored.trials`
    places: dict[TrialName, int]  # of these columns

    @classmethod
    def of(cls, stored: Stored, metric: str) -> "Evidence":
        places = {name: place for place, name in enumerate(stored.trials)}
        return cls(stored=stored, metric=metric, drawn=_draw(stored, metric), places=places)

    def columns(self, row: Row) -> list[int]:
        """The columns of a configuration's trials, those that can be compared."""
        names = [TrialName(row["configuration"], trial["seed"], row["epochs"]) for trial in row["trials"]]
        return [self.places[name] for name in names if name in self.places]

    def means(self, rows: Sequence[Row]) -> Resampled:
        """The metric of configurations, each the mean over its seeds; every one has some that can be compared."""
        columns, group = _grouped([self.columns(row) for row in rows])
        return confidence_set.averaged(_taken(self.drawn, columns), group)

    def f1_losses(self, rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
        """The loss in F1 of each configuration against the first, and its upper limit."""
        columns, group = _grouped([self.columns(row) for row in rows])
        return confidence_set.f1_losses(
            [self.stored.logits[column] for column in columns], self.stored.labels, 0,
            confidence=CONFIDENCE, resamples=DRAWS, seed=SEED, shower_id=self.stored.shower_id, signal=self.stored.signal,
            group=group,
        )  # fmt: skip

    def f1(self) -> Resampled:
        """F1 of every stored trial on the same draws."""
        return self.drawn if self.metric == "f1" else _draw(self.stored, "f1")


def describe(rows: Sequence[Row], candidates: Sequence[Row], evidence: Evidence) -> list[dict[str, Any]]:
    """What is known of each row beyond its means (the names of NOTHING), None where it is not known.

    `candidates`: those between which the choice is made, the best first; they alone are compared with each other. The others
    have an interval where they have scores.
    """
    found = [NOTHING | {"multiply_adds": evidence.stored.multiply_adds.get(row["configuration"])} for row in rows]
    known = [place for place, row in enumerate(rows) if evidence.columns(row)]
    for place, (low, high) in zip(known, intervals(evidence.means([rows[place] for place in known])), strict=True):
        found[place] |= {"low": low, "high": high}
    places = {row["configuration"]: place for place, row in enumerate(rows)}
    p_values = confidence_set.p_values(evidence.means(candidates))
    for row, p_value, loss, limit in zip(candidates, p_values, *evidence.f1_losses(candidates), strict=True):
        found[places[row["configuration"]]] |= {
            "p_value": float(p_value),
            "in_set": bool(p_value > 1 - CONFIDENCE),
            "f1_loss": float(loss),
            "f1_loss_limit": float(limit),
        }
    return found


def of_metrics(row: Row, stored: Stored, names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """The validation metrics of one configuration, as the ranking has them, with their intervals over showers."""
    mine = [place for place, name in enumerate(stored.trials) if _is_of(name, row)]
    alone = dataclasses.replace(
        stored, trials=[stored.trials[place] for place in mine], logits=[stored.logits[place] for place in mine]
    )
    found = {}
    for name in names:
        low, high = None, None
        if row["validation"][name]["mean"] is not None:  # validation showers of one class have no ROC AUC
            ((low, high),) = intervals(Evidence.of(alone, name).means([row]))
        found[name] = row["validation"][name] | {"low": low, "high": high}
    return found


def _is_of(name: TrialName, row: Row) -> bool:
    return (name.configuration, name.epochs) == (row["configuration"], row["epochs"])


def intervals(found: Resampled) -> list[tuple[float, float]]:
    """Percentile intervals; of one without any error, down to the exact limit of a share.

    Where 1 is the most, so is the limit: a draw of the area under the ROC curve is a sum that may exceed it.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found.drawn, [tail, 1 - tail], axis=0)
    if found.better == HIGHER:
        exact = 1 - clopper_pearson(0, found.showers, CONFIDENCE)[1]
        low, high = np.where(found.value == 1, np.minimum(low, exact), low), np.minimum(high, 1)
    return [(float(one), float(other)) for one, other in zip(low, high, strict=True)]


def _draw(stored: Stored, metric: str) -> Resampled:
    return confidence_set.resampled(
        stored.logits, stored.labels, metric, resamples=DRAWS, seed=SEED, shower_id=stored.shower_id, signal=stored.signal
    )  # fmt: skip


def _taken(found: Resampled, columns: np.ndarray) -> Resampled:
    return Resampled(
        value=found.value[columns], drawn=found.drawn[:, columns], showers=found.showers, better=found.better
    )


def _grouped(groups: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The columns of all groups one after the other, and the number of each one's group."""
    return np.concatenate(groups), np.repeat(np.arange(len(groups)), [len(group) for group in groups])
