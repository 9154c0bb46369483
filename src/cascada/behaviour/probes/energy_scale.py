"""The absolute energy scale is known to some ten per cent, in simulations and in detectors."""

from collections.abc import Iterator

import numpy as np

from cascada.behaviour.comparing import flips, worst_case
from cascada.behaviour.subject import Measurement, Subject

SCALES = (0.8, 0.9, 1.1, 1.2)
LIMITS = {
    "energy_scale_flips": (
        0.03,
        "gate",
        "Share of labels that flip under the worst factor of 0.8 to 1.2 on all energies.",
    ),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    cases = {scale: flips(subject, subject.probabilities(subject.images * np.float32(scale))) for scale in SCALES}
    yield worst_case(
        subject, cases, name="energy_scale_flips", share=True,
        meaning="labels that flip under the worst of the factors 0.8, 0.9, 1.1, 1.2 on all energies",
    )  # fmt: skip
