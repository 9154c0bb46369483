"""A trained classifier that stands alone: raw energies in, logits out, with all that is needed to rebuild it.

classifier = load_classifier("results/demonstration/trials/.../checkpoint.pt")
probabilities = classifier(images).softmax(dim=1)  # images: GeV per cell, (N, C, 80, 80)
"""

import copy
import dataclasses
import os
from collections.abc import Sequence

import torch
from torch import nn

from cascada.core.errors import ConfigError, DataError
from cascada.experiment.hyperparameters import PLAIN, SYMMETRIC
from cascada.models import Design
from cascada.models.base import Base
from cascada.models.inputs import InputTransform

FORMAT = 1  # of the checkpoint
VIEWS = 8  # rotations and mirrors of the square
_KEYS = ("model", "hyperparameters", "channels", "class_names", "state_dict")


class Classifier(nn.Module):
    """The input transform followed by a network, of whose logits the mean over eight views is taken where that is asked for.

    The mean of logits, not of probabilities: it is what the network's last layer would give for mean features, one sure
    view cannot be outvoted into a logit near 0, and the separation of the classes on the logit stays that of the network.

    Attributes: `design`, and from it `model_name` and `hyperparameters` (complete); `channels` and `class_names`: lists of names in the order of the images' channels and of the logits; `views`: 8 for a
    symmetric evaluation, 1 for a plain one.
    """

    def __init__(
        self,
        transform: InputTransform,
        network: Base,
        *,
        design: Design,
        channels: Sequence[str],
        class_names: Sequence[str],
    ):
        super().__init__()
        self.transform, self.network, self.design = transform, network, design
        self.channels, self.class_names = list(channels), list(class_names)
        for name in ("transform", "threshold", "normalize"):  # otherwise a checkpoint would rebuild another transform
            assert getattr(transform, name) == getattr(design.common, name), f"{name} of the transform is another one"
        assert network.config == design.config, "the network is of another design"
        self.views = VIEWS if design.common.evaluation == SYMMETRIC else 1

    @property
    def model_name(self) -> str:
        return self.design.model

    @property
    def hyperparameters(self) -> dict:
        return self.design.plain()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Take raw images float32 (N, C, 80, 80) [GeV], return logits (N, K)."""
        values = self.transform(images)
        if self.views == 1:
            return self.network(values)
        logits = self.network(eight_views(values))
        # by their shape: `len` would fix the size of an exported graph's batch
        return logits.view(VIEWS, images.shape[0], logits.shape[1]).mean(0)

    def plain(self) -> "Classifier":
        """The same network with the same weights, answering from each image as it is: what training validates."""
        other = copy.copy(self)
        common = dataclasses.replace(self.design.common, evaluation=PLAIN)
        other.views = 1
        other.design = dataclasses.replace(self.design, common=common)
        return other

    def forward_with_losses(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """As `forward`, with the network's auxiliary losses by name, already weighted."""
        return self.network.forward_with_losses(self.transform(images))

    def checkpoint(self) -> dict:
        """Return plain values and tensors in host memory: `torch.load(..., weights_only=True)` reads the file."""
        return {
            "state_dict": {name: tensor.detach().cpu().clone() for name, tensor in self.state_dict().items()},
            "format": FORMAT,
            "model": self.model_name,
            "hyperparameters": self.hyperparameters,
            "channels": self.channels,
            "class_names": self.class_names,
        }

    @classmethod
    def from_checkpoint(cls, checkpoint: dict) -> "Classifier":
        """Rebuild a classifier in evaluation mode; the global random numbers are left as they were.

        Raises DataError for a dictionary that is no checkpoint or does not fit the code's network.
        """
        missing = [key for key in _KEYS if key not in checkpoint]
        if missing or checkpoint.get("format") != FORMAT:
            raise DataError(
                f"Not a checkpoint of format {FORMAT}: format {checkpoint.get('format')!r}, missing {missing}; "
                "give the checkpoint.pt of a trial made by this version."
            )
        name, hyperparameters = checkpoint["model"], checkpoint["hyperparameters"]
        channels, classes = checkpoint["channels"], checkpoint["class_names"]
        try:
            design = Design.of(name, hyperparameters)
            with torch.random.fork_rng(devices=[]):
                network = design.build(len(channels), len(classes))
            common = design.common
            transform = InputTransform(common.transform, common.threshold, common.normalize, len(channels))
            classifier = cls(transform, network, design=design, channels=channels, class_names=classes)
            classifier.load_state_dict(checkpoint["state_dict"])
        except (ConfigError, KeyError, RuntimeError) as error:
            raise DataError(
                f"The checkpoint of a {name!r} does not fit this version's network: {error} "
                "Use the version of the code that wrote it, or train again."
            ) from error
        return classifier.eval()


def eight_views(images: torch.Tensor) -> torch.Tensor:
    """The eight rotations and mirrors of square images (N, C, S, S), one after the other: (8 N, C, S, S)."""
    views = []
    for turned in (images, images.transpose(2, 3)):
        views += [turned, turned.flip(2), turned.flip(3), turned.flip(2, 3)]
    return torch.cat(views)


def load_classifier(path: str | os.PathLike, device: torch.device | str = "cpu") -> Classifier:
    """Read a checkpoint.pt; returns the classifier in evaluation mode. Raises DataError if it cannot be read."""
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such checkpoint; train the trial first.") from error
    except Exception as error:  # zip, pickle and storage errors have no base of their own
        raise DataError(f"{path}: not a readable checkpoint ({error}); train the trial again.") from error
    if not isinstance(checkpoint, dict):
        raise DataError(f"{path}: holds a {type(checkpoint).__name__} instead of a checkpoint; train the trial again.")
    try:
        return Classifier.from_checkpoint(checkpoint).to(device)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
