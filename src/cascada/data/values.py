"""What the numbers of a shower can be: one check for the headers and tables of all sources and for files of showers."""

from collections.abc import Callable, Collection

import numpy as np

from cascada.core.errors import DataError

# column: smallest and largest value (of what is stored, float32), and what to expect in words
RANGES = {
    "true_energy": (np.nextafter(np.float32(0), np.float32(1)), np.inf, "a finite energy above 0 GeV"),
    "zenith": (0.0, np.float32(np.pi), "an angle from 0 to π rad"),
    "azimuth": (-np.inf, np.inf, "a finite angle in rad"),
    "core_x": (-np.inf, np.inf, "a finite place in m"),
    "core_y": (-np.inf, np.inf, "a finite place in m"),
    "muons": (0.0, np.inf, "a finite number of at least 0"),
}


def check_events(events: np.ndarray, place: Callable[[int], str], known: Collection[str], advice: str) -> None:
    """Raise DataError for the first of the events (n,) of EVENT_DTYPE that cannot be true.

    `place` says where event number i comes from, `known` which columns may not be NaN, `advice` what to do. Nothing need
    be known of an event of primary 0, whose truth nobody has told.
    """
    told = events["primary"] != 0
    for name, (lowest, highest, expected) in RANGES.items():
        column = events[name]
        with np.errstate(invalid="ignore"):
            good = (column >= lowest) & (column <= highest) & np.isfinite(column)
        if name not in known:
            good |= np.isnan(column)
        if name == "true_energy":
            good |= ~told & ~(column < 0)
        bad = np.flatnonzero(~good)
        if len(bad):
            raise DataError(f"{place(int(bad[0]))}: {name} is {column[bad[0]]:g}, expected {expected}; {advice}")
