"""What a selection freezes: one trained network or several whose probabilities are averaged, and the temperature of its answers.

selected = load_selected("results/demonstration/selection/checkpoint.pt")
probabilities = selected(images).softmax(dim=1)  # images: GeV per cell, (N, C, 80, 80)

| format | written of                               | content                                                                |
|--------|------------------------------------------|------------------------------------------------------------------------|
| 1      | one network as it was trained            | a trial's checkpoint (models/classifier.py)                            |
| 2      | several networks, or with a temperature  | that of format 1 without `state_dict`; `state_dicts` and `seeds` of the members, `temperature` or None |
"""

import math
import os
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from cascada.core.errors import DataError
from cascada.models.classifier import Classifier, load_classifier

FORMAT = 2
OF_ONE = 1  # the format of a trial's checkpoint
SHARED = ("model", "hyperparameters", "channels", "class_names")
_KEYS = (*SHARED, "state_dicts", "seeds", "temperature")


class Selected(nn.Module):
    """Trained networks of one design, whose answers are the mean of their probabilities, divided by a temperature as logits.

    Attributes: `members` in the order of `seeds`; `channels`, `class_names` and `views` as those of a Classifier;
    `temperature`: a scalar, None where there is none.
    """

    temperature: torch.Tensor | None

    def __init__(self, members: Sequence[Classifier], seeds: Sequence[int], temperature: float | None = None):
        super().__init__()
        self.members, self.seeds = nn.ModuleList(members), list(seeds)
        self.channels, self.class_names, self.views = members[0].channels, members[0].class_names, members[0].views
        self.register_buffer("temperature", None if temperature is None else torch.tensor(temperature))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Take raw images float32 (N, C, 80, 80) [GeV], return logits (N, K): of several members the logarithm of their mean probability."""
        answers = [member(images) for member in self.members]
        logits = answers[0] if len(answers) == 1 else log_mean_probability(torch.stack(answers))
        return logits if self.temperature is None else logits / self.temperature

    def plain(self) -> "Selected":
        """The same, each member answering from each image as it is."""
        return self._with([member.plain() for member in self._classifiers()], temperature_of(self))

    def uncalibrated(self) -> "Selected":
        """The same networks without a temperature."""
        return self._with(list(self.members), None)

    def _classifiers(self) -> list[Classifier]:
        return cast("list[Classifier]", list(self.members))

    def _with(self, members: list, temperature: float | None) -> "Selected":
        return Selected(members, self.seeds, temperature).to(next(self.parameters()).device).eval()

    def checkpoint(self) -> dict:
        """Return plain values and tensors in host memory: `torch.load(..., weights_only=True)` reads the file."""
        contents = [member.checkpoint() for member in self._classifiers()]
        return {
            "format": FORMAT,
            **{name: contents[0][name] for name in SHARED},
            "seeds": self.seeds,
            "state_dicts": [content["state_dict"] for content in contents],
            "temperature": temperature_of(self),
        }

    @classmethod
    def from_checkpoint(cls, checkpoint: dict) -> "Selected":
        """Rebuild what was frozen, in evaluation mode. Raises DataError for what is no checkpoint of format 2."""
        missing = [key for key in _KEYS if key not in checkpoint]
        if missing or not checkpoint["state_dicts"]:
            raise DataError(f"Not a checkpoint of format {FORMAT}: missing {missing or ['state_dicts']}; select again.")
        temperature = checkpoint["temperature"]
        if temperature is not None and not (isinstance(temperature, float) and 0 < temperature < math.inf):
            raise DataError(f"temperature {temperature!r} given, a positive number is needed; select again.")
        shared = {name: checkpoint[name] for name in SHARED} | {"format": OF_ONE}
        members = [Classifier.from_checkpoint(shared | {"state_dict": one}) for one in checkpoint["state_dicts"]]
        return cls(members, checkpoint["seeds"], temperature).eval()


Frozen = Classifier | Selected  # what load_selected returns


def temperature_of(frozen: Frozen) -> float | None:
    """The number that divides the logits; None where there is none."""
    found = getattr(frozen, "temperature", None)
    return None if found is None else float(found)


def log_mean_probability(logits: torch.Tensor) -> torch.Tensor:
    """Logarithm (N, K) of the mean probability of S networks' logits (S, N, K); as `statistics.calibration.ensemble_logits`."""
    return logits.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(logits))


def load_selected(path: str | os.PathLike, device: torch.device | str = "cpu") -> Frozen:
    """Read the checkpoint.pt of a selection or of a trial, in evaluation mode. Raises DataError if it cannot be read.

    Of format 1 it is a Classifier, as `load_classifier` gives it.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # that which reads it again says what is wrong
        return load_classifier(path, device)
    found = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise DataError(
            f"{path}: a checkpoint of format {found}, this version knows {OF_ONE} and {FORMAT}; use the version of cascada that wrote it."
        )
    if found != FORMAT:
        return load_classifier(path, device)
    try:
        return Selected.from_checkpoint(checkpoint).to(device)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
