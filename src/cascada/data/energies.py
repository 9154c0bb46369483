"""Which values an image may hold that a model is asked about, whoever brings it."""

import numpy as np

# GeV in a cell, or muons: about ten times the highest energy that any shower had as a whole (3e11 GeV, Bird et al. 1995, ApJ 441, 144), and far
# from where a network's single precision overflows and its probabilities are no numbers
LARGEST = 3e12


_LARGEST = np.float32(LARGEST)  # which is a little more than LARGEST


def are_energies(images: np.ndarray) -> bool:
    """Whether all values of float32 images are finite, not negative, and not above LARGEST. Any shape."""
    # numbers from 0 on are ordered as their bits are; what is negative, infinite or no number lies above: one pass instead of two
    if int(images.view(np.uint32).max()) <= int(_LARGEST.view(np.uint32)):
        return True
    return bool(images.min() >= 0 and images.max() <= _LARGEST)  # −0 is an energy, too


def first_wrong(images: np.ndarray) -> tuple[int, str] | None:
    """Of images float32 (n, C, 80, 80): the first that holds no energies, counted from 0, and what its value is; None if there is none."""
    if are_energies(images):
        return None
    wrong = {"not finite": ~np.isfinite(images), "negative": images < 0, f"above {LARGEST:g}": images > _LARGEST}
    for what, cells in wrong.items():
        rows = np.flatnonzero(cells.any(axis=(1, 2, 3)))
        if len(rows):
            return int(rows[0]), what
    return None
