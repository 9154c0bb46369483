"""The classes' fractions in a set of unknown showers: a likelihood of their scores with templates from the test. NumPy and SciPy.

One shower's class may be uncertain, a set's composition is not: in bins of the score, the observed counts n_b are
N Σ_k f_k s_kb, with the fractions f on the simplex and the templates s_kb, the share of class k's test showers in bin b. The
templates are estimates, too. Their scatter enters each bin as one factor β with the precision of the bin's sum (Barlow and
Beeston, Comput. Phys. Commun. 77, 1993, 219, in the approximation of Dembinski and Abdelmotteleb, Eur. Phys. J. C 82, 2022, 1043,
which holds for few and for weighted showers).

The answer holds for showers that differ from the test's in their composition alone. Another spectrum, a foreign primary or another
detector show in the goodness of fit, if they change the scores; what they may hide enters as a systematic: the shift of the
fractions with templates of that kind. Limits are those of the profile likelihood (Wilks, Ann. Math. Stat. 9, 1938, 60), with its
rise scaled by the ratio of the true to the assumed variance, as for any likelihood that leaves correlations out (Rotnitzky and
Jewell, Biometrika 77, 1990, 485).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics.mixture import limits, minimum
from cascada.statistics.templates import FEWEST, Templates

LEAST_P = 0.01  # of the goodness of fit
MOST_ERROR = 12**-0.5  # of a fraction: that of a guess between 0 and 1
SIGMAS = 5  # by which templates have to differ more than by chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """Fractions (K,) with limits (K,), how well they fit, and the error (K,) that these templates let expect."""

    fractions: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: float
    expected_error: np.ndarray
    fitted: np.ndarray


def fit(observed: np.ndarray, by: Templates, confidence: float = 0.95) -> Composition:
    """Fractions of the classes behind observed counts (B,)."""
    from scipy.stats import chi2

    if observed.sum() < FEWEST:
        raise DataError(f"{int(observed.sum())} showers given, needed are {FEWEST}: no composition can be measured.")
    best, least = minimum(observed, by)
    assumed, true = _variances(by, best, int(observed.sum()))
    ratio = true / assumed if np.isfinite(true).all() else np.ones(len(best))
    rise = chi2.ppf(confidence, 1) * ratio
    different = range(1 if len(best) == 2 else len(best))  # of two, one takes the rest
    ends = np.array([limits(observed, by, k, best, least + rise[k]) for k in different])
    if len(best) == 2:
        ends = np.concatenate([ends, 1 - ends[:, ::-1]])
    freedom = max(len(observed) - len(best), 1)
    return Composition(
        fractions=best,
        low=ends[:, 0],
        high=ends[:, 1],
        p_value=float(chi2.sf(least, freedom)),
        expected_error=np.sqrt(true),
        fitted=observed.sum() * best @ by.shares,
    )


def refusals(found: Composition, least_p: float = LEAST_P, most_error: float = MOST_ERROR) -> list[str]:
    """Why a composition is not to be believed, a sentence each; empty where it may be."""
    reasons = []
    if found.p_value < least_p:
        reasons.append(
            f"The scores fit no mixture of the classes (p = {found.p_value:.2g}, allowed is {least_p:g} or more): "
            "a foreign primary, another spectrum or another detector. Give templates of such showers."
        )
    if (worst := found.expected_error.max()) > most_error:
        reasons.append(
            f"The templates cannot tell the classes apart: the error of a fraction is {worst:.2g}, allowed is "
            f"{most_error:.2g}, that of a guess. Give more showers, or a classifier that separates them."
        )
    return reasons


def systematics(observed: np.ndarray, nominal: Templates, variants: Mapping[str, Templates]) -> dict[str, np.ndarray]:
    """Shift (K,) of the fractions by name, where templates of another model or spectrum take the place of the nominal ones.

    The variants have the nominal bins.
    """
    best, _ = minimum(observed, nominal)
    return {name: minimum(observed, by)[0] - best for name, by in variants.items()}


def total_interval(found: Composition, shifts: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Limits (K,) with the shifts, either way, added in quadrature to the statistical ones."""
    squares = sum((shift**2 for shift in shifts.values()), np.zeros_like(found.fractions))
    down, up = (np.hypot(one, np.sqrt(squares)) for one in (found.fractions - found.low, found.high - found.fractions))
    return np.clip(found.fractions - down, 0, 1), np.clip(found.fractions + up, 0, 1)


def expected_error(by: Templates, fractions: np.ndarray, showers: int) -> np.ndarray:
    """Standard error (K,) of the fractions of so many showers, infinite where templates do not differ by more than by chance."""
    return np.sqrt(_variances(by, fractions, showers)[1])


def _variances(by: Templates, fractions: np.ndarray, showers: int) -> tuple[np.ndarray, np.ndarray]:
    """Variances (K,) of the fractions: as the likelihood has them, and as they are; infinite for templates that are alike.

    The likelihood takes the bins of a template for independent, though their shares sum to 1: a whole template that is too high
    would be mistaken for more showers of its class. What is true follows from the covariance of shares of a sum, and of the
    counts of N showers (sandwich; White, Econometrica 50, 1982, 1). Both for all fractions but the last, which is the rest, by
    least squares with the scatter that the likelihood assumes in each bin.
    """
    mixture = fractions @ by.shares
    assumed = mixture / showers + fractions**2 @ by.variances
    differences = by.shares[:-1] - by.shares[-1]
    weighted = np.divide(differences, assumed, out=np.zeros_like(differences), where=assumed > 0)
    information = weighted @ differences.T
    precision = np.divide(1, assumed, out=np.zeros_like(assumed), where=assumed > 0)
    by_chance = np.diag(by.variances[:-1] @ precision) + by.variances[-1] @ precision
    # a sum of squares over the bins, by chance alone, scatters by √(2 / bins) of its mean
    if np.linalg.eigvalsh(information - (1 + SIGMAS * (2 / by.shares.shape[1]) ** 0.5) * by_chance)[0] <= 0:
        return np.full(len(fractions), np.inf), np.full(len(fractions), np.inf)
    covariance = (np.diag(mixture) - np.outer(mixture, mixture)) / showers
    for fraction, shares, variances in zip(fractions, by.shares, by.variances, strict=True):
        covariance += fraction**2 * _covariance_of_shares(shares, variances)
    # templates that scatter differ by more than they should, and their scatter multiplies that of the counts
    inverse = np.linalg.inv(information - by_chance)
    true = inverse @ (weighted @ covariance @ weighted.T + by_chance) @ inverse
    by_likelihood, as_they_are = (np.append(np.diag(part), part.sum()) for part in (np.linalg.inv(information), true))
    return by_likelihood, as_they_are


def _covariance_of_shares(shares: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """Covariance (B, B) of shares whose bins have these variances before they are divided by their sum."""
    both = np.outer(shares, variances)
    return np.diag(variances) - both - both.T + np.outer(shares, shares) * variances.sum()
