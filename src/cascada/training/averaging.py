"""Averages of the weights over the last steps of a training: steadier from epoch to epoch than the weights themselves."""

from typing import Generic, TypeVar

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

Averaged = TypeVar("Averaged", bound=nn.Module)
Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


class AveragedWeights(AveragedModel, Generic[Averaged]):
    """An exponential average of a module's weights and buffers; the averaged copy is `module`.

    A plain average (decay 0.99) still contains a third of the initial weights after a hundred steps. So the decay grows with the
    steps n, min(decay, (1 + n) / (10 + n)): the average reaches back over about a ninth of the training, until it is as long as asked for.
    """

    module: Averaged

    def __init__(self, module: Averaged, decay: float):
        super().__init__(module, multi_avg_fn=self._average, use_buffers=True)
        self.decay = decay

    @torch.no_grad()
    def _average(self, averages: Tensors, current: Tensors, _: torch.Tensor | int) -> None:
        """Update tensors of one type in place; PyTorch's own function has no growing decay."""
        if not averages[0].is_floating_point():  # counts of batches
            torch._foreach_copy_(averages, current)
            return
        # the count in host memory, not the argument on the device: reading that one would wait for the GPU at every step
        torch._foreach_lerp_(averages, current, 1 - decay_at(int(self.n_averaged), self.decay))


def decay_at(step: int, decay: float) -> float:
    """Return the decay of the update after `step` others."""
    return min(decay, (1 + step) / (10 + step))
