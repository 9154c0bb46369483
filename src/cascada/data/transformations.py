"""What probes and tests do to images: pure functions of raw energies (N, C, 80, 80) [GeV], which stay as they are."""

from collections.abc import Sequence

import numpy as np

from cascada.data.array import disc
from cascada.data.format import IMAGE_SIZE

SYMMETRIES = {
    "turned by 90°": (False, 1),
    "turned by 180°": (False, 2),
    "turned by 270°": (False, 3),
    "mirrored": (True, 0),
    "mirrored, turned by 90°": (True, 1),
    "mirrored, turned by 180°": (True, 2),
    "mirrored, turned by 270°": (True, 3),
}
Seed = int | list[int]
DIRECTIONS = {"+x": (0, 1), "-x": (0, -1), "+y": (1, 0), "-y": (-1, 0)}  # rows are y, columns are x


def symmetry(images: np.ndarray, name: str) -> np.ndarray:
    """One of the seven rotations and mirrors of the square that move something."""
    mirrored, quarters = SYMMETRIES[name]
    turned = images[..., ::-1] if mirrored else images
    return np.ascontiguousarray(np.rot90(turned, quarters, axes=(2, 3)))


def shift(images: np.ndarray, direction: str, cells: int) -> np.ndarray:
    """Move the shower by whole cells of 4 m. The array stays: what leaves its disc is lost, what comes in is empty.

    A real shower would fill the crescent that comes in; at its rim that is little energy.
    """
    down, right = (step * cells for step in DIRECTIONS[direction])
    moved = np.roll(images, (down, right), axis=(2, 3))
    rows, columns = np.arange(IMAGE_SIZE) - down, np.arange(IMAGE_SIZE) - right
    moved *= _inside(rows)[:, None] & _inside(columns)[None, :] & disc()
    return moved


def _inside(index: np.ndarray) -> np.ndarray:
    return (index >= 0) & (index < IMAGE_SIZE)


def dead_cells(images: np.ndarray, fraction: float, seed: int | Sequence[int]) -> np.ndarray:
    """Silence cells, other ones in each shower; those of a smaller fraction are among those of a larger one."""
    draw = np.random.default_rng(seed).random((len(images), 1, *images.shape[2:]), np.float32)
    return images * (draw >= fraction)


def noise(images: np.ndarray, level: float, seed: int | Sequence[int]) -> np.ndarray:
    """Add normal noise of standard deviation `level` [GeV] to the cells of the disc; no energy falls below 0.

    The same noise scaled for every level.
    """
    draw = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
    return np.maximum(images + level * draw * disc(), 0).astype(np.float32)


def cell_threshold(images: np.ndarray, level: float, seed: int | Sequence[int] = 0) -> np.ndarray:
    """Set cells below `level` [GeV] to 0."""
    return np.where(images < level, np.float32(0), images)
