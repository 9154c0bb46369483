"""Whether the sealed showers give what the validation showers promised of the chosen network. Pure.

The promise is its validation metric without the optimism of the choice. Both are estimates from other showers, so their
difference scatters by both errors; each is taken from the side of its interval that faces the other.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

from cascada.statistics.words import interval

CONFIDENCE = 0.95  # above which the difference is more than chance


def kept(promised: Mapping[str, Any], tested: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    """Compare `promised` (`corrected`, `low`, `high`, `confidence`) with a metric of the test at its `confidence`.

    Returns `difference` (test less promise), the number of `standard_errors` that this is, None without any error, and
    whether they `agree`.
    """
    difference = tested["value"] - promised["corrected"]
    up = difference > 0  # then the promise's upper limit and the test's lower one face each other
    ours = abs(promised["high" if up else "low"] - promised["corrected"]) / _errors(promised["confidence"])
    theirs = abs(tested["low" if up else "high"] - tested["value"]) / _errors(confidence)
    error = math.hypot(ours, theirs)
    away = abs(difference) / error if error else None
    agree = away <= _errors(CONFIDENCE) if away is not None else difference == 0
    return {"difference": difference, "standard_errors": away, "agree": bool(agree)}


def _errors(confidence: float) -> float:
    """How many standard errors the limits of an interval lie away from its middle."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def sentences(chosen: Mapping[str, Any], test: Mapping[str, Any]) -> list[str]:
    """What to say of the choice, from best.json, and of its promise, from the test's metrics; nothing of an older best.json."""
    if "selection" not in chosen:
        return []
    promised, metric = chosen["selection"]["optimism"], chosen["metric"]
    said = [
        chosen["selection"]["why"],
        f"Validation {metric} of the exported network: {promised['raw']:.4f} as measured, {corrected(promised)} after correcting for "
        "the optimism of the selection.",
    ]
    if what := _other_network(chosen, metric):
        return [*said, f"The test is of another network than the one that this speaks of: {what}."]
    return [*said, _verdict(promised, metric, test)]


def corrected(promised: Mapping[str, Any]) -> str:
    return interval({"value": promised["corrected"], "low": promised["low"], "high": promised["high"]})


def _verdict(promised: Mapping[str, Any], metric: str, test: Mapping[str, Any]) -> str:
    found = kept(promised, test[metric], test["settings"]["confidence"])
    away = "" if found["standard_errors"] is None else f", {found['standard_errors']:.1f} standard errors"
    gives = f"The sealed showers give {interval(test[metric])}: {found['difference']:+.4f}{away}."
    if found["agree"]:
        return f"{gives} That agrees."
    worse = (found["difference"] < 0) != (metric == "loss")
    why = "the promise was too good" if worse else "it is better than promised"
    return f"{gives} That does not agree: {why}; are the sealed showers of the same kind?"


def _other_network(chosen: Mapping[str, Any], metric: str) -> str:
    """What was made of the chosen network so that its metric is another one."""
    if chosen.get("members"):
        return f"the {len(chosen['members'])} seeds are averaged"
    return "its probabilities are calibrated" if chosen.get("calibration") and metric == "loss" else ""
