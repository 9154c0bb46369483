"""A short training on shuffled labels must not tell the shuffled labels of validation showers: else they leak.

Each shower is dealt one label, in whichever split its images stand, so that a shower in both is found by heart. The validation
labels must be shuffled too. Against the true ones, the AUC of a network trained on chance labels is not 0.5 ± statistics: the
network is some function of the image, and most of those follow the total energy, which alone reaches an AUC of 0.72. Six trainings
gave 0.43 to 0.66 against the true labels and 0.49 to 0.53 against shuffled ones.
"""

import math
import statistics
from collections.abc import Iterator

import numpy as np

from cascada.behaviour.subject import Measurement, Recipe, Subject

PRECISION = 0.01  # of the AUC with shuffled labels, by repetition
MOST_REPETITIONS = 8
LIMITS = {
    "shuffled_labels_auc_offset": (
        0.03,
        "gate",
        "Distance from 0.5 of the ROC AUC after trainings on shuffled labels.",
    ),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    if subject.recipe is None:
        return
    sigma = deviation_by_chance(subject.events)
    if not math.isfinite(sigma):
        return
    repetitions = min(MOST_REPETITIONS, math.ceil((sigma / PRECISION) ** 2))
    areas = [area_of_shuffled(subject.recipe, subject.settings.showers, seed) for seed in range(repetitions)]
    offset = abs(statistics.fmean(areas) - 0.5)
    z = statistics.NormalDist().inv_cdf(0.5 + subject.settings.confidence / 2)
    half = z * sigma / math.sqrt(repetitions)
    rows = [
        {"at": seed, "value": area, "low": area - z * sigma, "high": area + z * sigma}
        for seed, area in enumerate(areas)
    ]
    yield Measurement(
        name="shuffled_labels_auc_offset", value=offset, low=max(0.0, offset - half), high=offset + half, details=rows,
        meaning=f"distance from 0.5 of the mean ROC AUC of {repetitions} short training(s) on shuffled labels",
    )  # fmt: skip


def deviation_by_chance(events: np.ndarray) -> float:
    """Standard deviation of an AUC that knows nothing: the rank sum test's (Mann and Whitney, 1947); infinite for one class alone.

    It counts showers, not images: those of one shower are dealt one label. With more than two classes the AUC is the mean
    over the classes, each against the rest, whose deviation is at most the mean of the classes' own, however they depend on
    each other.
    """
    labels = np.unique(events["label"])
    against_rest = labels[-1:] if len(labels) == 2 else labels
    return statistics.fmean(_rank_sum(events, events["label"] == label) for label in against_rest)


def _rank_sum(events: np.ndarray, signal: np.ndarray) -> float:
    one, other = (len(np.unique(events["shower_id"][mine])) for mine in (signal, ~signal))
    return math.sqrt((one + other + 1) / 12 / one / other) if one and other else math.inf


def area_of_shuffled(recipe: Recipe, validated: int, seed: int) -> float:
    """ROC AUC after a training on shuffled labels, on the shuffled labels of at most `validated` showers."""
    from cascada.training.settings import Machine, Trial
    from cascada.training.trial import Trainer

    trial = Trial.of(
        configuration="shuffled-labels", model=recipe.model, hyperparameters=recipe.hyperparameters,
        settings={"precision": "float32"}, seed=seed, epochs=recipe.epochs,
        data=recipe.data, folder=recipe.data.parent, tensorboard=recipe.data.parent,
    )  # fmt: skip
    trainer = Trainer(trial, Machine(device=recipe.device, threads=recipe.threads))
    splits = {trainer.training: recipe.showers, trainer.validation: validated}
    for showers, most in splits.items():
        showers.thin(most)
    dealt = deal([showers.events for showers in splits], seed)
    for showers, labels in zip(splits, dealt, strict=True):
        showers.relabel(labels)
    for epoch in range(1, recipe.epochs + 1):
        trainer.state.epoch, trainer.state.batch = epoch, 0
        trainer.epoch(False, lambda state: None)
    return trainer.validate()["roc_auc"]


def deal(events: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Shuffle the labels of showers: images of one shower, in whichever array, get one label. Pure."""
    together = np.concatenate(events)
    _, first, which = np.unique(together["shower_id"], return_index=True, return_inverse=True)
    labels = np.random.default_rng(seed).permutation(together["label"][first].astype(np.int64))[which]
    return np.split(labels, np.cumsum([len(part) for part in events])[:-1])
