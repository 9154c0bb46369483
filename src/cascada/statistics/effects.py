"""What one hyperparameter goes along with: means of groups and a rank correlation, with intervals. Pure.

Of configurations that a search has tried, whatever their other hyperparameters were; so they are effects on average, not of the
one hyperparameter with all others held.
"""

import math
from collections.abc import Sequence

import numpy as np

from cascada.statistics.bootstrap import Interval

FEWEST = 5  # values for a rank correlation: below, its interval is all that is possible


def mean(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean with Student's interval; of one value the limits are NaN."""
    from scipy.stats import t

    data = np.asarray(values, float)
    if len(data) < 2:
        return {"value": float(data.mean()), "low": math.nan, "high": math.nan}
    half = float(t.ppf((1 + confidence) / 2, len(data) - 1)) * float(data.std(ddof=1)) / math.sqrt(len(data))
    return {"value": float(data.mean()), "low": float(data.mean()) - half, "high": float(data.mean()) + half}


def rank_correlation(x: Sequence[float], y: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """Spearman's ρ of x and y (N,) with its interval; None for fewer than five pairs and where x or y is constant.

    The interval is that of Fisher's z with the variance (1 + ρ²/2)/(N − 3) (Bonett and Wright, Psychometrika 65, 2000).
    """
    from scipy.stats import norm, spearmanr

    if len(x) < FEWEST or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    rho = float(spearmanr(x, y).statistic)
    limited = min(max(rho, -1 + 1e-12), 1 - 1e-12)  # Fisher's z of ±1 is infinite
    half = float(norm.ppf((1 + confidence) / 2)) * math.sqrt((1 + limited**2 / 2) / (len(x) - 3))
    low, high = (math.tanh(math.atanh(limited) + sign * half) for sign in (-1, 1))
    return {"value": rho, "low": low, "high": high}
