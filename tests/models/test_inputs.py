"""Input transform against plain NumPy."""

import numpy as np
import pytest
import torch

from cascada.core.errors import ConfigError, DataError
from cascada.models.inputs import InputTransform, fit_transform


def energies(number=12, channels=2, seed=1):
    """Raw images [GeV]: half of the cells empty, the others over five decades."""
    generator = np.random.default_rng(seed)
    values = 10 ** generator.uniform(-3, 2, (number, channels, 80, 80)) * (generator.random((number, 1, 80, 80)) < 0.5)
    return torch.from_numpy(values.astype(np.float32))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("name", ["linear", "log1p"])
def test_transform(name, normalize):
    images = energies(300)  # more than one block of the statistics
    kept = images.clone()
    expected = images.double().numpy()
    if name == "log1p":
        expected = np.log1p(expected / 0.02)
    if normalize:
        expected = (expected - expected.mean((0, 2, 3), keepdims=True)) / expected.std((0, 2, 3), keepdims=True)
    result = fit_transform(images, name, 0.02, normalize)(images)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), expected, rtol=2e-5, atol=2e-6)
    assert torch.equal(images, kept), "the caller's images were changed"


def test_log1p_of_a_negative_energy_is_that_of_none():
    transform = InputTransform("log1p", 0.01, False, 1)
    assert transform(torch.full((1, 1, 80, 80), -5.0)).abs().max() == 0


def test_a_channel_without_spread_is_shifted_only():
    images = energies(4)
    images[:, 1] = 3.0
    result = fit_transform(images, "linear", 0.01, True)(images)
    assert torch.isfinite(result).all() and result[:, 1].abs().max() < 1e-6


def test_transform_refuses_what_it_cannot_use():
    with pytest.raises(ConfigError, match=r"'sqrt' given.*'log1p'"):
        InputTransform("sqrt", 0.01, True, 1)
    with pytest.raises(DataError, match="not finite"):
        fit_transform(torch.full((2, 1, 80, 80), torch.inf), "linear", 0.01, True)
    with pytest.raises(DataError, match="No training image"):
        fit_transform(torch.zeros(0, 1, 80, 80), "linear", 0.01, True)
