"""Whether energies follow a power law between two ends: by the mean of their logarithm. NumPy."""

import numpy as np

SIGMAS = 5  # by which the mean may be off
STEPS = 2001


def log_energy(index: float, low: float, high: float) -> tuple[float, float]:
    """Mean and standard deviation of ln E where dN/dE ∝ E^index between two energies: dN/dlnE ∝ E^(index + 1)."""
    log = np.linspace(np.log(low), np.log(high), STEPS)
    weight = np.exp((index + 1) * (log - log[0] if index < -1 else log - log[-1]))
    weight[[0, -1]] /= 2
    mean = np.average(log, weights=weight)
    return float(mean), float(np.average((log - mean) ** 2, weights=weight) ** 0.5)


def follows(energy: np.ndarray, index: float, low: float, high: float, uncertain: float = 0.0) -> bool:
    """Whether energies (N,) may come from E^index between the ends; `uncertain`: of ln(end)."""
    mean, deviation = log_energy(index, low, high)
    return bool(abs(np.log(energy).mean() - mean) <= SIGMAS * np.hypot(deviation / len(energy) ** 0.5, uncertain))
