"""probe.h5 of an exported folder: a few validation showers, and what PyTorch answered to them when the folder was written.

`/images` and `/probability`; of a model with a temperature also `/uncalibrated`, the logits before it. Between the two lies the
temperature, so that the one in the graph can be found and compared with the one that model.json names.
"""

from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import DataError
from cascada.core.files import atomic_path
from cascada.export.folder import PROBE, get_again

IMAGES, PROBABILITY, UNCALIBRATED = "images", "probability", "uncalibrated"
OF_EVENTS = ("event_id", "label", "true_energy")
LEAST = 1e-30  # of a probability: single precision keeps fewer digits of smaller ones
SAME_TEMPERATURE = 1e-3  # relative; found from logits in single precision


def write_probe(
    folder: Path,
    images: np.ndarray,
    events: np.ndarray,
    channels: list[str],
    probability: np.ndarray,
    uncalibrated: np.ndarray | None = None,
) -> None:
    """Write images (n, C, 80, 80), their events (n,), PyTorch's probabilities (n, K) and, where there is a temperature, logits before it."""
    with atomic_path(folder / PROBE) as temporary, h5py.File(temporary, "w") as file:
        file[IMAGES] = images
        file[IMAGES].attrs["unit"] = ["1" if name == "muons" else "GeV" for name in channels]
        file[PROBABILITY] = probability
        if uncalibrated is not None:
            file[UNCALIBRATED] = uncalibrated
        for name in OF_EVENTS:
            file[name] = events[name]
        file["true_energy"].attrs["unit"] = "GeV"


def read_probe(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the probe's images (n, C, 80, 80), recorded probabilities (n, K) and logits before the temperature. Raises DataError."""
    path = folder / PROBE
    try:
        with h5py.File(path, "r", locking=False) as file:
            uncalibrated = file[UNCALIBRATED][:] if UNCALIBRATED in file else None
            return file[IMAGES][:], file[PROBABILITY][:], uncalibrated
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: not a readable probe ({error}); {get_again(folder)}.") from error


def temperature_between(uncalibrated: np.ndarray, probability: np.ndarray) -> float:
    """The number that divides logits (n, K) to give probabilities (n, K), by least squares; NaN where nothing tells. Pure.

    Softmax knows logits up to a constant of each shower, so both are taken from their mean.
    """
    told = probability.min(axis=1) > LEAST
    before = uncalibrated[told].astype(np.float64)
    after = np.log(probability[told].astype(np.float64))
    before, after = (part - part.mean(axis=1, keepdims=True) for part in (before, after))
    shared = float((before * after).sum())
    return float((before**2).sum()) / shared if shared else float("nan")
