"""A number that any threshold can cut on: with it alone, the classes must stay mixed."""

from collections.abc import Iterator

from cascada.behaviour.comparing import separation
from cascada.behaviour.subject import Measurement, Subject

LIMITS = {
    "total_energy_auc": (0.75, "gate", "ROC AUC of the total energy alone."),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    yield Measurement(
        name="total_energy_auc",
        **separation(subject, subject.images[:, 0].sum(axis=(1, 2)), "ROC AUC of the total energy alone (0.5 to 1)"),
    )  # fmt: skip
