"""A physicist's variables: known lateral distributions are measured, and a class that differs in the slope alone is found."""

import numpy as np
import pytest

from cascada import baselines
from cascada.baselines import variables
from cascada.data.format import Header, SourceRow, create, new_events, open_showers

COLUMNS, ROWS = np.meshgrid(np.arange(-158, 162, 4.0), np.arange(-158, 162, 4.0))
DISC = np.hypot(COLUMNS, ROWS) <= 160


def power_laws(slopes, random, energy=1000.0, reach=20.0):
    """Images (N, 1, 80, 80) with ρ ∝ r^slope around random cores, of the same energy at ground; cells fluctuate by 10 %."""
    core = random.uniform(-reach, reach, (2, len(slopes), 1, 1))
    distance = np.maximum(np.hypot(COLUMNS - core[0], ROWS - core[1]), 2)
    image = distance ** np.asarray(slopes)[:, None, None] * random.lognormal(0, 0.1, distance.shape) * DISC
    return (image * energy / image.sum(axis=(1, 2), keepdims=True))[:, None].astype(np.float32)


def measured(images, channels=("energy",)):
    return dict(zip(variables.names(channels), variables.variables(images, channels).T, strict=True))


@pytest.mark.parametrize("slope", [-1.5, -2.2, -3.0])
def test_slope_and_density_are_those_that_were_put_in(slope):
    images = power_laws([slope] * 20, np.random.default_rng(1))
    found = measured(images)
    assert found["slope"] == pytest.approx(slope, abs=0.08)
    # E = ∫ρ 2πr dr up to the rim, all cells at least 2 m from the core: compare with the cells themselves
    core = variables.core(images[:, 0].astype(float))
    for image, (x, y), density in zip(images[:, 0], core, found["density_50m"], strict=True):
        ring = np.abs(np.hypot(COLUMNS - x, ROWS - y) - 50) < 3
        assert density == pytest.approx(np.log10(image[ring & DISC].mean() / 16), abs=0.04)
    np.testing.assert_allclose(found["size"], 3, atol=1e-4)


def test_a_sub_core_does_not_move_the_slope():
    images = power_laws([-2.2] * 20, np.random.default_rng(2), reach=2)
    before = measured(images)
    near = np.hypot(COLUMNS - 70, ROWS) < 8
    images[:, 0, near] += 20 * images[:, 0, near].max()
    after = measured(images)
    assert after["slope"] == pytest.approx(before["slope"], abs=0.15)
    assert (after["clumpiness"] - before["clumpiness"] > 0.3).all()
    assert (before["compactness"] > after["compactness"] + 0.5).all()  # the sub-core is the brightest cell beyond 40 m


def test_robust_lines_are_scipys():
    from scipy.stats import theilslopes

    random = np.random.default_rng(3)
    x, y = np.sort(random.normal(0, 1, 11)), random.normal(0, 1, (30, 11))
    slope, value = variables.theil_sen(x, y)
    for one, s, v in zip(y, slope, value, strict=True):
        expected = theilslopes(one, x, method="joint")
        assert (s, v) == pytest.approx((expected.slope, expected.intercept))
    y[0, 2:] = np.nan
    assert variables.theil_sen(x, y)[0][0] == pytest.approx((y[0, 1] - y[0, 0]) / (x[1] - x[0]))


def test_shares_counts_and_fluctuations_against_loops():
    image = power_laws([-2.0], np.random.default_rng(4))[0, 0].astype(float)
    found = {name: values[0] for name, values in measured(image[None, None]).items()}
    x, y = variables.core(image[None])[0]
    distance = np.hypot(COLUMNS - x, ROWS - y)
    assert found["concentration"] == pytest.approx(image[distance < 12].sum() / image.sum())
    assert found["halo"] == pytest.approx(np.log10(image[distance > 80].sum() / image.sum()))
    assert found["hit_cells"] == pytest.approx(np.log10(1 + (image > 0.01).sum()))
    brightest = image[distance > 40].max()
    assert found["compactness"] == pytest.approx(np.log10((1 + (image > 0.01).sum()) / brightest))
    logs = []
    for low, high in zip(variables.EDGES[:-1], variables.EDGES[1:], strict=True):
        if low >= 36 and high <= 114:
            cells = image[(distance >= low) & (distance < high) & DISC]
            pairs = sum((cells[:i] - cell) ** 2 @ np.ones(i) for i, cell in enumerate(cells))
            logs.append(np.log10(2 / (len(cells) * (len(cells) - 1)) / cells.mean() * pairs))
    assert found["clumpiness"] == pytest.approx(np.mean(logs))
    density = [image[(distance >= a) & (distance < b) & DISC].mean() for a, b in ((16, 30), (66, 96))]
    assert found["steepness"] == pytest.approx(np.log10(density[0] / density[1]))


def test_muons_count_where_the_channel_is():
    images = np.repeat(power_laws([-2.0] * 3, np.random.default_rng(5), reach=0), 2, axis=1)
    images[:, 1] = 0
    images[:, 1, 40, 40], images[:, 1, 0, 40] = 4, 5
    found = measured(images, ["energy", "muons"])
    np.testing.assert_allclose(found["muons"], 1)
    np.testing.assert_allclose(found["muons_far"], np.log10(6))
    swapped = measured(images[:, ::-1], ["muons", "energy"])
    assert all(np.array_equal(found[name], swapped[name]) for name in found)


@pytest.mark.parametrize("images", [np.zeros((2, 2, 80, 80), "f4"), np.eye(80, dtype="f4")[None, None].repeat(2, 1)])
def test_blank_and_odd_images_have_finite_variables(images):
    assert np.isfinite(variables.variables(images, ["energy", "muons"])).all()
    one_cell = np.zeros_like(images)
    one_cell[..., 3, 70] = 7
    assert np.isfinite(variables.variables(one_cell, ["energy", "muons"])).all()


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The classes differ in the slope of the lateral distribution alone: −2.05 and −2.35, each ± 0.08."""
    folder, number = tmp_path_factory.mktemp("slopes"), 400
    random, events = np.random.default_rng(6), new_events(400)
    events["label"], events["split"] = np.arange(number) % 2, np.arange(number) // 2 % 2
    slopes = np.where(events["label"] == 1, -2.05, -2.35) + random.normal(0, 0.08, number)
    with create(folder / "train.h5", Header(classes=("steep", "flat"))) as writer:
        writer.append(power_laws(slopes, random), events)
        writer.write_sources([SourceRow(file="toy", sha256="", kind="surrogate", events=number)])
    return folder, slopes, baselines.train_baselines(folder / "train.h5", folder / "m.npz", folder / "m.json")


def test_a_class_that_differs_in_the_slope_alone_is_found(toy):
    folder, slopes, content = toy
    with open_showers(folder / "train.h5") as file:
        images = file["images"][:]
    found = measured(images)["slope"]
    assert np.corrcoef(found, slopes)[0, 1] > 0.95
    assert content["baselines"][baselines.PHYSICS]["validation"]["roc_auc"] > 0.95
    answers = baselines.Baselines(folder / "m.npz").logits(images)[baselines.PHYSICS]
    flat = answers[:, 1] > answers[:, 0]
    assert found[flat].mean() - found[~flat].mean() > 0.25


def test_a_class_that_differs_in_its_muons_alone_is_found(tmp_path):
    number = 200
    random, events = np.random.default_rng(7), new_events(200)
    events["label"], events["split"] = np.arange(number) % 2, np.arange(number) // 2 % 2
    images = np.repeat(power_laws([-2.2] * number, random), 2, axis=1)
    muons = random.poisson(np.where(events["label"] == 1, 0.01, 0.02)[:, None, None], (number, 80, 80)) * DISC
    images[:, 0] = muons
    header = Header(classes=("proton", "iron"), channels=("muons", "energy"))
    with create(tmp_path / "train.h5", header) as writer:
        writer.append(images, events)
        writer.write_sources([SourceRow(file="toy", sha256="", kind="surrogate", events=number)])
    baselines.train_baselines(tmp_path / "train.h5", tmp_path / "m.npz", tmp_path / "m.json")
    found = baselines.Baselines(tmp_path / "m.npz")
    assert found.channels == ["muons", "energy"]
    logits, validation = found.logits(images)[baselines.PHYSICS], events["split"] == 1
    right = logits.argmax(axis=1) == events["label"]
    assert right[validation].mean() > 0.9
