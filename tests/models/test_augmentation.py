"""Augmentation against plain NumPy, image by image."""

import numpy as np
import pytest
import torch

from cascada.errors import ConfigError
from cascada.hyperparameters import AUGMENTATIONS
from cascada.models.augmentation import augment, move

KINDS = [*AUGMENTATIONS, "+".join(AUGMENTATIONS)]


def energies(number=12, channels=2, seed=1):
    """Raw images [GeV]: half of the cells empty, the others over five decades."""
    generator = np.random.default_rng(seed)
    values = 10 ** generator.uniform(-3, 2, (number, channels, 80, 80)) * (generator.random((number, 1, 80, 80)) < 0.5)
    return torch.from_numpy(values.astype(np.float32))


def moved(image, symmetry, down, right):
    """One image (C, S, S) by plain NumPy."""
    if symmetry & 4:
        image = image.swapaxes(1, 2)
    if symmetry & 2:
        image = image[:, ::-1]
    if symmetry & 1:
        image = image[:, :, ::-1]
    size = image.shape[-1]
    framed = np.pad(image, ((0, 0), (2, 2), (2, 2)))
    return framed[:, 2 - down : 2 - down + size, 2 - right : 2 - right + size]


def test_every_symmetry_with_every_shift():
    symmetry, down, right = (torch.from_numpy(part.ravel()) for part in np.mgrid[0:8, -2:3, -2:3])
    images = energies(len(symmetry))
    result = move(images, symmetry, torch.stack([down, right])).numpy()
    choices = zip(images.numpy(), symmetry.tolist(), down.tolist(), right.tolist(), strict=True)
    np.testing.assert_array_equal(result, np.stack([moved(*choice) for choice in choices]))
    # the eight are all different, and each keeps the cells' energies
    assert len({part.tobytes() for part in move(images[:1].expand(8, -1, -1, -1), torch.arange(8),
                                                torch.zeros(2, 8, dtype=torch.int64)).numpy()}) == 8  # fmt: skip


@pytest.mark.parametrize("kind", ["symmetries", "symmetries+shifts"])
def test_augment_draws_for_each_image(kind):
    one = energies(1)
    images = one.expand(400, -1, -1, -1)
    result = augment(images, kind, 5)
    variants, counts = np.unique([part.tobytes() for part in result.numpy()], return_counts=True)
    if kind == "symmetries":
        assert len(variants) == 8 and counts.min() > 25 and counts.max() < 80  # 50 ± 6.6 expected
        np.testing.assert_allclose(result.double().sum((1, 2, 3)), one.double().sum())
    else:
        assert 150 < len(variants) <= 200
        kept = result.sum((1, 2, 3)) / one.sum()
        assert kept.max() <= 1.0001 and kept.min() > (78 / 80) ** 2 - 0.02


def test_augment_scales_all_energies_by_one_factor():
    one = energies(1)
    images = one.expand(400, -1, -1, -1)
    moved, scaled = (augment(images, kind, 5) for kind in ("symmetries+shifts", "symmetries+shifts+scale"))
    factors = (scaled.double().sum((1, 2, 3)) / moved.double().sum((1, 2, 3))).numpy()
    np.testing.assert_allclose(scaled.numpy(), moved.numpy() * factors[:, None, None, None], rtol=1e-5)
    assert 0.8 <= factors.min() < 0.82 and 1.22 < factors.max() <= 1.25
    assert abs(np.log(factors).mean()) < 4 * np.log(1.25) / np.sqrt(3 * 400)


@pytest.mark.parametrize("kind", ["none", *KINDS])
def test_augment_repeats_with_the_seed(kind):
    images = energies(32, 1)
    kept = images.clone()
    first, again, other = (augment(images, kind, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again) and first.dtype == torch.float32 and first.is_contiguous()
    assert torch.equal(first, other) == (kind == "none")
    assert torch.equal(images, kept)


def test_augment_names_the_kinds():
    with pytest.raises(ConfigError, match=r"'flips' given.*'symmetries'"):
        augment(energies(2), "flips", 1)
