"""A fully connected variational autoencoder with a classifier on its code (Kingma & Welling, arXiv:1312.6114).

After the thesis of M. J. Núñez Ruiz (Universidad de Granada, 2021). Loss: cross entropy + reconstruction + divergence.
With both weights at λ, the auxiliary losses are 2 λ / cells times the negative evidence bound of a decoder with
unit variance. In evaluation the code is its mean, so that a shower always gets the same answer.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cascada.models.base import IMAGE_SIZE, Base, check_range, check_widths, classification_head, fully_connected


@dataclass(kw_only=True, slots=True, frozen=True)
class Config:
    # widths of the encoder, the last one that of the code; searched from 500 to 1000, 100–500, 50–100, 10–50
    layers: tuple[int, ...] = (750, 300, 75, 30)
    hidden: tuple[int, ...] = (10,)  # fully connected layers between the code and the logits
    reconstruction_weight: float = 1.0  # of the mean squared error per cell
    divergence_weight: float = 1.0  # of the divergence from the prior, in the same unit

    def __post_init__(self):
        check_widths("layers", self.layers)
        check_range("number of layers", len(self.layers), 2)
        check_widths("hidden", self.hidden)
        check_range("reconstruction_weight", self.reconstruction_weight, 0)
        check_range("divergence_weight", self.divergence_weight, 0)


class Model(Base):
    def __init__(self, config: Config, channels: int, classes: int):
        super().__init__()
        self.config = config
        self.cells = channels * IMAGE_SIZE**2
        *widths, code = config.layers
        self.encoder = nn.Sequential(nn.Flatten(), fully_connected((self.cells, *widths)))
        self.mean = nn.Linear(widths[-1], code)
        self.log_variance = nn.Linear(widths[-1], code)
        self.decoder = nn.Sequential(fully_connected((code, *widths[::-1])), nn.Linear(widths[0], self.cells))
        self.head = classification_head(code, config.hidden, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, 80, 80) → mean code (N, code) → logits (N, K)."""
        return self.head(self.mean(self.encoder(images)))

    def forward_with_losses(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Logits (N, K) of a sampled code (in evaluation: of its mean), `reconstruction` and `divergence`."""
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features).float().clamp(-10, 10)
        code = mean
        if self.training:
            code = mean + torch.exp(log_variance / 2) * torch.randn_like(log_variance)
        error = functional.mse_loss(self.decoder(code).float(), images.flatten(1))
        # divergence of N(mean, variance) from N(0, 1), per shower and summed over the code's dimensions
        divergence = (mean.float().square() + log_variance.exp() - log_variance - 1).sum(1).mean() / 2
        return self.head(code), {
            "reconstruction": self.config.reconstruction_weight * error,
            "divergence": self.config.divergence_weight * 2 / self.cells * divergence,
        }
