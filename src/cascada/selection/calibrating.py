"""Fit the temperature of what was selected on one half of the validation showers, and look at it on the other. Pure.

From the stored scores: nothing is computed by a network, and the test stays closed.
"""

from typing import Any

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics import calibrated, calibration

RULE = (
    "of each class's validation showers, in the order of their numbers (shower_id), the first, third, fifth and so on, "
    "each with all of its images; the others compare"
)
FEW = 30  # showers of a class in a half, below which the temperature is hardly more than a guess


def calibrate(
    logits: np.ndarray,
    labels: np.ndarray,
    shower_id: np.ndarray,
    classes: list[str],
    signal: int,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Return what best.json says of the temperature of logits (N, K) with labels and numbers of showers (N,).

    `value`, `low`, `high`: 1 where the showers do not fix it (`at_limit`); `rule`, `fitted_on`, `compared_on`; `before`, `after` and
    `differences` on the other half (statistics.calibrated). `settings`: `bootstrap`, `confidence`, `seed`. Raises DataError where a
    half would lack a class.
    """
    fits = fitting_half(shower_id, labels)
    sides = {"fitted_on": fits, "compared_on": ~fits}
    halves = {name: _counted(shower_id[half], labels[half], classes) for name, half in sides.items()}
    empty = [name for half in halves.values() for name, number in half["showers"].items() if not number]
    if empty:
        raise DataError(
            f"selection.calibration: the validation showers have fewer than two of the class {empty[0]}, and each half needs one: "
            "take more showers (data.split.validation), or set selection.calibration: none."
        )
    found = calibration.fit_temperature(
        logits[fits], labels[fits], confidence=settings["confidence"], shower_id=shower_id[fits]
    )
    # in single precision, as the networks compute: the number is the same in the checkpoint, in the graph and in every file
    value = float(np.float32(1.0 if found.at_limit else found.value))
    figures = calibrated.figures(
        calibration.scaled(logits[~fits], 1.0), calibration.scaled(logits[~fits], value), labels[~fits], signal=signal,
        resamples=settings["bootstrap"], confidence=settings["confidence"], seed=settings["seed"], shower_id=shower_id[~fits],
    )  # fmt: skip
    fitted = {"value": value, "low": found.low, "high": found.high, "at_limit": found.at_limit}
    return {"kind": "temperature", **fitted, "confidence": settings["confidence"], "rule": RULE, **halves, **figures}


def fitting_half(shower_id: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images (N,) the temperature is fitted on: those of every second shower of each class (RULE)."""
    chosen = [np.unique(shower_id[labels == label])[::2] for label in np.unique(labels)]
    return np.isin(shower_id, np.concatenate(chosen))


def _counted(shower_id: np.ndarray, labels: np.ndarray, classes: list[str]) -> dict[str, Any]:
    showers = {name: len(np.unique(shower_id[labels == label])) for label, name in enumerate(classes)}
    return {"images": len(labels), "showers": showers}


def warnings(content: dict[str, Any]) -> list[str]:
    """What to tell whoever reads the log of a fitted temperature."""
    said = [
        f"selection.calibration: only {number} showers of {name} fit the temperature; at least {FEW} are wanted."
        for name, number in content["fitted_on"]["showers"].items()
        if number < FEW
    ]
    if content["at_limit"]:
        said.append(
            "selection.calibration: the showers do not fix a temperature, as where none or nearly all are misclassified; it stays 1."
        )
    return said
