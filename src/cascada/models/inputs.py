"""From energies to network input. Shapes: (N, C, 80, 80)."""

import torch
from torch import nn

from cascada.core.errors import ConfigError, DataError
from cascada.experiment.hyperparameters import TRANSFORMS

_BLOCK = 256  # images whose statistics are taken at once: 6.5 MB per channel


class InputTransform(nn.Module):
    """Raw energies [GeV] (N, C, 80, 80) → network input of the same shape, float32.

    `linear` leaves the energies, `log1p` takes ln(1 + E / threshold), whose small values stay linear; a negative
    energy (noise) counts as 0 there. With `normalize`, the buffers `mean` and `scale` (C, 1, 1) are used:
    (x − mean) · scale. They are kept with the weights, so that a checkpoint stands alone.
    """

    mean: torch.Tensor
    scale: torch.Tensor

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
