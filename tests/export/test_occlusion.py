"""Maps of what a network looked at: they peak where a network that is known to look there looks."""

import numpy as np
import pytest
import torch
from exports import classifier, energies

from cascada.export.occlusion import PATCH, occlusion


def looks_at(row, column, size=6, sign=1.0):
    """A network whose log-odds of the second class are the energy in one square of the image, less 1 GeV."""

    def ask(images):
        seen = sign * (images[:, 0, row : row + size, column : column + size].sum(axis=(1, 2)) - 1)
        return np.stack([-seen / 2, seen / 2], axis=1)

    return ask


def bright(seed=1):
    return np.random.default_rng(seed).exponential(1, (1, 80, 80)).astype(np.float32)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (37, 12), (60, 74)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_map_peaks_at_the_only_patch_that_counts(row, column, sign):
    """For either answer: the drop is that of the class that the network names."""
    found = occlusion(looks_at(row, column, sign=sign), bright())
    assert found.shape == (80, 80)
    top = np.unravel_index(found.argmax(), found.shape)
    assert row - PATCH < top[0] < row + 6 + PATCH and column - PATCH < top[1] < column + 6 + PATCH
    inside = found[row : row + 6, column : column + 6]
    assert inside.min() > 0
    away = np.ones_like(found, bool)
    away[max(0, row - PATCH) : row + 6 + PATCH, max(0, column - PATCH) : column + 6 + PATCH] = False
    np.testing.assert_array_equal(found[away], 0)


def test_the_drop_is_that_of_the_log_odds():
    """Patches that do not overlap: each cell shows the energy that its patch takes from the log-odds."""
    image = bright(2)
    found = occlusion(looks_at(0, 0, 80), image, patch=20, stride=20)
    expected = image[0].reshape(4, 20, 4, 20).sum(axis=(1, 3))
    np.testing.assert_allclose(found[10::20, 10::20], expected, rtol=1e-4)
    for batch in (1, 7):
        np.testing.assert_allclose(
            occlusion(looks_at(0, 0, 80), image, patch=20, stride=20, batch=batch), found, rtol=1e-5
        )


def test_what_speaks_against_the_answer_is_negative():
    image = bright(3)

    def ask(images):
        for_, against = images[:, 0, :40].sum(axis=(1, 2)), images[:, 0, 40:].sum(axis=(1, 2))
        return np.stack([0 * for_, for_ - 0.5 * against], axis=1)

    found = occlusion(ask, image)
    assert (found[:32] > 0).all() and (found[48:] < 0).all()


def test_empty_patches_are_not_asked_about():
    image, asked = np.zeros((1, 80, 80), np.float32), []
    image[0, 2, 2] = 5
    found = occlusion(lambda images: asked.append(len(images)) or looks_at(0, 0)(images), image)
    assert asked == [1, 1] and found[2, 2] > 0  # the whole image, and the only patch that holds the cell
    asked.clear()
    level = occlusion(lambda images: asked.append(len(images)) or looks_at(0, 0)(images), image, background=image)
    assert asked == [1] and not level.any()


def test_every_cell_is_covered_whatever_the_stride():
    found = occlusion(looks_at(0, 0, 80), bright(4), patch=9, stride=7)
    assert (found > 0).all()


def test_a_trained_kind_of_network_answers():
    network, image = classifier("lenet"), energies(1)[0].numpy()
    torch.nn.init.normal_(network.network.head[-1].weight, std=0.5)

    def ask(images):
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    found = occlusion(ask, image)
    assert np.isfinite(found).all() and np.abs(found).max() > 0
    np.testing.assert_array_equal(found, occlusion(ask, image))
