"""The probes of a predictor: what must not change its answers, what must only slowly, and what must not break it.

A probe is a function of a `Subject` that yields measurements. To add one, write it, name what it measures in settings.py and in
the config's schema, and add it to PROBES.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from cascada.behaviour import leaks, transformations
from cascada.behaviour.subject import Measurement, Predictor, Subject, plain, worst
from cascada.statistics import bootstrap
from cascada.statistics.bootstrap import Interval
from cascada.statistics.verdicts import AT_LEAST

SHIFTS = (1, 2)  # cells of 4 m
SCALES = (0.8, 0.9, 1.1, 1.2)
LEVELS = {  # of the degradations, each harder than the one before
    # noise up to the highest threshold, which a detector sets above its noise
    "dead_cells": (transformations.dead_cells, (0.01, 0.05, 0.1), "share of dead cells"),
    "noise": (transformations.noise, (0.001, 0.003, 0.01), "noise [GeV per cell]"),
    "cell_threshold": (transformations.cell_threshold, (0.00025, 0.001, 0.003, 0.01), "threshold [GeV per cell]"),
}
AREAS = {  # ROC AUC that is measured at some of these levels, the hardest among them
    "dead_cells": {"dead_cells_5_auc": 0.05, "dead_cells_auc": 0.1},
    "noise": {"noise_auc": 0.01},
    "cell_threshold": {"cell_threshold_auc": 0.01},
}
HOT = 1e6  # GeV: more than any shower has
COMPARED, BATCHES = 200, (1, 7, 64)  # showers, and sizes of batches
LEAST = 1e-7  # of a probability, before its logarithm: float32 knows none between 1 − 6e-8 and 1


def symmetries(subject: Subject) -> Iterator[Measurement]:
    """Vertical showers have no direction: turned or mirrored, they must get the same answer."""
    found = {
        name: subject.probabilities(transformations.symmetry(subject.images, name))
        for name in transformations.SYMMETRIES
    }
    yield _worst_case(
        subject, {name: _change(subject, one) for name, one in found.items()}, name="symmetry_change",
        meaning="mean change of the probability under the worst of seven rotations and mirrors",
    )  # fmt: skip
    yield _worst_case(
        subject, {name: _flips(subject, one) for name, one in found.items()}, name="symmetry_flips", share=True,
        meaning="labels that flip under the worst of them",
    )  # fmt: skip
    if subject.unaveraged:
        yield _unaveraged(subject, subject.unaveraged)


def _unaveraged(subject: Subject, network: Predictor) -> Measurement:
    """What the network itself makes of the symmetries, where the average over them makes the gate trivial."""
    alone = replace(subject, predict=network)
    flips = {
        name: _flips(alone, alone.probabilities(transformations.symmetry(subject.images, name)))
        for name in transformations.SYMMETRIES
    }
    return _worst_case(
        alone, flips, name="symmetry_flips_unaveraged", share=True,
        meaning="labels that flip under the worst of them without the average over them that the classifier takes",
    )  # fmt: skip


def core_shift(subject: Subject) -> Iterator[Measurement]:
    """Where exactly the core falls says nothing about the primary."""
    for cells in SHIFTS:
        flips = {
            direction: _flips(subject, subject.probabilities(transformations.shift(subject.images, direction, cells)))
            for direction in transformations.DIRECTIONS
        }
        yield _worst_case(
            subject, flips, name=f"core_shift_{4 * cells}m_flips", share=True,
            meaning=f"labels that flip when the core moves by {4 * cells} m in the worst of four directions",
        )  # fmt: skip


def energy_scale(subject: Subject) -> Iterator[Measurement]:
    """The absolute energy scale is known to some ten per cent, in simulations and in detectors."""
    flips = {scale: _flips(subject, subject.probabilities(subject.images * np.float32(scale))) for scale in SCALES}
    yield _worst_case(
        subject, flips, name="energy_scale_flips", share=True,
        meaning="labels that flip under the worst of the factors 0.8, 0.9, 1.1, 1.2 on all energies",
    )  # fmt: skip


def _degradation(name: str) -> Callable[[Subject], Iterator[Measurement]]:
    """A detector that gets worse must make the answers worse: steadily, and without a collapse."""
    transform, levels, axis = LEVELS[name]

    def probe(subject: Subject) -> Iterator[Measurement]:
        found = {0.0: subject.probability}
        for level in levels:
            found[level] = subject.probabilities(transform(subject.images, level, subject.settings.seed))
        losses = [_losses(subject, one) for one in found.values()]
        rows = [{"at": level, **subject.interval(loss)} for level, loss in zip(found, losses, strict=True)]
        drops = [subject.interval(before - after) for before, after in itertools.pairwise(losses)]
        # the drop that is surest, not the largest value: noise alone makes some step fall
        yield Measurement(
            name=f"{name}_loss_drop", details=rows, significant=True, **max(drops, key=lambda drop: drop["low"]),
            meaning=f"fall of the loss from one level to the next: {axis} {', '.join(f'{v:g}' for v in levels)}",
        )  # fmt: skip
        for area, level in AREAS[name].items():
            meaning = f"ROC AUC at the {'hardest ' if level == levels[-1] else ''}level: {axis} {level:g}"
            yield Measurement(name=area, sense=AT_LEAST, meaning=meaning, **_auc(subject, found[level]))

    return probe


def energy_dependence(subject: Subject) -> Iterator[Measurement]:
    """Showers of more energy have more particles at ground, so that they are easier to tell apart."""
    energy, right = subject.events["true_energy"], subject.probability.argmax(axis=1) == subject.labels
    edges = np.quantile(energy, [0, 1 / 3, 2 / 3, 1])
    members = np.stack([energy <= edges[1], (energy > edges[1]) & (energy <= edges[2]), energy > edges[2]], axis=1)
    thirds = bootstrap.means(right.astype(float), members)
    statistics = {"thirds": thirds, "fall": lambda weights: np.subtract(*thirds(weights)[:, [0, 2]].T)}
    found = subject.intervals(statistics)
    rows = [
        {"at": f"{edges[i] / 1000:.1f} to {edges[i + 1] / 1000:.1f} TeV"}
        | subject.exact(plain({part: values[i] for part, values in found["thirds"].items()}), members[:, i])
        for i in range(3)
    ]
    yield Measurement(
        name="accuracy_fall_with_energy", details=rows, significant=True,
        **plain(found["fall"]),
        meaning="accuracy in the third of lowest true energy less that in the third of highest",
    )  # fmt: skip


def odd_images(subject: Subject) -> Iterator[Measurement]:
    """A blank image, one hot cell in the middle or in a corner: no answer is right, but there must be one."""
    images = np.zeros((3, *subject.images.shape[1:]), np.float32)
    size = images.shape[-1]
    images[1, 0, size // 2, size // 2] = images[2, 0, 0, 0] = HOT
    found = subject.probabilities(images)
    bad = ~(np.isfinite(found) & (found >= 0) & (found <= 1 + 1e-6)).all(axis=1)
    rows = [
        {"at": name, "value": float(one), "low": float(one), "high": float(one)}
        for name, one in zip(("blank", "hot cell in the middle", "hot cell in a corner"), bad, strict=True)
    ]
    number = float(bad.sum())
    yield Measurement(
        name="odd_images_not_finite", value=number, low=number, high=number, details=rows,
        meaning="of a blank image and two with one hot cell, those without finite probabilities",
    )  # fmt: skip


def batches(subject: Subject) -> Iterator[Measurement]:
    """A shower's answer depends on that shower alone."""
    images = subject.images[:COMPARED]
    whole = subject.probabilities(images)
    rows = []
    for size in BATCHES:
        parts = [subject.probabilities(images[i : i + size]) for i in range(0, len(images), size)]
        rows.append({"at": size} | _largest(np.concatenate(parts) - whole))
    yield Measurement(
        name="batch_size_change", details=rows, **worst(rows),
        meaning=f"largest change of a probability in batches of {', '.join(map(str, BATCHES))} against one batch",
    )  # fmt: skip
    order = np.random.default_rng(subject.settings.seed).permutation(len(images))
    yield Measurement(
        name="batch_order_change", **_largest(subject.probabilities(images[order]) - whole[order]),
        meaning="largest change of a probability in another order of the batch",
    )  # fmt: skip


PROBES: dict[str, Callable[[Subject], Iterator[Measurement]]] = {
    "symmetries": symmetries,
    "core_shift": core_shift,
    "energy_scale": energy_scale,
    **{name: _degradation(name) for name in LEVELS},
    "energy_dependence": energy_dependence,
    "odd_images": odd_images,
    "batches": batches,
    "total_energy": leaks.total_energy,
    "core_offset": leaks.core_offset,
    "shuffled_labels": leaks.shuffled_labels,
}


def _change(subject: Subject, found: np.ndarray) -> np.ndarray:
    """Largest change of a class's probability, of each shower (N,)."""
    return np.abs(found - subject.probability).max(axis=1)


def _flips(subject: Subject, found: np.ndarray) -> np.ndarray:
    """Whether each shower (N,) gets another label; an answer that is not a number is another label."""
    same = found.argmax(axis=1) == subject.probability.argmax(axis=1)
    return ~same | ~np.isfinite(found).all(axis=1)


def _worst_case(
    subject: Subject, cases: dict[Any, np.ndarray], *, name: str, meaning: str, share: bool = False
) -> Measurement:
    """The largest of the cases' means over the showers; `cases` by what was done: one value per shower (N,)."""
    rows = [{"at": at, **subject.interval(values, share)} for at, values in cases.items()]
    largest = subject.largest(np.stack(list(cases.values()), axis=1), share)
    return Measurement(name=name, meaning=meaning, details=rows, **largest)


def _losses(subject: Subject, found: np.ndarray) -> np.ndarray:
    return -np.log(np.maximum(found[np.arange(len(found)), subject.labels], LEAST))


def _auc(subject: Subject, found: np.ndarray) -> Interval:
    return plain(subject.intervals({"auc": bootstrap.roc_auc(found, subject.labels)})["auc"])


def _largest(change: np.ndarray) -> Interval:
    value = float(np.abs(change).max())
    return {"value": value, "low": value, "high": value}
