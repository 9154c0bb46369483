"""A few numbers of each image that tell whether a detector or a simulation has changed. Fast enough to be taken of every shower that is served."""

import numpy as np

from cascada.data.format import CELL_SIZE, HALF_WIDTH, IMAGE_SIZE

LEAST = 0.01  # GeV, added before a logarithm
QUANTITIES = {
    "total_energy": "lg of the first channel's sum [GeV]",
    "occupancy": "share of the cells within the disc that are not empty",
    "radius": "energy-weighted mean distance from the energy's centroid [m]",
}

_MIDDLE = ((np.arange(IMAGE_SIZE) + 0.5) * CELL_SIZE - HALF_WIDTH).astype(np.float32)
_CELLS = float((_MIDDLE[:, None] ** 2 + _MIDDLE[None, :] ** 2 <= HALF_WIDTH**2).sum())


def quantities(images: np.ndarray) -> dict[str, np.ndarray]:
    """Images float32 (n, C, 80, 80) [GeV] → for each name of QUANTITIES float32 (n,), from the first channel. A blank image has radius 0."""
    first = images[:, 0]
    total = first.sum(axis=(1, 2))
    safe = np.maximum(total, 1e-12)
    x = (first.sum(axis=1) @ _MIDDLE) / safe
    y = (first.sum(axis=2) @ _MIDDLE) / safe
    distance = np.sqrt(
        (_MIDDLE[None, :, None] - y[:, None, None]) ** 2 + (_MIDDLE[None, None, :] - x[:, None, None]) ** 2
    )
    radius = np.einsum("nij,nij->n", first, distance) / safe
    return {
        "total_energy": np.log10(total + LEAST).astype(np.float32),
        "occupancy": ((first > 0).sum(axis=(1, 2)) / _CELLS).astype(np.float32),
        "radius": radius.astype(np.float32),
    }
