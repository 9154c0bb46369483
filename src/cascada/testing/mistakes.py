"""The most confident mistakes of a test: their images, what the network looked at, and what the baselines say of them.

Only `test_model` reads sealed showers, so it leaves what a picture of them needs in mistakes.h5: row by row in the order of confidence

| path                                                    | content                                                       |
|---------------------------------------------------------|---------------------------------------------------------------|
| `/row`                                                    | of test.h5 and predictions.h5                                 |
| `/images`                                                 | float32 (M, C, 80, 80), as in test.h5                         |
| `/occlusion`                                              | (M, 80, 80): fall of the log-odds, `export/occlusion.py`        |
| `/label`, `/probability` (M, K)                           | the truth and the network's answer                            |
| `/baselines/<name>`                                       | their probabilities (M, K)                                    |
| `/event_id`, `/true_energy`, `/zenith`, `/azimuth`, `/muons`, `/core_x`, `/core_y` | as in test.h5                        |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core.files import atomic_path
from cascada.data.format import UNITS
from cascada.export.occlusion import PATCH, STRIDE, Ask, occlusion
from cascada.statistics.metrics import softmax

SHOWN = 6
OF_SHOWER = ("event_id", "true_energy", "zenith", "azimuth", "muons", "core_x", "core_y")


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Rows (M,) of the test, images (M, C, 80, 80), maps of occlusion (M, 80, 80); `channels` names the C."""

    rows: np.ndarray
    images: np.ndarray
    maps: np.ndarray
    channels: tuple[str, ...] = ("energy",)


def most_confident(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows of wrong predictions, the most confident first, at most SHOWN."""
    wrong = np.flatnonzero(probability.argmax(axis=1) != labels)
    return wrong[np.argsort(-probability[wrong].max(axis=1), kind="stable")][:SHOWN]


def examine(ask: Ask, images, logits: np.ndarray, labels: np.ndarray, channels: Sequence[str]) -> Mistakes:
    """Read the images (N, C, 80, 80) of the most confident mistakes, and ask the network again with patches of them taken away."""
    rows = most_confident(softmax(logits), labels)
    found = np.stack([images[row] for row in rows]) if len(rows) else np.zeros((0, *images.shape[1:]), np.float32)
    maps = [occlusion(ask, image) for image in found]
    return Mistakes(rows, found, np.stack(maps) if maps else np.zeros((0, *images.shape[2:])), tuple(channels))


def write(
    path: Path,
    mistakes: Mistakes,
    logits: np.ndarray,
    baselines: dict[str, np.ndarray],
    events: np.ndarray,
    **attributes: object,
) -> None:
    """Write mistakes.h5. `logits` (N, K), those of the baselines, `events` (N,): of all the test; `attributes`: of the file."""
    rows = mistakes.rows
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["row"], file["label"] = rows, events["label"][rows]
        file["images"] = mistakes.images.astype(np.float32)
        file["images"].attrs["channels"] = list(mistakes.channels)
        file["images"].attrs["unit"] = ["1" if name == "muons" else "GeV" for name in mistakes.channels]
        file["occlusion"] = mistakes.maps.astype(np.float32)
        file["occlusion"].attrs.update({"patch_cells": PATCH, "stride_cells": STRIDE})
        file["probability"] = softmax(logits[rows]).astype(np.float32)
        answers = file.create_group("baselines", track_order=True)  # the simplest first, as in every table
        for name, theirs in baselines.items():
            answers[name] = softmax(theirs[rows]).astype(np.float32)
        for name in OF_SHOWER:
            file[name] = events[name][rows]
            if name in UNITS:
                file[name].attrs["unit"] = UNITS[name]
        file.attrs.update(attributes)
