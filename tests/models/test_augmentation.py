"""Augmentation against plain NumPy, image by image."""

import numpy as np
import pytest
import torch

from cascada.core.errors import ConfigError
from cascada.data.array import disc
from cascada.experiment.hyperparameters import AUGMENTATIONS
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


@pytest.mark.parametrize(("part", "maximum"), [("scale", 1.25), ("wide_scale", 1.5)])
def test_augment_scales_all_energies_by_one_factor(part, maximum):
    one = energies(1)
    images = one.expand(400, -1, -1, -1)
    moved, scaled = (augment(images, kind, 5) for kind in ("symmetries+shifts", f"symmetries+shifts+{part}"))
    factors = (scaled.double().sum((1, 2, 3)) / moved.double().sum((1, 2, 3))).numpy()
    np.testing.assert_allclose(scaled.numpy(), moved.numpy() * factors[:, None, None, None], rtol=1e-5)
    np.testing.assert_allclose([factors.min(), factors.max()], [1 / maximum, maximum], rtol=0.02)
    assert factors.min() >= 1 / maximum * 0.9999 and factors.max() <= maximum * 1.0001
    assert abs(np.log(factors).mean()) < 4 * np.log(maximum) / np.sqrt(3 * 400)


@pytest.mark.parametrize("kind", ["none", *KINDS])
def test_augment_repeats_with_the_seed(kind):
    images = energies(32, 1)
    kept = images.clone()
    first, again, other = (augment(images, kind, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again) and first.dtype == torch.float32 and first.is_contiguous()
    assert torch.equal(first, other) == (kind == "none")
    assert torch.equal(images, kept)


def changed(kind, channels=1, number=400, energies_=None):
    """Images of 1 GeV in each cell after an augmentation: (n, C, 80, 80)."""
    return augment(torch.ones(number, channels, 80, 80), kind, 5, energies_).numpy()


def test_up_to_12_per_cent_of_the_cells_die_in_70_per_cent_of_the_images():
    result = changed("dead_cells", channels=2)
    assert np.isin(result, [0, 1]).all() and (result[:, 0] == result[:, 1]).all()  # a cell is dead in all channels
    share = 1 - result[:, 0].mean((1, 2))
    touched = share[share > 0]
    assert abs(len(touched) / 400 - 0.7) < 4 * (0.7 * 0.3 / 400) ** 0.5
    assert 0.11 < touched.max() < 0.13 and abs(touched.mean() - 0.06) < 4 * 0.12 / (12 * len(touched)) ** 0.5
    dead = (result[:, 0] == 0).mean(0)
    assert dead.max() < 0.042 + 6 * (0.042 / 400) ** 0.5, "some cells die more often than others"


def test_noise_up_to_12_mev_in_70_per_cent_of_the_images():
    result = changed("noise", channels=2, energies_=torch.tensor([True, False]))
    assert (result[:, 1] == 1).all(), "a count of muons has no noise in GeV"
    assert (result[:, 0][:, ~disc()] == 1).all(), "noise beyond the array"
    spread = result[:, 0][:, disc()].std(axis=1)
    touched = spread[spread > 0]
    assert abs(len(touched) / 400 - 0.7) < 4 * (0.7 * 0.3 / 400) ** 0.5
    assert 0.0115 < touched.max() < 0.0125 and abs(touched.mean() - 0.006) < 4 * 0.012 / (12 * len(touched)) ** 0.5
    assert augment(torch.zeros(20, 1, 80, 80), "noise", 5).min() == 0


@pytest.mark.parametrize("part", ["dead_cells", "noise", "wide_scale"])
def test_a_later_part_leaves_the_others_their_bits(part):
    images = energies(32)
    old = augment(images, "symmetries+shifts+scale", 5)
    new = augment(images, f"symmetries+shifts+scale+{part}", 5)
    both = augment(images, "symmetries+shifts+scale+dead_cells+noise", 5)
    alone = augment(old, part, 5)
    every = augment(images, "+".join(AUGMENTATIONS), 5)
    assert torch.equal(new, alone) and not torch.equal(new, old)
    assert torch.equal(both, augment(augment(old, "noise", 5), "dead_cells", 5))
    for next_part in ("wide_scale", "noise", "dead_cells"):
        old = augment(old, next_part, 5)
    assert torch.equal(every, old)


def test_augment_names_the_kinds():
    with pytest.raises(ConfigError, match=r"'flips' given.*'symmetries'"):
        augment(energies(2), "flips", 1)
