"""The showers of a test as its numbers need them: logits, labels, what each counts, and bins of what varies. Pure."""

from dataclasses import dataclass

import numpy as np

from cascada.statistics import bootstrap, metrics
from cascada.statistics import weights as weighting

ENERGY_BINS, MUON_BINS, PROBABILITY_BINS = 6, 8, 10


@dataclass(frozen=True, slots=True)
class Sample:
    """The showers of a test: logits and probabilities (N, K), labels and numbers of showers (N,), bins by name.

    `weight` (N,): what each counts, None for all alike.
    """

    logits: np.ndarray
    probability: np.ndarray
    labels: np.ndarray
    shower: np.ndarray
    signal: int  # its label
    bins: dict[str, tuple[np.ndarray, np.ndarray]]
    weight: np.ndarray | None = None

    @classmethod
    def of(cls, logits: np.ndarray, events: np.ndarray, signal: int, weight: np.ndarray | None = None) -> "Sample":
        """Logits (N, K), events (N,) of EVENT_DTYPE, the signal's label and weights (N,)."""
        probability = metrics.softmax(logits)
        bins = {
            "true_energy": _divide(events["true_energy"], np.geomspace, ENERGY_BINS),
            "muons": _divide(events["muons"], _quantiles, MUON_BINS),
            "probability": _divide(probability[:, signal], np.linspace, PROBABILITY_BINS, (0.0, 1.0)),
        }
        shower = bootstrap.number_showers(events["shower_id"])
        return cls(logits, probability, events["label"].astype(np.int64), shower, signal, bins, weight)

    @property
    def counts(self) -> np.ndarray:
        """What each image counts (N,): its weight, or one."""
        return np.ones(len(self.labels)) if self.weight is None else self.weight

    @property
    def is_signal(self) -> np.ndarray:
        return self.labels == self.signal

    @property
    def confidence(self) -> np.ndarray:
        """Probability (N,) of the likeliest class."""
        return self.probability.max(axis=1)


def different(shower: np.ndarray, members: np.ndarray, weight: np.ndarray | None = None) -> list[int]:
    """Number of different showers (N,) in each group of members (N, M); with weights what they are worth, rounded down."""
    if weight is not None:
        return [weighting.worth(weight[mine], shower[mine]) for mine in members.T]
    return [len(np.unique(shower[mine])) for mine in members.T]


def profile(
    bins: tuple[np.ndarray, np.ndarray], found: dict, values: np.ndarray | None = None, weight: np.ndarray | None = None
) -> list[dict]:
    """One row per bin that is not empty; `mean` of `values` in it if they are given."""
    edges, members = bins
    rows = []
    for i in range(members.shape[1]):
        value = found["value"][i]
        if value != value:
            continue
        row = {"from": edges[i], "to": edges[i + 1], "images": int(members[:, i].sum())}
        if values is not None:
            mine = members[:, i]
            row["mean"] = values[mine].mean() if weight is None else np.average(values[mine], weights=weight[mine])
        rows.append(row | {key: found[key][i] for key in ("value", "low", "high")})
    return rows


def _divide(values: np.ndarray, space, number: int, ends: tuple | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Edges (M + 1,) and members (N, M); values that are not finite belong nowhere."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(1), np.zeros((len(values), 0), bool)
    if ends is None:
        ends = (values[known].min() * 0.999, values[known].max() * 1.001)
    edges = space(values[known], number) if space is _quantiles else space(*ends, number + 1)
    which = np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2)
    return edges, (which[:, None] == np.arange(len(edges) - 1)) & known[:, None]


def _quantiles(values: np.ndarray, number: int) -> np.ndarray:
    edges = np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, number + 1)))
    return edges if len(edges) > 1 else np.array([edges[0], edges[0] + 1])
