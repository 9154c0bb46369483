"""The interval of a difference from the intervals of its two parts: square-and-add (Newcombe, Statistics in Medicine 17, 1998, 873).

For what no draw tells: metrics without an error, which stay so in every draw, and calibration errors, which draws make larger. The
two parts count as independent; where they are not, as with the same showers before and after, the interval is wider than it need be.
"""

import math
from collections.abc import Mapping

from cascada.statistics.bootstrap import Interval


def difference(one: Mapping[str, float], other: Mapping[str, float]) -> Interval:
    """`one` less `other`, each with `value`, `low` and `high`."""
    value = one["value"] - other["value"]
    down = math.hypot(one["value"] - one["low"], other["high"] - other["value"])
    up = math.hypot(one["high"] - one["value"], other["value"] - other["low"])
    return {"value": value, "low": value - down, "high": value + up}
