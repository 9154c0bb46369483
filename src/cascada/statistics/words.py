"""Numbers as people read them."""

import math
from collections.abc import Iterable, Mapping, Sequence

QUADRATURE = "quadrature sum; correlations are not known"


def spectrum(section: dict) -> str:
    """The spectrum of a weighted section of metrics.json: `E^-2.7`."""
    return f"E^{section['index']:g}"


def interval(one: dict | None, digits: int = 4) -> str:
    """`0.9731 [0.9612, 0.9815]` of value, low and high; a question mark for a limit that is not known, nothing for no value."""
    if not one or one["value"] is None:
        return ""
    low, high = ("?" if one[part] is None else f"{one[part]:.{digits}f}" for part in ("low", "high"))
    return f"{one['value']:.{digits}f} [{low}, {high}]"


def networks(seed: int, members: Sequence[int] = ()) -> str:
    """Which trained networks answer: `seed 1`, or of an ensemble `mean of the seeds 1, 2 and 3`."""
    if not members:
        return f"seed {seed}"
    return f"mean of the seeds {', '.join(map(str, members[:-1]))} and {members[-1]}"


def temperature(found: Mapping) -> str:
    """A fitted temperature with its interval, or that the showers do not fix one."""
    showers = sum(found["fitted_on"]["showers"].values())
    if found["at_limit"]:
        return f"1, as {showers} validation showers do not fix one"
    return f"{interval(dict(found))}, fitted on {showers} validation showers"


def spread(value: float, number: int, digits: int = 4) -> str:
    """`± 0.0012 (2 seeds)`, a standard deviation over so many seeds; one that rounds to zero is not written as if nothing varied."""
    text = f"{value:.{digits}f}"
    shown = f"± {text}" if float(text) else f"± less than {10**-digits:.{digits}f}"
    return f"{shown} ({number} seeds)"


def signed(one: dict, digits: int = 4) -> str:
    """A difference with its interval: `-0.0003 [-0.0010, +0.0002]`."""
    return f"{one['value']:+.{digits}f} [{one['low']:+.{digits}f}, {one['high']:+.{digits}f}]"


def uncertainties(test: dict, confidence: float, showers: int) -> str:
    """The ROC AUC of a test with its statistical uncertainty and what it moves by under each set beside it; "" without sets."""
    sets = test.get("also", {})
    if not sets:
        return ""
    moved = [f"{signed(one['roc_auc']['difference'])} under {name} ({one['what']})" for name, one in sets.items()]
    total = quadrature_sum([one["roc_auc"]["difference"] for one in sets.values()])
    together = f", together {total:.4f} ({QUADRATURE})" if len(sets) > 1 else ""
    return (
        f"ROC AUC {interval(test['roc_auc'])} (statistical: {confidence:.0%} over {showers:,} sealed showers); "
        f"systematic: {', '.join(moved)}{together}."
    )


def quadrature_sum(differences: Iterable[Mapping]) -> float:
    """√Σ d² of differences with a `value`: their sum if they are independent of each other."""
    return math.hypot(*(one["value"] for one in differences))
