"""Predictors and a recipe for tests of the probes."""

import numpy as np

from cascada.baselines import features
from cascada.behaviour.probes import PROBES
from cascada.behaviour.settings import LIMITS, Settings
from cascada.behaviour.subject import Recipe, Subject

SETTINGS = Settings(bootstrap=50)


Y, X = np.mgrid[-158:162:4, -158:162:4]


def probabilities(logit):
    positive = 1 / (1 + np.exp(-np.asarray(logit, float)))
    return np.stack([1 - positive, positive], axis=1)


def concentration(images):
    """Share of the energy within 60 m of the core that lies within 20 m: protons of `images_of` are narrow."""
    image = images[:, 0].astype(float)
    distance = features.distances(features.core(image))
    near, far = ((image * (distance < reach)).sum(axis=(1, 2)) for reach in (20, 60))
    return near / np.maximum(far, 1e-9)


def well_behaved(images):
    """Depends on neither direction, position nor scale."""
    return probabilities(12 * (concentration(images) - 0.45))


def measure(probe, predict, showers, **changes):
    """Whether each quantity of a probe keeps its default threshold, by name."""
    images, events = showers
    subject = Subject(predict, changes.get("images", images), changes.get("events", events), SETTINGS)
    return {one.name: one.judged(LIMITS[one.name])["kept"] for one in PROBES[probe](subject)}


def told(probe, predict, showers):
    """Each quantity of a probe with its default threshold: for the message of a test that fails."""
    subject = Subject(predict, *showers, SETTINGS)
    return [f"{one.name} {one.value:.4g}, threshold {LIMITS[one.name].threshold:.4g}" for one in PROBES[probe](subject)]


ROBUST = [name for name in PROBES if name != "shuffled_labels"]


def recipe(data, **changes):
    hyperparameters = {"channels": [2, 3], "hidden": [10], "batch_size": 32, "learning_rate": 0.01}
    return Recipe(data=data, model="lenet", hyperparameters=hyperparameters, **changes)
