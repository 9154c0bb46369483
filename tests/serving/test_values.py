"""What an image may hold."""

import numpy as np
import pytest

from cascada.serving.values import LARGEST, are_energies


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (0.0, True),
        (-0.0, True),
        (1e-45, True),
        (LARGEST, True),
        (np.nextafter(np.float32(LARGEST), np.float32(np.inf)), False),
        (-1e-45, False),
        (-5.0, False),
        (np.inf, False),
        (-np.inf, False),
        (np.nan, False),
        (-np.nan, False),
    ],
)
def test_energies_are_finite_not_negative_and_not_too_large(value, allowed):
    images = np.ones((3, 1, 80, 80), np.float32)
    images[1, 0, 2, 3] = value
    assert are_energies(images) is allowed
    images[2, 0, 0, 0] = -0.0
    assert are_energies(images) is allowed
