"""Showers of both classes, and a small data set."""

import numpy as np
import pytest
from showers import CLASSES, images_of, small_dataset

from cascada.data.format import new_events


@pytest.fixture(scope="module")
def showers():
    """Images (120, 1, 80, 80) and events of both classes, brighter for more energy."""
    random = np.random.default_rng(5)
    images = np.concatenate([images_of(primary, 60, random) for primary in CLASSES.values()])
    events = new_events(120)
    events["label"] = np.repeat([0, 1], 60)
    events["true_energy"] = np.exp(random.uniform(8, 11, 120))
    events["core_x"], events["core_y"] = random.uniform(-20, 20, (2, 120))
    # the same energy at ground in both classes: it tells nothing
    images *= (random.lognormal(5, 0.5, 120) / images.sum(axis=(1, 2, 3)))[:, None, None, None].astype(np.float32)
    return images, events


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("data"), showers=200)[0]
