"""Whether a model's input has drifted since validation, and what that does to the model. Sizes of effects, not p-values. Pure.

| measure     | of a quantity's distribution now against that of the validation showers                              |
|-------------|------------------------------------------------------------------------------------------------------|
| PSI         | population stability index, Σ (p − q) ln(p / q) over ten bins of equal reference share; 0.1 and 0.25 are conventions |
| KS          | the largest difference of the two distribution functions (Kolmogorov-Smirnov)                         |
| Wasserstein | the mean distance that the values have moved, in standard deviations of the reference                 |

With n showers PSI is about 9 (1/n + 1/m) large by chance alone (m: of the reference), so a window has at least LEAST showers.

What that does to the model is estimated without labels from its own calibrated probabilities (CBPE, confidence-based performance
estimation): the expected confusion counts. It assumes that only the inputs have moved and that the calibration still holds.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

BINS = 10
POINTS = 201  # quantiles of the reference
NOTICE, ALARM = 0.1, 0.25  # of the PSI
LEAST = 200  # showers of a window that is judged
PROBABILITY = "probability"  # of the signal


class Reference(TypedDict):
    """What is kept of the validation showers: `quantiles` at 0, 1/200, … 1, with `mean`, `deviation` and `showers`."""

    quantiles: list[float]
    mean: float
    deviation: float
    showers: int


class Moved(TypedDict):
    """One quantity of a window. `state`: "steady", "moved" or "far"; `shift`: of the mean, in standard deviations of the reference."""

    psi: float
    by_chance: float  # PSI that a window of this size has without any drift
    ks: float
    wasserstein: float
    mean: float
    reference_mean: float
    shift: float
    state: str


def reference(values: np.ndarray) -> Reference:
    """Of values (N,), at least one."""
    values = values.astype(np.float64)
    return {
        "quantiles": [float(f"{value:.6g}") for value in np.quantile(values, np.linspace(0, 1, POINTS))],
        "mean": float(values.mean()),
        "deviation": float(values.std()),
        "showers": len(values),
    }


def compare(values: np.ndarray, known: Reference) -> Moved:
    """Values (n,) of a window against the reference."""
    from scipy import stats

    quantiles = np.asarray(known["quantiles"])
    values = values.astype(np.float64)
    deviation = known["deviation"] or 1.0
    psi, chance = stability_index(values, known)
    return {
        "psi": psi,
        "by_chance": chance,
        "ks": float(stats.ks_2samp(values, quantiles, method="asymp").statistic),
        "wasserstein": float(stats.wasserstein_distance(values, quantiles) / deviation),
        "mean": float(values.mean()),
        "reference_mean": known["mean"],
        "shift": float((values.mean() - known["mean"]) / deviation),
        "state": "far" if psi - chance > ALARM else "moved" if psi - chance > NOTICE else "steady",
    }


def stability_index(values: np.ndarray, known: Reference) -> tuple[float, float]:
    """PSI of values (n,) over the reference's deciles, and what it would be by chance. Equal deciles (many equal values) are one edge."""
    quantiles = np.asarray(known["quantiles"])
    edges = np.unique(quantiles[:: (POINTS - 1) // BINS])[1:-1]
    # what the reference has between the edges, which is a tenth each unless many values are equal
    expected = np.diff(np.concatenate([[0.0], np.searchsorted(quantiles, edges, side="right") / POINTS, [1.0]]))
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    found = (counts + 0.5) / (len(values) + 0.5 * len(counts))
    expected = np.maximum(expected, 0.5 / known["showers"])
    expected = expected / expected.sum()
    chance = (len(counts) - 1) * (1 / len(values) + 1 / known["showers"])
    return float(((found - expected) * np.log(found / expected)).sum()), float(chance)


def expected_performance(probabilities: np.ndarray, signal: int) -> dict[str, float]:
    """CBPE from calibrated probabilities (n, K): accuracy, and F1 of the signal, each with its standard error.

    The errors say how far the truth of these very showers may lie from what is expected of them: each is signal or not by chance,
    independently, so that a count has the variance Σ p (1 − p) (a Poisson binomial; Y. H. Wang, Statistica Sinica 3, 295, 1993), and F1 that
    of its counts to the first order (delta method). What a wrong calibration does is in neither.
    """
    best = probabilities.max(axis=1).astype(np.float64)
    chosen = probabilities.argmax(axis=1) == signal
    of_signal = probabilities[:, signal].astype(np.float64)
    f1, f1_error = _expected_f1(of_signal[chosen], of_signal[~chosen])
    return {
        "accuracy": float(best.mean()),
        "accuracy_error": float(np.sqrt((best * (1 - best)).sum()) / len(best)),
        "f1": f1,
        "f1_error": f1_error,
    }


def _expected_f1(chosen: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """F1 and its standard error, from the signal's probability of the showers that are called signal, and of the others.

    F1 = 2 TP / (m + TP + FN), where m showers are called signal.
    """
    found, missed = chosen.sum(), others.sum()
    whole = len(chosen) + found + missed
    if not whole:
        return 0.0, 0.0
    by_found, by_missed = 2 * (whole - found) / whole**2, -2 * found / whole**2
    variance = by_found**2 * (chosen * (1 - chosen)).sum() + by_missed**2 * (others * (1 - others)).sum()
    return float(2 * found / whole), float(np.sqrt(variance))


def judge(window: Mapping[str, np.ndarray], known: Mapping[str, Reference]) -> dict[str, Moved]:
    """`compare` for every quantity that both have."""
    return {name: compare(window[name], known[name]) for name in known if name in window and len(window[name])}


def sentences(moved: Mapping[str, Moved], showers: int) -> list[str]:
    """What has moved, how far, and in which direction. Nothing is said of fewer than LEAST showers."""
    if showers < LEAST:
        return []
    return [
        f"{name} has moved {'far' if one['state'] == 'far' else 'noticeably'}: mean {one['reference_mean']:.4g} → {one['mean']:.4g} "
        f"({one['shift']:+.2f} standard deviations; PSI {one['psi']:.2f}, {one['by_chance']:.2f} by chance)"
        for name, one in moved.items()
        if one["state"] != "steady"
    ]


def report(
    window: Mapping[str, np.ndarray], known: Mapping[str, Reference], probabilities: np.ndarray, signal: int
) -> dict[str, Any]:
    """Everything about a window: `showers`, `enough`, `moved` by quantity, `sentences`, `expected` performance (CBPE)."""
    showers = len(probabilities)
    moved = judge(window, known) if showers else {}
    return {
        "showers": showers,
        "enough": showers >= LEAST,
        "moved": moved,
        "sentences": sentences(moved, showers),
        "expected": expected_performance(probabilities, signal) if showers else None,
    }
