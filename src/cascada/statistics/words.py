"""Numbers as people read them."""


def spectrum(section: dict) -> str:
    """The spectrum of a weighted section of metrics.json: `E^-2.7`."""
    return f"E^{section['index']:g}"


def interval(one: dict | None, digits: int = 4) -> str:
    """`0.9731 [0.9612, 0.9815]` of value, low and high; a question mark for a limit that is not known, nothing for no value."""
    if not one or one["value"] is None:
        return ""
    low, high = ("?" if one[part] is None else f"{one[part]:.{digits}f}" for part in ("low", "high"))
    return f"{one['value']:.{digits}f} [{low}, {high}]"
