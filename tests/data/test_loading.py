"""Loading: every tier yields every shower once, with its own label, in an order that the generator decides."""

import gc
import shutil

import h5py
import numpy as np
import pytest
import torch
from showers import small_dataset

from cascada.core.errors import CascadaError
from cascada.data import loading
from cascada.data.loading import Showers


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    train, _ = small_dataset(tmp_path_factory.mktemp("data"), showers=200)
    return train


def collect(showers, batch_size=16, seed=None, skip=0):
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    batches = [(images.numpy(), labels.numpy()) for images, labels in showers.batches(batch_size, generator, skip)]
    return np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches])


def fingerprints(images, labels):
    return sorted(zip(images.astype(np.float64).sum(axis=(1, 2, 3)).tolist(), labels.tolist(), strict=True))


@pytest.mark.parametrize("tier", ["device", "host", "stream"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_shower_once_with_its_label(data, tier, split, monkeypatch):
    monkeypatch.setattr(loading, "BLOCK", 32)
    expected = Showers(data, split, tier="host")
    images, labels = expected.images().numpy(), expected.labels.numpy()
    found = collect(Showers(data, split, tier=tier), seed=3)
    left_out = len(labels) - len(found[1])
    assert left_out in (0, 1)
    if not left_out:
        assert fingerprints(*found) == fingerprints(images, labels)
    assert not np.array_equal(found[1], labels[: len(found[1])])


@pytest.mark.parametrize("tier", ["device", "host", "stream"])
def test_without_a_generator_the_order_is_the_file_s(data, tier, monkeypatch):
    monkeypatch.setattr(loading, "BLOCK", 32)
    showers = Showers(data, "train", tier=tier)
    images, labels = collect(showers)
    assert np.array_equal(images, showers.images().numpy()) and np.array_equal(labels, showers.labels.numpy())


@pytest.mark.parametrize("tier", ["device", "host", "stream"])
def test_skipping_goes_on_in_the_same_order(data, tier, monkeypatch):
    monkeypatch.setattr(loading, "BLOCK", 32)
    showers = Showers(data, "train", tier=tier)
    whole, rest = collect(showers, seed=5), collect(showers, seed=5, skip=3)
    assert np.array_equal(whole[0][3 * 16 :], rest[0]) and np.array_equal(whole[1][3 * 16 :], rest[1])


def test_device_and_host_give_the_same_batches(data):
    one, other = (collect(Showers(data, "train", tier=tier), seed=1) for tier in ("device", "host"))
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_a_single_last_shower_is_left_out_while_shuffling(data):
    showers = Showers(data, "train", tier="host")
    batch_size = len(showers) - 1
    sizes = [len(labels) for _, labels in showers.batches(batch_size, torch.Generator())]
    assert sizes == [batch_size]
    assert [len(labels) for _, labels in showers.batches(batch_size)] == [batch_size, 1]


def test_an_unknown_tier_is_refused(data):
    with pytest.raises(CascadaError, match=r"'cloud' given, allowed are"):
        Showers(data, "train", tier="cloud")


def maps_of(path):
    with open("/proc/self/maps") as file:
        return sum(line.rstrip().endswith(str(path)) for line in file)


def test_the_splits_share_one_map_which_ends_with_them(data, tmp_path):
    """Twice mapped, each page would count twice in the process's resident memory."""
    path = tmp_path / "train.h5"
    shutil.copy(data, path)
    training, validation = (Showers(path, split, tier="host") for split in ("train", "validation"))
    assert maps_of(path) == 1
    kept = training.images().numpy()
    del training
    gc.collect()
    assert maps_of(path) == 1 and np.array_equal(collect(validation)[0], validation.images().numpy())
    del validation
    gc.collect()
    assert maps_of(path) == 0 and len(kept)


def test_a_file_that_was_replaced_is_mapped_anew(data, tmp_path):
    path = tmp_path / "train.h5"
    shutil.copy(data, path)
    before = Showers(path, "train", tier="host")
    old = collect(before)[0]
    shutil.copy(data, tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5", "r+") as file:
        file["images"][:] *= 2
    (tmp_path / "new.h5").replace(path)
    after = Showers(path, "train", tier="host")
    assert np.array_equal(collect(after)[0], 2 * old) and np.array_equal(collect(before)[0], old)
