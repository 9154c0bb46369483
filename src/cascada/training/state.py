"""Where a training stands between two batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(slots=True)
class State:
    """What a training consists of between two batches; everything in it goes into resume.pt and state.pt."""

    epoch: int = 1
    batch: int = 0  # batches done in this epoch
    history: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    best_weights: dict | None = None
    best_scores: torch.Tensor | None = None  # logits (N, K) of the plain evaluation on the validation showers
    status: str = "running"
    logits: list[torch.Tensor] = field(default_factory=list)  # of this epoch's training batches
    labels: list[torch.Tensor] = field(default_factory=list)
    seconds: float = 0.0  # spent in training, all attempts together

    def best_row(self) -> dict | None:
        """The best epoch's row of the history, None before there is one."""
        return self.history[self.best_epoch - 1] if self.best_epoch else None
