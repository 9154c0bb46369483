"""Augmentation of training images: raw energies [GeV] (N, C, 80, 80) to raw energies of the same shape.

| part | what it does to each image |
|---|---|
| `symmetries` | one of the eight rotations and mirrors of the square, which leave vertical showers as probable as they were |
| `shifts` | a shift by −2 to 2 cells along each axis; a cell that comes in from outside is an empty one |
| `scale` | a factor from 0.8 to 1.25 on all energies, uniform in its logarithm |

A part that is added has a stream of random numbers of its own, so that the others keep their bits.
"""

from functools import lru_cache

import torch
from torch.nn import functional

from cascada.hyperparameters import augmentation_parts

MAXIMUM_SHIFT = 2  # cells of 4 m, along each axis
MAXIMUM_SCALE = 1.25  # factor on all energies, as probable as its inverse: the scale is known to some 20 %


def augment(images: torch.Tensor, kind: str, seed: int) -> torch.Tensor:
    """Return images (N, C, 80, 80) changed at random by the parts that `kind` names; the given ones stay as they are.

    The same seed gives the same result on any device. Raises ConfigError for an unknown part.
    """
    parts, generator = augmentation_parts(kind), torch.Generator().manual_seed(seed)
    images = _moved(images, parts, generator)
    if "scale" in parts:
        exponent = torch.rand((len(images), 1, 1, 1), generator=generator) * 2 - 1
        images = images * (MAXIMUM_SCALE**exponent).to(images.device, non_blocking=True)
    return images


def _moved(images: torch.Tensor, parts: tuple[str, ...], generator: torch.Generator) -> torch.Tensor:
    if not {"symmetries", "shifts"} & set(parts):
        return images
    symmetry, shifts = torch.zeros(len(images), dtype=torch.int64), torch.zeros(2, len(images), dtype=torch.int64)
    if "symmetries" in parts:
        symmetry = torch.randint(8, symmetry.shape, generator=generator)
    if "shifts" in parts:
        shifts = torch.randint(-MAXIMUM_SHIFT, MAXIMUM_SHIFT + 1, shifts.shape, generator=generator)
    return move(images, symmetry, shifts)


def move(images: torch.Tensor, symmetry: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Apply one symmetry of the square and then one shift to each image; cells from outside the image are 0.

    images (N, C, S, S); `symmetry` int64 (N,), bits of which 4 transposes, then 2 mirrors the rows, then 1 mirrors
    the columns; `shifts` int64 (2, N): towards larger rows and columns, at most 2 cells either way.
    """
    size, steps = images.shape[-1], 2 * MAXIMUM_SHIFT + 1
    rows, columns = (MAXIMUM_SHIFT - shifts).unbind()
    choice = (symmetry * steps + rows) * steps + columns
    sources = _sources(size, images.device)[choice.to(images.device, non_blocking=True)]  # (N, S²)
    # one cell more than the image has: the empty one that the sources name where the image ends
    cells = functional.pad(images.flatten(2), (0, 1))
    return cells.gather(2, sources.unsqueeze(1).expand(-1, images.shape[1], -1)).view(images.shape)


@lru_cache(maxsize=4)
def _sources(size: int, device: torch.device) -> torch.Tensor:
    """For each symmetry and shift, the index of the cell that comes to each place: (8 · 5 · 5, size²), 10 MB.

    One gather with this table is faster than turning groups of images, and it is one kernel on a GPU.
    """
    inside, margin, table = torch.arange(size**2).view(size, size), MAXIMUM_SHIFT, []
    for symmetry in range(8):
        turned = inside.T if symmetry & 4 else inside
        turned = turned.flip([axis for axis in (0, 1) if symmetry & (2 >> axis)])
        framed = functional.pad(turned, (margin,) * 4, value=size**2)
        table.append(framed.unfold(0, size, 1).unfold(1, size, 1).reshape(-1, size**2))
    return torch.cat(table).to(device)
