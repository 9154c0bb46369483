"""The likelihood of a mixture of templates that are estimates themselves: its minimum and its profile. NumPy and SciPy."""

import numpy as np

from cascada.statistics.templates import Templates

EDGE = 1e-9
STEPS = 50  # towards a start near the minimum


def deviance(fractions: np.ndarray, observed: np.ndarray, by: Templates) -> tuple[float, np.ndarray]:
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


def minimum(
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
        value, gradient = deviance(fractions, observed, by)
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


def limits(observed: np.ndarray, by: Templates, label: int, best: np.ndarray, allowed: float) -> tuple[float, float]:
    """Where the profile of one fraction reaches the deviance allowed; 0 and 1 where it does not."""
    from scipy.optimize import brentq

    def above(fraction: float) -> float:
        return minimum(observed, by, {label: fraction}, best)[1] - allowed

    reached = []
    for end in (0.0, 1.0):
        inside = abs(end - best[label]) < 1e-6 or above(end) <= 0
        reached.append(end if inside else float(brentq(above, *sorted((best[label], end)), xtol=1e-5)))
    return reached[0], reached[1]
