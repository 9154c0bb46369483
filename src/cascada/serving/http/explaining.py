"""What the page shows of one shower beside its probability: the image, what the network looked at, where the shower stands among those of the test."""

import base64
from typing import Any

import numpy as np

from cascada.data.format import CELL_SIZE, HALF_WIDTH
from cascada.export.occlusion import occlusion
from cascada.export.scores import Scores
from cascada.serving.engine import Version
from cascada.statistics import bootstrap

REACH, BINS = 12.0, 48  # of the histogram of ln p/(1 − p)
NEAREST = 200  # showers of the test that are most like this one in their probability
CONFIDENCE = 0.95
LEAST = 1e-12


def explain(version: Version, image: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Image (C, 80, 80) [GeV] and its probabilities (K,) → arrays as base64 of float32, row by row, and numbers."""
    model = version.model
    signal = model.classes.index(model.signal)

    def ask(images: np.ndarray) -> np.ndarray:
        parts = [
            model.probabilities(images[first : first + model.batch]) for first in range(0, len(images), model.batch)
        ]
        return np.log(np.maximum(np.concatenate(parts), LEAST))

    return {
        "image": encoded(image[0]),
        "channel": model.channels[0],
        "occlusion": encoded(occlusion(ask, image)),
        "half_width_m": HALF_WIDTH,
        "cell_m": CELL_SIZE,
        "standing": standing(version.tested, float(probabilities[signal]), signal, model.classes)
        if version.tested
        else None,
    }


def standing(tested: Scores, probability: float, signal: int, classes: tuple[str, ...]) -> dict[str, Any]:
    """Where a probability of the signal stands: the test's ln p/(1 − p) by class, and how many of the most similar showers are signal."""
    score, of_test = log_odds(np.array([probability]))[0], log_odds(tested.probability[:, signal])
    edges = np.linspace(-REACH, REACH, BINS + 1)
    near = np.argsort(np.abs(of_test - score), kind="stable")[: min(NEAREST, len(of_test))]
    hits = int((tested.label[near] == signal).sum())
    low, high = bootstrap.clopper_pearson(hits, len(near), CONFIDENCE)
    return {
        "score": float(score),
        "edges": edges.tolist(),
        "counts": {
            name: np.histogram(of_test[tested.label == label], edges)[0].tolist() for label, name in enumerate(classes)
        },
        "similar": {
            "showers": len(near),
            "share": hits / len(near),
            "low": float(low),
            "high": float(high),
            "confidence": CONFIDENCE,
        },
    }


def log_odds(probability: np.ndarray) -> np.ndarray:
    """ln p/(1 − p) of probabilities (N,), within the reach of the histogram."""
    p = np.clip(probability.astype(np.float64), LEAST, 1 - LEAST)
    return np.clip(np.log(p / (1 - p)), -REACH, REACH)


def encoded(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
