import numpy as np
import pytest

from cascada.data import atmosphere


def test_depth_of_the_site():
    assert float(atmosphere.depth(5200.0)) == pytest.approx(538.37, abs=0.1)


def test_depth_at_sea_level_and_at_the_top():
    assert float(atmosphere.depth(0.0)) == pytest.approx(1036.1, abs=0.1)  # g/cm², US standard atmosphere
    assert float(atmosphere.depth(atmosphere.TOP / 100)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("edge", [4e3, 10e3, 40e3, 100e3])
def test_layers_join(edge):
    below, above = atmosphere.depth(np.array([edge - 1e-3, edge + 1e-3]))
    assert below == pytest.approx(above, rel=1e-3)


def test_height_is_the_inverse_of_depth():
    heights = np.array([0.0, 1500, 3999, 4001, 5200, 9999, 10001, 25e3, 39e3, 41e3, 80e3, 99e3])
    np.testing.assert_allclose(atmosphere.height(atmosphere.depth(heights)), heights, rtol=1e-6, atol=1e-3)


def test_height_falls_with_depth_and_ends_at_the_top():
    heights = atmosphere.height(np.geomspace(1e-9, 1030, 500))
    assert (np.diff(heights) <= 0).all()
    assert heights[0] <= atmosphere.TOP / 100
