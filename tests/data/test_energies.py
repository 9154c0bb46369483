"""What an image may hold."""

import numpy as np
import pytest

from cascada.data.energies import LARGEST, are_energies, first_wrong


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
    assert first_wrong(images) == (None if allowed else (1, first_wrong(images)[1]))


def test_what_is_wrong_with_an_image_is_said():
    images = np.ones((4, 1, 80, 80), np.float32)
    images[3, 0, 0, 0] = 1e38
    assert first_wrong(images) == (3, "above 3e+12")
    images[2, 0, 79, 79] = -1
    assert first_wrong(images) == (2, "negative")
    images[3, 0, 1, 1] = np.nan
    assert first_wrong(images) == (3, "not finite")
