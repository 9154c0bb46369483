import numpy as np
import pytest

from cascada.data.format import CHANNELS
from cascada.data.particles import ELECTROMAGNETIC, HADRON, MUON, OTHER
from cascada.data.projection import Projection, cells, random_cores


def particles(number, seed=1):
    random = np.random.default_rng(seed)
    x, y = random.normal(0, 100, (2, number)).astype(np.float32)
    energy, weight = random.exponential(1, (2, number)).astype(np.float32)
    return x, y, energy, random.choice([ELECTROMAGNETIC, MUON, HADRON, OTHER], number).astype(np.uint8), weight


def histogram(x, y, weights):
    inside = np.hypot(x, y) <= 160
    counts, *_ = np.histogram2d(y[inside], x[inside], 80, [[-160, 160]] * 2, weights=weights[inside])
    return counts


@pytest.mark.parametrize("weighted", [False, True])
def test_channels_agree_with_two_dimensional_histograms(weighted):
    x, y, energy, group, weight = particles(20_000)
    projection = Projection(CHANNELS, np.array([[0.0, 0.0], [37.5, -21.25]]))
    for half in (slice(0, 9000), slice(9000, None)):  # in two calls
        projection.add(x[half], y[half], energy[half], group[half], weight[half] if weighted else None)

    weight = weight.astype(float) if weighted else np.ones(20_000)
    for core, image, muons in zip([(0, 0), (37.5, -21.25)], projection.images, projection.muons, strict=True):
        at = (x + np.float32(core[0]), y + np.float32(core[1]))
        expected = [
            histogram(*at, weight * energy),
            histogram(*at, weight * energy * (group == ELECTROMAGNETIC)),
            histogram(*at, weight * energy * (group == MUON)),
            histogram(*at, weight * energy * (group == HADRON)),
            histogram(*at, weight * (group == MUON)),
        ]
        np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-6)
        assert muons == pytest.approx(expected[4].sum(), rel=1e-6)


def test_the_square_s_edges_belong_to_the_outermost_cells():
    x, y = np.array([[-160, 160, 0, 0, 3.99], [0, 0, -160, 160, 4.0]], np.float32)
    assert cells(x, y).tolist() == [40 * 80, 40 * 80 + 79, 40, 79 * 80 + 40, 41 * 80 + 40]


def test_random_cores_are_uniform_in_the_disc_and_depend_on_the_seed_alone():
    cores = random_cores(20_000, 30.0, [1, 2, 3])
    radius = np.hypot(*cores.T)
    assert radius.max() <= 30
    # uniform in area: the fraction within r is (r / 30)²
    np.testing.assert_allclose(
        [(radius < r).mean() for r in (10, 20, 25)], [(r / 30) ** 2 for r in (10, 20, 25)], atol=0.012
    )
    assert np.abs(cores.mean(axis=0)).max() < 0.5
    np.testing.assert_array_equal(cores, random_cores(20_000, 30.0, [1, 2, 3]))
    assert not np.array_equal(cores, random_cores(20_000, 30.0, [1, 2, 4]))
    assert random_cores(2, 0.0, [1]).tolist() == [[0, 0], [0, 0]]
