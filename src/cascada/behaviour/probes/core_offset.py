"""Where the core falls must say nothing about the primary, or a network learns the simulation's geometry."""

from collections.abc import Iterator

import numpy as np

from cascada.behaviour.comparing import separation
from cascada.behaviour.subject import Measurement, Subject

LIMITS = {
    "core_offset_auc": (0.55, "gate", "ROC AUC of the core's offset alone."),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    offset = np.hypot(subject.events["core_x"], subject.events["core_y"])
    if np.isfinite(offset).any():
        yield Measurement(
            name="core_offset_auc",
            **separation(subject, offset, "ROC AUC of the core's distance from the centre alone (0.5 to 1)"),
        )  # fmt: skip
