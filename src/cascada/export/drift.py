"""Drift over files: the predictions that a model has made against the reference that stands in its folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cascada.core import classes
from cascada.core.errors import DataError
from cascada.core.files import sha256
from cascada.data.quantities import QUANTITIES
from cascada.export.folder import ONNX, read_content
from cascada.statistics import drift
from cascada.statistics.drift import PROBABILITY

ASSUMPTION = "assumes that only the inputs have moved, and that the calibration still holds"


def of_predictions(folder: Path, files: Sequence[Path]) -> dict[str, Any]:
    """As `drift.report`. Raises DataError for predictions of another model, and for a model without a reference."""
    content = read_content(folder)
    known = content.get("reference")
    if not known:
        raise DataError(f"{folder}: was exported without a reference to compare with; export the model again.")
    names = tuple(content["output"]["classes"])
    signal = classes.index(names, content["output"].get("signal", ""))
    digest = sha256(folder / ONNX)
    parts = [_read(path, digest, folder) for path in files]
    values = {
        name: np.concatenate([part[name] for part in parts])
        for name in QUANTITIES
        if all(name in part for part in parts)
    }
    probabilities = np.concatenate([part[PROBABILITY] for part in parts])
    if not len(probabilities):
        raise DataError(f"{files[0]}: no shower in it, expected at least one.")
    found = drift.report(values | {PROBABILITY: probabilities[:, signal]}, known, probabilities, signal)
    return found | {"assumption": ASSUMPTION}


def _read(path: Path, digest: str, folder: Path) -> dict[str, np.ndarray]:
    """Probabilities, and the quantities of the images where the file has them (older files do not)."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            if file.attrs.get("model_sha256") != digest:
                raise DataError(f"{path}: predictions of another model than {folder}; predict again with this one.")
            return {name: file[name][:] for name in (PROBABILITY, *QUANTITIES) if name in file}
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: not a file of predictions ({error}); `cascada predict` writes them.") from error
