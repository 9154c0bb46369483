"""Which share of the network's lead over the simplest baseline a physicist's variables explain. Pure.

In a metric m: (m(physics variables) − m(simplest)) / (m(network) − m(simplest)), 0 where they are no better than the simplest
baseline, 1 where they are as good as the network. Its interval is that of the ratio in each resample, so that the three are
compared on the same showers. A ratio whose denominator may be 0 has no useful interval (Fieller, 1954): no share is
given unless the interval of the lead itself lies on the network's side of 0, and resamples without a lead are then left out.
"""

from collections.abc import Mapping

import numpy as np

from cascada.baselines import PHYSICS, SIMPLEST
from cascada.statistics import bootstrap
from cascada.statistics.names import HEADLINES

PREFIX = "explained."


def statistics(
    model: np.ndarray, baselines: Mapping[str, np.ndarray], labels: np.ndarray, signal: int
) -> dict[str, bootstrap.Statistic]:
    """Logits (N, K) of the model and of the baselines, labels (N,) → a statistic for each of HEADLINES; none without both baselines."""
    if not {SIMPLEST, PHYSICS} <= baselines.keys():
        return {}
    ours, simple, physics = (
        bootstrap.overall(logits, labels, signal) for logits in (model, baselines[SIMPLEST], baselines[PHYSICS])
    )
    return {f"{PREFIX}{metric}": share(ours[metric], simple[metric], physics[metric]) for metric in HEADLINES}


def share(
    network: bootstrap.Statistic, simple: bootstrap.Statistic, physics: bootstrap.Statistic
) -> bootstrap.Statistic:
    """(R,): NaN where the network does not lead."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        start = simple(weights)
        lead = network(weights) - start
        return np.divide(physics(weights) - start, lead, out=np.full_like(lead, np.nan), where=lead > 0)

    return statistic


def explained(found: Mapping[str, dict]) -> dict | None:
    """The intervals of `statistics` and of the differences to the baselines → what metrics.json says; None without both baselines.

    For each metric the `lead` with its interval, and `value`, `low`, `high` of the share: None where no lead is established.
    """
    if f"{PREFIX}{HEADLINES[0]}" not in found:
        return None
    shares = {}
    for metric in HEADLINES:
        lead = found[f"{SIMPLEST}-{metric}"]
        known = found[f"{PREFIX}{metric}"] if lead["low"] > 0 else dict.fromkeys(("value", "low", "high"))
        shares[metric] = known | {"lead": lead}
    return {"variables": PHYSICS, "over": SIMPLEST, "share": shares}
