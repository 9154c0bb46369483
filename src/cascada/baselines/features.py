"""A shower in a few numbers, from its image alone: where the core is, the radial profile, the radial moments."""

import numpy as np

from cascada.data.format import CELL_SIZE, HALF_WIDTH, IMAGE_SIZE

# rings get wider where particles get rarer [m]
RINGS = np.array([0, 4, 8, 12, 16, 20, 25, 30, 36, 44, 54, 66, 80, 96, 114, 134, 160, 330], dtype=np.float64)
POWERS = (0.5, 1, 2, 3)  # of the distance [m], whose energy-weighted means are the moments
LEAST = 0.01  # GeV, added before a logarithm: the scale of `log1p` in the input transform
SEARCHED, AROUND = 5, 3  # cells: side of the square whose energy is largest at the core, and reach of its centroid


def both(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, C, 80, 80) [GeV] → moments (N, C · 5) and profile (N, C · 17); the first channel gives the core."""
    images = images.astype(np.float64)
    distance = distances(core(images[:, 0]))
    channels = range(images.shape[1])
    parts = [(moments(images[:, c], distance), profile(images[:, c], distance)) for c in channels]
    all_moments, all_profiles = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    return all_moments, all_profiles


def core(images: np.ndarray) -> np.ndarray:
    """Images (N, 80, 80) → position (N, 2) of the core, x and y [m]: the centroid around the brightest square."""
    from scipy.ndimage import uniform_filter

    smooth = uniform_filter(images, (0, SEARCHED, SEARCHED), mode="constant")
    row, column = np.unravel_index(smooth.reshape(len(images), -1).argmax(axis=1), (IMAGE_SIZE, IMAGE_SIZE))
    steps = np.arange(-AROUND, AROUND + 1)
    rows = np.clip(row[:, None] + steps, 0, IMAGE_SIZE - 1)
    columns = np.clip(column[:, None] + steps, 0, IMAGE_SIZE - 1)
    near = images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]
    total = np.maximum(near.sum(axis=(1, 2)), 1e-12)
    centre = np.stack([(near.sum(axis=1) * columns).sum(axis=1), (near.sum(axis=2) * rows).sum(axis=1)], axis=1)
    return (centre / total[:, None] + 0.5) * CELL_SIZE - HALF_WIDTH


def distances(position: np.ndarray) -> np.ndarray:
    """Positions (N, 2) [m] → distance of every cell's centre from them, (N, 80, 80) [m]."""
    middle = (np.arange(IMAGE_SIZE) + 0.5) * CELL_SIZE - HALF_WIDTH
    x, y = (middle - position[:, axis, None] for axis in (0, 1))
    return np.sqrt(y[:, :, None] ** 2 + x[:, None, :] ** 2)


def profile(images: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Images and distances (N, 80, 80) → lg of the energy [GeV] in each ring around the core, (N, 17)."""
    rings = len(RINGS) - 1
    ring = np.searchsorted(RINGS, distance.ravel(), side="right") - 1
    which = np.repeat(np.arange(len(images)) * rings, IMAGE_SIZE**2) + np.minimum(ring, rings - 1)
    return np.log10(np.bincount(which, images.ravel(), len(images) * rings).reshape(-1, rings) + LEAST)


def moments(images: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Images and distances (N, 80, 80) → lg of total energy [GeV] and of ⟨r^k⟩ [m^k], energy-weighted, (N, 5)."""
    total = images.sum(axis=(1, 2))
    means = [(images * distance**power).sum(axis=(1, 2)) / np.maximum(total, 1e-12) for power in POWERS]
    return np.log10(np.stack([total, *means], axis=1) + LEAST)
