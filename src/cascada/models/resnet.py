"""A residual network: a strided convolution, four groups of residual blocks, then fully connected layers.

Blocks as in He et al., arXiv:1512.03385, Fig. 5 left. Depths and widths of the thesis of M. J. Núñez Ruiz
(Universidad de Granada, 2021), whose best had blocks 4, 6, 6, 5 and channels 14, 45, 86, 181, 430.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cascada.models.base import Base, check_widths, classification_head


@dataclass(kw_only=True, slots=True, frozen=True)
class Config:
    channels: tuple[int, ...] = (16, 32, 64, 128, 256)  # of the first convolution and of each group
    blocks: tuple[int, ...] = (2, 2, 2, 2)  # in each group; searched from 2 to 6 each
    hidden: tuple[int, ...] = (200, 100, 10)  # fully connected layers before the logits

    def __post_init__(self):
        check_widths("channels", self.channels, 5)
        check_widths("blocks", self.blocks, 4)
        check_widths("hidden", self.hidden)


class Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut: (N, before, S, S) → (N, after, S / stride, S / stride)."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.first = _convolution(before, after, 3, stride)
        self.second = _convolution(after, after, 3, 1)
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(before, after, 1, stride)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.first(features), inplace=True)
        return functional.relu(self.second(inner) + self.shortcut(features), inplace=True)


class Model(Base):
    def __init__(self, config: Config, channels: int, classes: int):
        super().__init__()
        self.config = config
        before = config.channels[0]
        layers: list[nn.Module] = [_convolution(channels, before, 7, 2), nn.ReLU(inplace=True)]
        for after, blocks in zip(config.channels[1:], config.blocks, strict=True):
            # each group halves the image: 40 cells after the first convolution, then 20, 10, 5, 3
            layers += [Block(before, after, 2), *(Block(after, after, 1) for _ in range(blocks - 1))]
            before = after
        self.features = nn.Sequential(*layers)
        self.head = classification_head(before, config.hidden, classes)
        self.lay_out_channels_last()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, 80, 80) → (N, channels[-1], 3, 3) → average over cells (N, channels[-1]) → logits (N, K)."""
        return self.head(self.features(images).mean((2, 3)))


def _convolution(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(after))
