"""A threshold on the cells makes the answers worse: steadily, and without a collapse."""

from collections.abc import Iterator

from cascada.behaviour.comparing import degradation
from cascada.behaviour.subject import Measurement, Subject
from cascada.data import transformations

LEVELS = (0.00025, 0.001, 0.003, 0.01)
AREAS = {"cell_threshold_auc": 0.01}  # the ROC AUC at these of the levels is a measurement
LIMITS = {
    "cell_threshold_auc": (0.75, "gate", "ROC AUC with a threshold of 10 MeV per cell, at least."),
    "cell_threshold_loss_drop": (0.005, "warn", "Fall of the loss from one threshold to the next, where significant."),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    return degradation(subject, transformations.cell_threshold, LEVELS, "threshold [GeV per cell]", AREAS)
