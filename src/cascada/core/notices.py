"""What every page, picture and card has to say of surrogate showers, and of sealed showers that were opened before."""

from collections.abc import Mapping

WHAT = "a fast toy cascade, not CORSIKA"
SURROGATE = f"Surrogate showers: {WHAT}. Nothing measured on them holds for CORSIKA or for real showers."
SURROGATE_IN_SHORT = f"surrogate showers: {WHAT}"  # for the corner of a picture
REOPENED = (
    "These sealed showers had been opened before, for another selection: a choice made after a look at the test is a choice on "
    "the test, and these numbers are optimistic by an unknown amount."
)
REOPENED_IN_SHORT = "not the first selection tested on these sealed showers"
OTHER_BITS = (
    "Same selection, other bits: these sealed showers had been opened before for the same configuration, seed, epochs and data, "
    "which were trained again with other rounding."
)
MARKS = {"reopened": REOPENED, "other_bits": OTHER_BITS}  # by their names in metrics.json and model.json


def marks(opening: Mapping) -> list[str]:
    """The notice about how often the sealed showers were opened, from the switches named in MARKS."""
    return [text for name, text in MARKS.items() if opening.get(name)]
