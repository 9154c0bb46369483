"""What a classifier looked at: how its answer changes when a patch of the image is taken away (Zeiler and Fergus, arXiv:1311.2901).

NumPy alone, and any function from images to logits: a checkpoint, an exported file, a server's model.
"""

from collections.abc import Callable

import numpy as np

from cascada.statistics.metrics import log_odds

Ask = Callable[[np.ndarray], np.ndarray]  # images float32 (N, C, S, S) → logits (N, K)
PATCH, STRIDE = 8, 4  # cells: 32 m taken away at once, in steps of 16 m
BATCH = 64  # images asked about at once


def occlusion(
    ask: Ask,
    image: np.ndarray,
    *,
    patch: int = PATCH,
    stride: int = STRIDE,
    background: float | np.ndarray = 0.0,
    batch: int = BATCH,
) -> np.ndarray:
    """Image (C, S, S) → map (S, S): by how much the log-odds of the answered class fall without a cell's surroundings.

    The answered class is the likeliest one for the whole image. Each of the patches (`patch` cells wide, one every `stride`) is
    set to `background`, by default to no energy at all, and asked about; a cell's value is the mean over the patches that hold it.
    Positive: what is there speaks for the answer; negative: against it. Patches that hold nothing else are known to change nothing.
    """
    whole = ask(image[None].astype(np.float32))
    label = int(whole[0].argmax())
    before = float(log_odds(whole, label)[0])
    squares = _squares(image.shape[-1], patch, stride)
    hidden = np.broadcast_to(np.asarray(background, np.float32), image.shape)
    telling = [square for square in squares if not np.array_equal(image[:, *square], hidden[:, *square])]
    total, number = np.zeros((2, *image.shape[1:]))
    for square in squares:
        number[square] += 1
    for start in range(0, len(telling), batch):
        part = telling[start : start + batch]
        after = log_odds(ask(_without(image, hidden, part)), label)
        for square, value in zip(part, after, strict=True):
            total[square] += before - value
    return total / np.maximum(number, 1)


def _squares(size: int, patch: int, stride: int) -> list[tuple[slice, slice]]:
    """Every cell lies in at least one of them: the last one of a row ends at the image's edge."""
    starts = sorted({*range(0, size - patch + 1, stride), size - patch})
    return [(slice(row, row + patch), slice(column, column + patch)) for row in starts for column in starts]


def _without(image: np.ndarray, hidden: np.ndarray, squares: list[tuple[slice, slice]]) -> np.ndarray:
    images = np.repeat(image[None].astype(np.float32), len(squares), axis=0)
    for one, square in zip(images, squares, strict=True):
        one[:, *square] = hidden[:, *square]
    return images
