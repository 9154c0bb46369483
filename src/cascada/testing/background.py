"""How much background is left at a given efficiency for the signal. Pure: arrays in, plain values out."""

import numpy as np

from cascada.statistics import bootstrap
from cascada.testing.sample import Sample, different

SIGNAL_EFFICIENCY = 0.5  # where the background that is left is quoted
CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)  # signal efficiencies with intervals in the picture


def background(curve: dict, sample: Sample, confidence: float) -> dict:
    """Background left at half of the signal, Q = ε_S/√ε_B, and the curve; limits where no background survives.

    The interval of ε_B covers both what the bootstrap sees, the cut that moves included, and the exact (Clopper-Pearson)
    interval of the count, which the bootstrap underestimates for few survivors. Without survivors, `value` is 0 and `high` the
    upper limit; Q then has no value and a lower limit, `low`.
    """
    points = []
    others = ~sample.is_signal
    number, showers = int(others.sum()), different(sample.shower, others[:, None], sample.weight)[0]
    for i, wanted in enumerate(CURVE):
        left, kept = curve["value"][i]
        survivors = (round(left * number) or int(left > 0)) if number else 0
        low, high = bootstrap.clopper_pearson(survivors, number, confidence, showers)
        if survivors:
            low, high = min(low, curve["low"][i][0]), max(high, curve["high"][i][0])
        points.append(
            {
                "signal_efficiency": kept,
                "wanted": wanted,
                "value": left,
                "low": low,
                "high": high,
                "survivors": survivors,
            }
        )
    at = points[CURVE.index(SIGNAL_EFFICIENCY)]
    quality = {
        "value": at["signal_efficiency"] / np.sqrt(at["value"]) if at["survivors"] else None,
        "low": at["signal_efficiency"] / np.sqrt(at["high"]),
        "high": at["signal_efficiency"] / np.sqrt(at["low"]) if at["low"] > 0 else None,
        "limit": None if at["survivors"] else "lower",
    }
    limit = {"background": number, "limit": None if at["survivors"] else "upper"}
    return {"background_efficiency": at | limit, "q_factor": quality, "background_curve": points}
