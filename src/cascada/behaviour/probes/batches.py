"""A shower's answer depends on that shower alone."""

from collections.abc import Iterator

import numpy as np

from cascada.behaviour.subject import Measurement, Subject, worst
from cascada.statistics.bootstrap import Interval

COMPARED, BATCHES = 200, (1, 7, 64)  # showers, and sizes of batches
LIMITS = {
    "batch_size_change": (1e-5, "gate", "Largest change of a probability with the size of the batch."),
    "batch_order_change": (1e-5, "gate", "Largest change of a probability with the order of the batch."),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    images = subject.images[:COMPARED]
    whole = subject.probabilities(images)
    rows = []
    for size in BATCHES:
        parts = [subject.probabilities(images[i : i + size]) for i in range(0, len(images), size)]
        rows.append({"at": size, **_largest(np.concatenate(parts) - whole)})
    yield Measurement(
        name="batch_size_change", details=rows, **worst(rows),
        meaning=f"largest change of a probability in batches of {', '.join(map(str, BATCHES))} against one batch",
    )  # fmt: skip
    order = np.random.default_rng(subject.settings.seed).permutation(len(images))
    yield Measurement(
        name="batch_order_change", **_largest(subject.probabilities(images[order]) - whole[order]),
        meaning="largest change of a probability in another order of the batch",
    )  # fmt: skip


def _largest(change: np.ndarray) -> Interval:
    value = float(np.abs(change).max())
    return {"value": value, "low": value, "high": value}
