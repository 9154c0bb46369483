"""A LeNet-like network: two convolutions with pooling, then fully connected layers.

The layers are those of the convolutional network in the thesis of M. J. Núñez Ruiz (Universidad de Granada, 2021).
"""

from dataclasses import dataclass

import torch
from torch import nn

from cascada.models.base import IMAGE_SIZE, Base, check_widths, classification_head

KERNEL = 5


@dataclass(kw_only=True, slots=True, frozen=True)
class Config:
    channels: tuple[int, ...] = (6, 16)  # of the two convolutions; searched from 2 to 20 each
    hidden: tuple[int, ...] = (100, 50, 10)  # fully connected layers before the logits

    def __post_init__(self):
        check_widths("channels", self.channels, 2)
        check_widths("hidden", self.hidden)


class Model(Base):
    def __init__(self, config: Config, channels: int, classes: int):
        super().__init__()
        self.config = config
        first, second = config.channels
        # pooling before ReLU: the same values, a quarter of the work
        self.features = nn.Sequential(
            nn.Conv2d(channels, first, KERNEL), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(first, second, KERNEL), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        side = IMAGE_SIZE
        for _ in config.channels:
            side = (side - KERNEL + 1) // 2  # 80 → 38 → 17
        self.head = classification_head(second * side**2, config.hidden, classes)
        self.lay_out_channels_last()  # a step takes 0.65 to 0.8 of the time on a processor

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, 80, 80) → (N, first, 38, 38) → (N, second, 17, 17) → logits (N, K)."""
        return self.head(self.features(images))
