"""What probes and tests do to images."""

import numpy as np
import pytest
from showers import PROTON, images_of

from cascada.data import transformations


@pytest.mark.parametrize("name", transformations.SYMMETRIES)
def test_symmetries_move_and_keep(name):
    images = images_of(PROTON, 3, np.random.default_rng(5))
    kept = images.copy()
    moved = transformations.symmetry(images, name)
    assert not np.array_equal(moved, images) and np.array_equal(images, kept)
    np.testing.assert_array_equal(np.sort(moved, axis=None), np.sort(images, axis=None))


def test_shift_moves_the_core_and_loses_the_rim():
    image = np.zeros((1, 1, 80, 80), np.float32)
    image[0, 0, 40, 40], image[0, 0, 40, 79] = 5, 3
    for direction, place in {"+x": (40, 42), "-x": (40, 38), "+y": (42, 40), "-y": (38, 40)}.items():
        moved = transformations.shift(image, direction, 2)
        assert moved[0, 0][place] == 5
    assert transformations.shift(image, "+x", 2).sum() == 5  # nothing comes back on the other side


def test_degradations_contain_each_other():
    images = images_of(PROTON, 60, np.random.default_rng(5))
    few, many = (transformations.dead_cells(images, fraction, 1) == 0 for fraction in (0.1, 0.3))
    assert (few <= many).all() and many.sum() > few.sum()
    assert (few & (images > 0)).sum() / (images > 0).sum() == pytest.approx(0.1, abs=0.01)
    noisy = transformations.noise(np.full((2, 1, 80, 80), 5, np.float32), 0.1, 1)
    inside = np.broadcast_to(transformations.disc(), noisy.shape)
    assert noisy[inside].std() == pytest.approx(0.1, rel=0.05) and (noisy[~inside] == 5).all()
    assert set(np.unique(transformations.cell_threshold(np.float32([0.1, 0.2]), 0.15))) == {0, np.float32(0.2)}
