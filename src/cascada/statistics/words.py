"""Numbers as people read them."""

from collections.abc import Mapping, Sequence


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
