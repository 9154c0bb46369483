"""Baselines: features against plain loops, plain arrays against scikit-learn, and what a file gives back."""

import json

import numpy as np
import pytest
from showers import images_of, small_dataset

from cascada import baselines
from cascada.baselines import features
from cascada.baselines.trees import Trees
from cascada.core.errors import DataError
from cascada.data.format import IRON, PROTON, open_showers


def showers(number=6, seed=1):
    return images_of(PROTON, number, np.random.default_rng(seed))


def test_profile_and_moments_against_a_loop_over_cells():
    images = showers(3)
    moments, profile = features.both(images)
    position = features.core(images[:, 0].astype(float))
    for image, (x0, y0), found, rings in zip(images[:, 0].astype(float), position, moments, profile, strict=True):
        sums, total, weighted = np.zeros(len(features.RINGS) - 1), 0.0, np.zeros(len(features.POWERS))
        for row in range(80):
            for column in range(80):
                r = np.hypot(column * 4 - 158 - x0, row * 4 - 158 - y0)
                sums[np.flatnonzero(r >= features.RINGS)[-1]] += image[row, column]
                total += image[row, column]
                weighted += image[row, column] * r ** np.array(features.POWERS)
        np.testing.assert_allclose(rings, np.log10(sums + features.LEAST), rtol=1e-9)
        np.testing.assert_allclose(found, np.log10(np.r_[total, weighted / total] + features.LEAST), rtol=1e-9)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (33.0, -21.0), (-150.0, 100.0)])
def test_the_core_is_found(x, y):
    columns, rows = np.meshgrid(np.arange(-158, 162, 4), np.arange(-158, 162, 4))
    image = np.exp(-np.hypot(columns - x, rows - y) / 6)
    assert features.core(image[None])[0] == pytest.approx([x, y], abs=1.5)


def test_blank_images_have_finite_features():
    assert all(np.isfinite(part).all() for part in features.both(np.zeros((2, 2, 80, 80), np.float32)))


def test_every_channel_has_its_features():
    one, two = features.both(showers()), features.both(np.repeat(showers(), 2, axis=1))
    for single, double in zip(one, two, strict=True):
        np.testing.assert_array_equal(double, np.concatenate([single, single], axis=1))


@pytest.mark.parametrize("classes", [2, 3])
def test_trees_agree_with_scikit_learn(classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(classes)
    table = random.normal(0, 1, (300, 4))
    labels = np.digitize(table[:, 0] + table[:, 1] ** 2 + random.normal(0, 0.3, 300), np.arange(1, classes))
    model = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(table, labels)
    fresh = random.normal(0, 1, (200, 4))
    logits = Trees.from_scikit_learn(model).logits(fresh)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probability, model.predict_proba(fresh), rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_agrees_with_scikit_learn(classes):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(classes)
    table, labels = random.normal(3, 2, (200, 3)), random.integers(0, classes, 200)
    logits = baselines._fit_logistic(table, labels, classes, 1).logits(table)
    scaled = StandardScaler().fit_transform(table)
    expected = LogisticRegression(max_iter=2000).fit(scaled, labels).predict_proba(scaled)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), expected, rtol=1e-6)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    train, test = small_dataset(folder, showers=200)
    content = baselines.train_baselines(train, folder / "models.npz", folder / "metrics.json")
    return folder, train, test, content


def test_both_learn_and_are_read_back(trained):
    folder, train, _, content = trained
    assert json.loads((folder / "metrics.json").read_text())["baselines"].keys() == set(baselines.NAMES)
    with open_showers(train) as file:
        images, events = file["images"][:], file["events"][:]
    validation = events["split"] == 1
    found = baselines.Baselines(folder / "models.npz").logits(images[validation])
    for name in baselines.NAMES:
        assert content["baselines"][name]["validation"]["accuracy"] > 0.8, name
        right = (found[name].argmax(axis=1) == events["label"][validation]).mean()
        assert right == pytest.approx(content["baselines"][name]["validation"]["accuracy"])


def test_training_repeats(trained, tmp_path):
    folder, train, _, _ = trained
    baselines.train_baselines(train, tmp_path / "again.npz", tmp_path / "again.json")
    with np.load(folder / "models.npz") as one, np.load(tmp_path / "again.npz") as other:
        assert one.files == other.files
        assert all(np.array_equal(one[name], other[name]) for name in one.files)


def test_only_training_showers_are_learnt_from(trained, tmp_path):
    import h5py

    folder, train, _, _ = trained
    changed = tmp_path / "train.h5"
    changed.write_bytes(train.read_bytes())
    with h5py.File(changed, "r+") as file:
        for row in np.flatnonzero(file["events"]["split"] == 1):
            file["images"][row] = 7.0
    baselines.train_baselines(changed, tmp_path / "models.npz", tmp_path / "metrics.json")
    with np.load(folder / "models.npz") as one, np.load(tmp_path / "models.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one.files)


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "models.npz"
    with path.open("wb") as file:
        np.savez(file, **{"logistic_regression.weights": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(DataError, match="run the rule `train_baselines` again"):
        baselines.Baselines(path)


def test_both_classes_differ_in_the_profile():
    iron = features.both(images_of(IRON, 20, np.random.default_rng(2)))[1].mean(axis=0)
    assert np.abs(iron - features.both(showers(20))[1].mean(axis=0)).max() > 0.3
