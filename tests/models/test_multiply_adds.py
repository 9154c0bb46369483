"""The cost of an answer, counted without data."""

import torch

from cascada.models import Design, lenet
from cascada.models.multiply_adds import multiply_adds

LENET = {"channels": [6, 16], "hidden": [100, 50, 10]}
BY_HAND = 6 * 25 * 76**2 + 16 * 6 * 25 * 34**2 + 16 * 17**2 * 100 + 100 * 50 + 50 * 10 + 10 * 2


def of(**values) -> int:
    return multiply_adds(Design.of("lenet", LENET | values), 1, 2)


def test_lenet_as_counted_by_hand():
    assert of() == BY_HAND


def test_eight_views_cost_eight_times_as_much_and_the_training_does_not_count():
    assert of(evaluation="symmetric", learning_rate=0.5, batch_size=7) == 8 * BY_HAND


def test_random_numbers_are_left_as_they_were():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    of(hidden=[7, 7])
    assert torch.equal(torch.rand(1), expected)


def test_a_network_that_looks_at_its_values_is_counted_with_real_ones(monkeypatch):
    forward = lenet.Model.forward
    monkeypatch.setattr(lenet.Model, "forward", lambda self, images: forward(self, images + images.sum().item()))
    assert of(hidden=[]) == BY_HAND - 16 * 17**2 * 98 - 100 * 50 - 50 * 10 - 10 * 2
