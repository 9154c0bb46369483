"""From energies to network input, and augmentation of training images. Shapes: (N, C, 80, 80).

`augment` works on raw energies, where a cell that comes in from outside is an empty one: 0 GeV.
"""

from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional

from cascada.errors import ConfigError, DataError
from cascada.hyperparameters import AUGMENTATIONS, TRANSFORMS

MAXIMUM_SHIFT = 2  # cells of 4 m, along each axis
MAXIMUM_SCALE = 1.25  # factor on all energies, as probable as its inverse: the scale is known to some 20 %
_BLOCK = 256  # images whose statistics are taken at once: 6.5 MB per channel


class InputTransform(nn.Module):
    """Raw energies [GeV] (N, C, 80, 80) → network input of the same shape, float32.

    `linear` leaves the energies, `log1p` takes ln(1 + E / threshold), whose small values stay linear; a negative
    energy (noise) counts as 0 there. With `normalize`, the buffers `mean` and `scale` (C, 1, 1) are used:
    (x − mean) · scale. They are kept with the weights, so that a checkpoint stands alone.
    """

    def __init__(self, transform: str, threshold: float, normalize: bool, channels: int):
        super().__init__()
        if transform not in TRANSFORMS:
            raise ConfigError(f"transform: {transform!r} given, allowed are {list(TRANSFORMS)}.")
        self.transform, self.threshold, self.normalize = transform, float(threshold), normalize
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(channels, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        # in place, but never on the caller's images
        values = images.clamp(min=0).mul_(1 / self.threshold).log1p_() if self.transform == "log1p" else images
        return values.sub(self.mean).mul_(self.scale) if self.normalize else values


def fit_transform(images: torch.Tensor, transform: str, threshold: float, normalize: bool) -> InputTransform:
    """Return a transform whose mean and scale are those of `images` (N, C, 80, 80) [GeV], training images alone.

    A channel without spread is only shifted. Raises DataError if there is no image or a value is not finite.
    """
    result = InputTransform(transform, threshold, False, images.shape[1])
    if not len(images):
        raise DataError("No training image to take mean and standard deviation from; check the split of the data.")
    # the squares' sum loses no digits in double precision: network inputs are of order 1 to 1e5
    sums = torch.zeros(2, images.shape[1], dtype=torch.float64)
    for block in images.split(_BLOCK):
        values = result(block).double().cpu()
        sums += torch.stack([values.sum((0, 2, 3)), values.square_().sum((0, 2, 3))])
    mean, square = sums / (images.numel() / images.shape[1])
    deviation = (square - mean**2).clamp(min=0).sqrt()
    if not torch.isfinite(deviation).all():
        raise DataError(f"Training images are not finite: per-channel mean {mean.tolist()}; check the data set.")
    scale = torch.where(deviation > 1e-12, 1 / deviation, torch.ones_like(deviation))
    result.mean.copy_(mean.view(-1, 1, 1))
    result.scale.copy_(scale.view(-1, 1, 1))
    result.normalize = normalize
    return result


def augment(images: torch.Tensor, kind: str, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return the images (N, C, 80, 80), each turned, mirrored or shifted at random, as `kind` says.

    `symmetries`: one of the eight rotations and mirrors of the square, which leave vertical showers as probable
    as they were. `symmetries+shifts`: then a shift by −2 to 2 cells along each axis. `symmetries+shifts+scale`: then a factor from
    0.8 to 1.25 on all energies, uniform in its logarithm. `generator`: in host memory; the same state gives the same result,
    on any device.
    """
    if kind not in AUGMENTATIONS:
        raise ConfigError(f"augmentation: {kind!r} given, allowed are {list(AUGMENTATIONS)}.")
    if kind == "none":
        return images
    symmetry = torch.randint(8, (len(images),), generator=generator)
    shifts = torch.zeros(2, len(images), dtype=torch.int64)
    if kind.startswith("symmetries+shifts"):
        shifts = torch.randint(-MAXIMUM_SHIFT, MAXIMUM_SHIFT + 1, (2, len(images)), generator=generator)
    moved = move(images, symmetry, shifts)
    if kind.endswith("+scale"):
        exponent = torch.rand((len(images), 1, 1, 1), generator=generator) * 2 - 1
        moved *= (MAXIMUM_SCALE**exponent).to(images.device, non_blocking=True)
    return moved


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
