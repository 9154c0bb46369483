"""What a model was validated on, as distributions: what serving compares with. Of validation showers, never of those that it was trained on."""

import numpy as np

from cascada.data.loading import Showers
from cascada.data.quantities import quantities
from cascada.statistics import drift
from cascada.statistics.drift import PROBABILITY

BATCH = 256


def reference(probability: np.ndarray, validation: Showers) -> dict[str, drift.Reference]:
    """Probabilities (N, K) of the validation showers, in their order → the reference of each quantity and of the signal's probability."""
    blocks = [quantities(images.numpy()) for images, _ in validation.batches(BATCH)]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return {
        name: drift.reference(column)
        for name, column in {**values, PROBABILITY: probability[:, validation.signal]}.items()
    }
