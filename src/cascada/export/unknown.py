"""Showers of unknown class, as `cascada predict` leaves them: what a composition is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import DataError
from cascada.statistics.templates import FEWEST

AGAIN = "predict again with this model: `cascada predict MODEL INPUT... -o OUT.h5`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """One image of each shower: probabilities (N, K), true energies (N,) [GeV], NaN where not known; images that were left out."""

    probability: np.ndarray
    true_energy: np.ndarray
    left_out: int
    surrogate: bool


def read_unknown(predictions: Sequence[Path], model_sha256: str, classes: list[str]) -> Unknown:
    """Read files of `cascada predict`; `model_sha256`: of the model.onnx that must have made them.

    Raises DataError for files that are something else, of another model, given twice, or hold fewer than 30 showers together.
    """
    if len({path.resolve() for path in predictions}) < len(predictions):
        raise DataError(
            f"{', '.join(map(str, predictions))}: a file is given twice, so its showers would count twice; give it "
            "once."
        )
    parts = [_read(path, model_sha256, classes) for path in predictions]
    probability, energy = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("probability", "true_energy")
    )
    if len(probability) < FEWEST:
        names = ", ".join(map(str, predictions))
        raise DataError(
            f"{names}: {len(probability)} showers given, needed are {FEWEST}: no composition can be measured."
        )
    return Unknown(
        probability=probability,
        true_energy=energy,
        left_out=sum(part.left_out for part in parts),
        surrogate=any(part.surrogate for part in parts),
    )


def _read(path: Path, model_sha256: str, classes: list[str]) -> Unknown:
    if not path.is_file():
        raise DataError(f"{path}: no such file; give one that `cascada predict` wrote.")
    try:
        with h5py.File(path, "r", locking=False) as file:
            made_by = str(file.attrs["model_sha256"])
            probability, shower, energy = (file[name][:] for name in ("probability", "shower_id", "true_energy"))
            source = file["source"][:]
            surrogate = bool(file.attrs["surrogate"])
    except (OSError, KeyError) as error:
        raise DataError(
            f"{path}: not a file of predictions ({error}); give one that `cascada predict` wrote."
        ) from error
    if made_by != model_sha256:
        raise DataError(
            f"{path}: was predicted with another model (model.onnx {made_by[:12]}…, this one's is "
            f"{model_sha256[:12]}…); {AGAIN}."
        )
    if probability.shape[1:] != (len(classes),) or not np.isfinite(probability).all():
        raise DataError(
            f"{path}: expected {len(classes)} finite probabilities for each shower; the file is damaged, {AGAIN}."
        )
    # files that were not merged number their showers alike
    _, first = np.unique(np.stack([source, shower], axis=1), axis=0, return_index=True)
    return Unknown(
        probability=probability[first],
        true_energy=energy[first],
        left_out=len(shower) - len(first),
        surrogate=surrogate,
    )
