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
from cascada.statistics import resampling

FEWEST = 30  # showers of a class in the templates, and of the set
BINS = 5  # of the probability of each predicted class
FEWEST_IN_BIN = 60  # showers of all classes' templates
EMPTY = 0.1  # showers that stand for none in a bin of a template: none of n is no proof, and more would bias
LEAST_P = 0.01  # of the goodness of fit
MOST_ERROR = 12**-0.5  # of a fraction: that of a guess between 0 and 1
SIGMAS = 5  # by which templates have to differ more than by chance
EDGE = 1e-9
STEPS = 50  # towards a start near the minimum


@dataclass(frozen=True, kw_only=True, slots=True)
class Binning:
    """Bins of probabilities: for each predicted class the inner edges of its probability."""

    edges: tuple[tuple[float, ...], ...]

    @property
    def number(self) -> int:
        return sum(len(one) + 1 for one in self.edges)

    def place(self, probability: np.ndarray) -> np.ndarray:
        """Number (N,) of the bin of each of probabilities (N, K)."""
        predicted, found = probability.argmax(axis=1), np.zeros(len(probability), np.int64)
        first = 0
        for label, edges in enumerate(self.edges):
            inside = predicted == label
            found[inside] = first + np.searchsorted(edges, probability[inside, label], side="right")
            first += len(edges) + 1
        return found

    def count(self, probability: np.ndarray) -> np.ndarray:
        """Showers (B,) in each bin."""
        return np.bincount(self.place(probability), minlength=self.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class Templates:
    """Shares (K, B) of each class in each bin, and their variances (K, B)."""

    shares: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """Fractions (K,) with limits (K,), how well they fit, and the error (K,) that these templates let expect."""

    fractions: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p_value: float
    expected_error: np.ndarray
    fitted: np.ndarray


def binning(probability: np.ndarray, bins: int = BINS) -> Binning:
    """Bins that hold about equally many of the test's showers (N, K) of each predicted class; the labels are not looked at."""
    predicted, edges = probability.argmax(axis=1), []
    for label in range(probability.shape[1]):
        own = probability[predicted == label, label]
        many = int(np.clip(len(own) // FEWEST_IN_BIN, 1, bins))
        inner = np.quantile(own, np.arange(1, many) / many) if many > 1 else []
        edges.append(tuple(float(edge) for edge in np.unique(inner)))
    return Binning(edges=tuple(edges))


def templates(
    probability: np.ndarray,
    labels: np.ndarray,
    bins: Binning,
    weights: np.ndarray | None = None,
    shower_id: np.ndarray | None = None,
) -> Templates:
    """Templates from the test's predictions (N, K), weighted to the spectrum of the unknown showers."""
    classes = probability.shape[1]
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    shower, cells = resampling.numbered(len(labels), shower_id), np.eye(bins.number)[bins.place(probability)]
    shares, variances = np.empty((2, classes, bins.number))
    for label in range(classes):
        own = labels == label
        showers = len(np.unique(shower[own]))
        if showers < FEWEST:
            raise DataError(
                f"{showers} test showers of class {label} given, needed are {FEWEST}: no composition can be measured."
            )
        of_shower = resampling.sums(weight[own, None] * cells[own], resampling.numbered(own.sum(), shower[own]))
        shares[label], variances[label] = _shares(of_shower.sum(axis=0), (of_shower**2).sum(axis=0))
    return Templates(shares=shares, variances=variances)


def fit(observed: np.ndarray, by: Templates, confidence: float = 0.95) -> Composition:
    """Fractions of the classes behind observed counts (B,)."""
    from scipy.stats import chi2

    if observed.sum() < FEWEST:
        raise DataError(f"{int(observed.sum())} showers given, needed are {FEWEST}: no composition can be measured.")
    best, least = _minimum(observed, by)
    assumed, true = _variances(by, best, int(observed.sum()))
    ratio = true / assumed if np.isfinite(true).all() else np.ones(len(best))
    rise = chi2.ppf(confidence, 1) * ratio
    different = range(1 if len(best) == 2 else len(best))  # of two, one takes the rest
    limits = np.array([_limits(observed, by, k, best, least + rise[k]) for k in different])
    if len(best) == 2:
        limits = np.concatenate([limits, 1 - limits[:, ::-1]])
    freedom = max(len(observed) - len(best), 1)
    return Composition(
        fractions=best,
        low=limits[:, 0],
        high=limits[:, 1],
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
    best, _ = _minimum(observed, nominal)
    return {name: _minimum(observed, by)[0] - best for name, by in variants.items()}


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


def _shares(sums: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (B,) and their variances of the weights in each bin; EMPTY showers of the mean weight where there are none."""
    mean = squares.sum() / sums.sum()
    none = sums <= 0
    sums, squares = np.where(none, EMPTY * mean, sums), np.where(none, EMPTY * mean**2, squares)
    return sums / sums.sum(), squares / sums.sum() ** 2


def _deviance(fractions: np.ndarray, observed: np.ndarray, by: Templates) -> tuple[float, np.ndarray]:
    """−2 ln L against the saturated model, and its gradient (K,) (Dembinski and Abdelmotteleb, 2022).

    m_b and v_b are the mixture and its variance, k_b = m_b²/v_b the showers it is worth; β_b = (n_b + k_b)/(N m_b + k_b) is the
    best factor on the bin, which has to fit both n_b and k_b as Poisson numbers.
    """
    number = observed.sum()
    mixture, variance = fractions @ by.shares, fractions**2 @ by.variances
    worth = mixture**2 / variance
    factor = (observed + worth) / (number * mixture + worth)
    expected = number * mixture * factor
    seen = observed > 0
    terms = expected - observed + worth * (factor - 1 - np.log(factor))
    terms[seen] += observed[seen] * np.log(observed[seen] / expected[seen])
    by_mixture = number * (factor - observed / (number * mixture))
    by_worth = factor - 1 - np.log(factor)
    slope_of_worth = 2 * by.shares * mixture / variance - 2 * fractions[:, None] * by.variances * worth / variance
    return 2 * float(terms.sum()), 2 * (by.shares @ by_mixture + slope_of_worth @ by_worth)


def _minimum(
    observed: np.ndarray, by: Templates, fixed: dict[int, float] | None = None, near: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """The fractions (K,) of the least deviance, some of them fixed, and that deviance; the search starts `near` some."""
    from scipy.optimize import minimize

    fixed, classes = fixed or {}, len(by.shares)
    free = [k for k in range(classes) if k not in fixed]
    rest = 1 - sum(fixed.values())
    fractions = np.full(classes, EDGE)
    for label, value in fixed.items():
        fractions[label] = max(value, EDGE)

    def at(some: np.ndarray) -> tuple[float, np.ndarray]:
        fractions[free] = np.maximum(some, EDGE)
        value, gradient = _deviance(fractions, observed, by)
        return value, gradient[free]

    if len(free) == 1:
        return fractions.copy(), at(np.array([rest]))[0]
    answer = minimize(
        at,
        _start(observed, by, fractions, free, rest) if near is None else _scaled(near[free], rest),
        jac=True,
        method="SLSQP",
        bounds=[(0, max(rest, EDGE))] * len(free),
        constraints={"type": "eq", "fun": lambda some: some.sum() - rest, "jac": np.ones_like},
        options={"ftol": 1e-10, "maxiter": 500},
    )
    value, _ = at(answer.x)
    return fractions.copy(), value


def _start(observed: np.ndarray, by: Templates, fractions: np.ndarray, free: list[int], rest: float) -> np.ndarray:
    """The free fractions, which sum to `rest`, of the greatest likelihood with exact templates: it has one maximum.

    That with templates that scatter has others at the edges, where a class that is not there knows nothing of its bins. By
    expectation and maximisation (Dempster, Laird and Rubin, J. R. Stat. Soc. B 39, 1977, 1).
    """
    found = fractions.copy()
    found[free] = rest / len(free)
    for _ in range(STEPS):
        found[free] *= by.shares[free] @ (observed / (found @ by.shares))
        found[free] *= rest / max(found[free].sum(), EDGE)
    return found[free]


def _scaled(fractions: np.ndarray, to: float) -> np.ndarray:
    """Fractions with the sum `to`, none of them 0."""
    some = fractions + 1e-3
    return some * to / some.sum()


def _limits(observed: np.ndarray, by: Templates, label: int, best: np.ndarray, allowed: float) -> tuple[float, float]:
    """Where the profile of one fraction reaches the deviance allowed; 0 and 1 where it does not."""
    from scipy.optimize import brentq

    def above(fraction: float) -> float:
        return _minimum(observed, by, {label: fraction}, best)[1] - allowed

    ends = []
    for end in (0.0, 1.0):
        inside = abs(end - best[label]) < 1e-6 or above(end) <= 0
        ends.append(end if inside else float(brentq(above, *sorted((best[label], end)), xtol=1e-5)))
    return ends[0], ends[1]
