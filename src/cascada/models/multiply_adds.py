"""What an answer costs: the multiplications, each with its addition, of a network's convolutions and linear layers.

A figure of the design, not of a machine: configurations are compared by it without timing anything. PyTorch counts what is called
(`torch.utils.flop_counter`, twice as many operations) on tensors without content.
"""

import dataclasses
import json
from functools import cache

import torch

from cascada.core.canonical import canonical
from cascada.experiment.hyperparameters import SYMMETRIC
from cascada.models import Design
from cascada.models.base import IMAGE_SIZE
from cascada.models.classifier import VIEWS


def multiply_adds(design: Design, channels: int, classes: int) -> int:
    """Return those of one shower's answer, all views of a symmetric evaluation included."""
    views = VIEWS if design.common.evaluation == SYMMETRIC else 1
    return views * _of_network(design.model, canonical(dataclasses.asdict(design.config)), channels, classes)


@cache
def _of_network(model: str, config: str, channels: int, classes: int) -> int:
    """Of one view; `config`: the family's own hyperparameters, as networks that differ in their training alone cost the same."""
    design = Design.of(model, json.loads(config))
    try:
        return _counted(design, channels, classes, "meta")
    except RuntimeError:  # a network that looks at its values
        return _counted(design, channels, classes, "cpu")


def _counted(design: Design, channels: int, classes: int, device: str) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
        network = design.build(channels, classes).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, channels, IMAGE_SIZE, IMAGE_SIZE))
    return counter.get_total_flops() // 2
