"""Probes of the data and of the training: what must not tell the label, and labels that nothing can tell."""

import math
import statistics
from collections.abc import Iterator

import numpy as np

from cascada.behaviour.subject import Measurement, Recipe, Subject, plain
from cascada.data.checks import pairs
from cascada.statistics import bootstrap
from cascada.statistics.metrics import auc

PRECISION = 0.01  # of the AUC with shuffled labels, by repetition
MOST_REPETITIONS = 8


def total_energy(subject: Subject) -> Iterator[Measurement]:
    """A number that any threshold can cut on: with it alone, the classes must stay mixed."""
    yield Measurement(
        name="total_energy_auc",
        **_separation(subject, subject.images[:, 0].sum(axis=(1, 2)), "ROC AUC of the total energy alone (0.5 to 1)"),
    )  # fmt: skip


def core_offset(subject: Subject) -> Iterator[Measurement]:
    """Where the core falls must say nothing about the primary, or a network learns the simulation's geometry."""
    offset = np.hypot(subject.events["core_x"], subject.events["core_y"])
    if np.isfinite(offset).any():
        yield Measurement(
            name="core_offset_auc",
            **_separation(subject, offset, "ROC AUC of the core's distance from the centre alone (0.5 to 1)"),
        )  # fmt: skip


def _separation(subject: Subject, values: np.ndarray, meaning: str) -> dict:
    """AUC of one variable, folded to at least 0.5, of the two classes that it separates best; `details`: of every two.

    Pooled, classes hide from each other: what tells iron from helium tells neither from the two together. The interval is
    that of the largest of the pairs.
    """
    known = np.isfinite(values)
    values, labels = values[known], subject.labels[known]
    areas = {" and ".join(map(subject.name_of, pair)): _pair(values, labels, pair) for pair in pairs(labels)}
    if not areas:
        return dict.fromkeys(("value", "low", "high"), math.nan) | {"meaning": meaning}
    worst = {"": lambda weights: np.max([area(weights) for area in areas.values()], axis=0)}
    found = {name: plain(one) for name, one in subject.intervals(worst | areas, known).items()}
    rows: list[dict] = [{"at": name, **found[name]} for name in areas]
    if len(rows) < 2:
        return found[""] | {"meaning": meaning}
    best = max(rows, key=lambda row: row["value"])["at"]
    return found[""] | {"details": rows, "meaning": f"{meaning}, of {best}, the two classes that it separates best"}


def _pair(values: np.ndarray, labels: np.ndarray, pair: tuple[int, int]) -> bootstrap.Statistic:
    """AUC of values (N,) for the showers of two classes, in the direction in which it is at least 0.5."""
    rows = np.flatnonzero(np.isin(labels, pair))
    values, positive = values[rows], labels[rows] == pair[1]
    sign = 1 if not auc(values, positive) < 0.5 else -1
    area = bootstrap.auc(sign * values, positive)
    return lambda weights: area(np.take(weights, rows, axis=1))


def shuffled_labels(subject: Subject) -> Iterator[Measurement]:
    """A short training on shuffled labels must not tell the shuffled labels of validation showers: else they leak.

    Each shower is dealt one label, in whichever split its images stand, so that a shower in both is found by heart. The validation
    labels must be shuffled too. Against the true ones, the AUC of a network trained on chance labels is not 0.5 ± statistics: the
    network is some function of the image, and most of those follow the total energy, which alone reaches an AUC of 0.72. Six trainings
    gave 0.43 to 0.66 against the true labels and 0.49 to 0.53 against shuffled ones.
    """
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
