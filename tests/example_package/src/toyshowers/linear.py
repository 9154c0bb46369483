"""Fully connected layers on the image as it is."""

from dataclasses import dataclass

import torch
from torch import nn

from cascada.models.base import IMAGE_SIZE, Base, check_widths, classification_head


@dataclass(kw_only=True, slots=True, frozen=True)
class Config:
    widths: tuple[int, ...] = (4,)

    def __post_init__(self):
        check_widths("widths", self.widths)


class Model(Base):
    def __init__(self, config: Config, channels: int, classes: int):
        super().__init__()
        self.config = config
        self.flatten = nn.Flatten()
        self.head = classification_head(channels * IMAGE_SIZE**2, config.widths, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, 80, 80) → logits (N, K)."""
        return self.head(self.flatten(images))
