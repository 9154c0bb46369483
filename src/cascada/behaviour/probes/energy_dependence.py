"""Showers of more energy have more particles at ground, so that they are easier to tell apart."""

from collections.abc import Iterator

import numpy as np

from cascada.behaviour.subject import Measurement, Subject, plain
from cascada.statistics import bootstrap

LIMITS = {
    "accuracy_fall_with_energy": (
        0.0,
        "warn",
        "Accuracy in the lowest third of energies less that in the highest, where significant.",
    ),
}


def probe(subject: Subject) -> Iterator[Measurement]:
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
        **plain(found["fall"]), **subject.under(statistics["fall"]),
        meaning="accuracy in the third of lowest true energy less that in the third of highest",
    )  # fmt: skip
