"""Which values an image may hold, whoever sends it."""

import numpy as np

# GeV in a cell, or muons: about ten times the highest energy that any shower had as a whole (3e11 GeV, Bird et al. 1995, ApJ 441, 144), and far
# from where a network's single precision overflows and its probabilities are no numbers
LARGEST = 3e12


def are_energies(images: np.ndarray) -> bool:
    """Whether all values are finite, not negative, and not above LARGEST. Any shape."""
    return float(images.min()) >= 0 and float(images.max()) <= LARGEST
