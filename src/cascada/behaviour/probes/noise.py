"""Noise makes the answers worse: steadily, and without a collapse."""

from collections.abc import Iterator

from cascada.behaviour.comparing import degradation
from cascada.behaviour.subject import Measurement, Subject
from cascada.data import transformations

LEVELS = (0.001, 0.003, 0.01)  # GeV per cell, up to the highest threshold, which a detector sets above its noise
AREAS = {"noise_auc": 0.01}  # the ROC AUC at these of the levels is a measurement
LIMITS = {
    "noise_auc": (0.75, "gate", "ROC AUC with noise of 10 MeV per cell, at least."),
    "noise_loss_drop": (0.005, "warn", "Fall of the loss from one level of noise to the next, where significant."),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    return degradation(subject, transformations.noise, LEVELS, "noise [GeV per cell]", AREAS)
