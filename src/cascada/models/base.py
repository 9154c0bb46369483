"""What the model families have in common: the contract, fully connected layers, checks of hyperparameters.

Letters of shapes: N images, C channels, 80 × 80 cells, K classes.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from cascada.core.errors import ConfigError

IMAGE_SIZE = 80  # cells along each side, as in data/format.py


class Base(nn.Module):
    """A network from images to logits. Families without an auxiliary loss need nothing but `forward`."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Take transformed images (N, C, 80, 80), return logits (N, K)."""
        raise NotImplementedError

    def forward_with_losses(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return logits (N, K) and, by name, weighted losses (scalars) that training adds to the cross entropy."""
        return self(images), {}

    def lay_out_channels_last(self) -> None:
        """Lay the weights out with the channels innermost: a step of a convolution takes less time."""
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # documented, but in no overload


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (N, F) that takes a batch of one by its running statistics instead of refusing it."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if self.training and len(features) == 1:
            mean, variance = self.running_mean, self.running_var
            return functional.batch_norm(features, mean, variance, self.weight, self.bias, eps=self.eps)
        return super().forward(features)


def fully_connected(widths: tuple[int, ...]) -> nn.Sequential:
    """Linear, batch normalisation and ReLU from each width to the next: (N, widths[0]) → (N, widths[-1])."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        # batch normalisation subtracts the mean: a bias before it would never receive a gradient
        layers += [nn.Linear(before, after, bias=False), BatchNorm(after), nn.ReLU()]
    return nn.Sequential(*layers)


def classification_head(features: int, hidden: tuple[int, ...], classes: int) -> nn.Sequential:
    """Fully connected layers that end in logits: (N, features) → (N, classes)."""
    last = nn.Linear(hidden[-1] if hidden else features, classes)
    with torch.no_grad():  # the network starts undecided: a loss of ln K
        last.weight.mul_(0.1)
        last.bias.zero_()
    return nn.Sequential(fully_connected((features, *hidden)), last)


def check_widths(name: str, widths: tuple[int, ...], number: int | None = None) -> None:
    """Refuse widths below 1 and, if `number` is given, another number of them."""
    if number is not None and len(widths) != number:
        raise ConfigError(f"{name}: {list(widths)} given, a list of {number} numbers is expected.")
    if any(width < 1 for width in widths):
        raise ConfigError(f"{name}: {list(widths)} given, each number must be at least 1.")


def check_range(name: str, value: float, low: float, high: float = float("inf")) -> None:
    if not low <= value <= high:
        allowed = f"at least {low}" if high == float("inf") else f"{low} to {high}"
        raise ConfigError(f"{name}: expected {allowed}, got {value}.")
