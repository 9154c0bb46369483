"""The tables behind `dvc plots show`: small CSV files that git keeps, so that versions can be compared."""

from pathlib import Path

import h5py
import numpy as np

from cascada.core import tables
from cascada.core.classes import index
from cascada.core.files import write_text
from cascada.statistics.metrics import roc_curve

POINTS = 200  # of the ROC curve at most


def write_plots(predictions: Path, history: Path, folder: Path) -> None:
    """Write roc.csv, confusion.csv and learning_curve.csv from the test's predictions.h5 and a trial's history.tsv."""
    with h5py.File(predictions, "r") as file:
        probability, label = file["probability"][:], file["label"][:]
        classes = [str(name) for name in file.attrs["classes"]]
        signal = index(classes, str(file.attrs.get("signal", "")))
    points = thinned(*roc_curve(probability[:, signal], label == signal))
    write_text(folder / "roc.csv", _csv(["false_positive_rate", "true_positive_rate"], points))
    pairs = zip(label, probability.argmax(axis=1), strict=True)
    write_text(folder / "confusion.csv", _csv(["actual", "predicted"], [(classes[a], classes[b]) for a, b in pairs]))
    rows = tables.read(history)
    kept = [name for name in rows[0] if name == "epoch" or name.startswith(("training_", "validation_"))]
    write_text(folder / "learning_curve.csv", _csv(kept, [[row[name] for name in kept] for row in rows]))


def thinned(false: np.ndarray, true: np.ndarray) -> list[tuple[float, float]]:
    """Points of a ROC curve, both ends among them, at most about POINTS. Pure."""
    chosen = np.unique(np.linspace(1, len(false) - 1, min(POINTS, len(false) - 1)).round().astype(int))
    return [(0.0, 0.0), *zip(false[chosen].tolist(), true[chosen].tolist(), strict=True)]


def _csv(header: list[str], rows) -> str:
    cells = [header, *([f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows)]
    return "".join(",".join(row) + "\n" for row in cells)
