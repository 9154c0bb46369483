"""Numbers of an image that are watched: right for images whose numbers are known."""

import numpy as np
import pytest

from cascada.data.quantities import QUANTITIES, quantities


def image(*cells):
    made = np.zeros((1, 1, 80, 80), np.float32)
    for row, column, energy in cells:
        made[0, 0, row, column] = energy
    return made


def test_two_cells_lie_half_their_distance_from_their_centroid():
    found = quantities(image((40, 30, 5.0), (40, 40, 5.0)))
    assert set(found) == set(QUANTITIES)
    assert found["radius"][0] == pytest.approx(20.0)  # ten cells of 4 m apart
    assert found["total_energy"][0] == pytest.approx(np.log10(10.01))
    assert found["occupancy"][0] == pytest.approx(2 / 5024, rel=0.01)


def test_a_shifted_shower_has_the_same_numbers_and_a_blank_one_has_none():
    one, other = (quantities(image((row, 20, 3.0), (row + 7, 25, 1.0))) for row in (10, 50))
    assert all(one[name] == pytest.approx(other[name], rel=1e-5) for name in QUANTITIES)
    assert quantities(image())["radius"][0] == 0.0
