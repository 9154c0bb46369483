"""A blank image, one hot cell in the middle or in a corner: no answer is right, but there must be one."""

from collections.abc import Iterator

import numpy as np

from cascada.behaviour.subject import Measurement, Subject

HOT = 1e6  # GeV: more than any shower has
LIMITS = {
    "odd_images_not_finite": (
        0.0,
        "gate",
        "Blank images and images with one hot cell that get no finite probabilities.",
    ),
}


def probe(subject: Subject) -> Iterator[Measurement]:
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
