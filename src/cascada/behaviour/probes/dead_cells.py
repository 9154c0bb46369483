"""Dead cells make the answers worse: steadily, and without a collapse."""

from collections.abc import Iterator

from cascada.behaviour.comparing import degradation
from cascada.behaviour.subject import Measurement, Subject
from cascada.data import transformations

LEVELS = (0.01, 0.05, 0.1)
AREAS = {"dead_cells_5_auc": 0.05, "dead_cells_auc": 0.1}  # the ROC AUC at these of the levels is a measurement
LIMITS = {
    "dead_cells_5_auc": (0.98, "gate", "ROC AUC with a twentieth of the cells dead, at least."),
    "dead_cells_auc": (0.95, "gate", "ROC AUC with a tenth of the cells dead, at least."),
    "dead_cells_loss_drop": (
        0.005,
        "warn",
        "Fall of the loss from one share of dead cells to the next, where significant.",
    ),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    return degradation(subject, transformations.dead_cells, LEVELS, "share of dead cells", AREAS)
