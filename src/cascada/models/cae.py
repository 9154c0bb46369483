"""A convolutional autoencoder with a classifier on its code; loss: cross entropy + λ · mean squared error.

After the thesis of M. J. Núñez Ruiz (Universidad de Granada, 2021). The decoder runs in training alone.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cascada.models.base import IMAGE_SIZE, Base, check_range, check_widths, classification_head


@dataclass(kw_only=True, slots=True, frozen=True)
class Config:
    first_channels: int = 8  # of the first layer, doubled by each that follows; searched from 1 to 10
    depth: int = 3  # layers, each of which halves the image's side; searched from 2 to 4
    code: int = 50  # numbers that an image is reduced to; searched from 10 to 100
    hidden: tuple[int, ...] = (50, 10)  # fully connected layers between the code and the logits
    reconstruction_weight: float = 1.0  # λ

    def __post_init__(self):
        check_range("first_channels", self.first_channels, 1)
        check_range("depth", self.depth, 1, 4)
        check_range("code", self.code, 1)
        check_widths("hidden", self.hidden)
        check_range("reconstruction_weight", self.reconstruction_weight, 0)


class Model(Base):
    def __init__(self, config: Config, channels: int, classes: int):
        super().__init__()
        self.config = config
        widths = [config.first_channels * 2**layer for layer in range(config.depth)]
        side = IMAGE_SIZE // 2**config.depth
        features = (widths[-1], side, side)
        self.encoder = nn.Sequential(
            *(_halve(before, after) for before, after in zip([channels, *widths], widths, strict=False)),
            nn.Flatten(),
            nn.Linear(widths[-1] * side**2, config.code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.code, widths[-1] * side**2),
            nn.Unflatten(1, features),
            nn.ReLU(inplace=True),
            *(_double(before, after) for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True)),
            nn.ConvTranspose2d(widths[0], channels, 4, stride=2, padding=1),
        )
        self.head = classification_head(config.code, config.hidden, classes)
        self.lay_out_channels_last()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, 80, 80) → code (N, code) → logits (N, K)."""
        return self.head(self.encoder(images))

    def forward_with_losses(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Logits (N, K) and `reconstruction`: λ times the mean squared error of the decoded images' cells."""
        code = self.encoder(images)
        error = functional.mse_loss(self.decoder(code).float(), images)
        return self.head(code), {"reconstruction": self.config.reconstruction_weight * error}


def _halve(before: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def _double(before: int, after: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))
