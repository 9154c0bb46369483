"""The array's shape on the grid of cells."""

import numpy as np

from cascada.data.format import CELL_SIZE, HALF_WIDTH, IMAGE_SIZE


def disc() -> np.ndarray:
    """Cells that the array's disc of 160 m touches: boolean (80, 80)."""
    lower = np.abs(np.arange(IMAGE_SIZE + 1) * CELL_SIZE - HALF_WIDTH)
    nearest = np.minimum(lower[:-1], lower[1:])
    return np.hypot(nearest[:, None], nearest[None, :]) < HALF_WIDTH
