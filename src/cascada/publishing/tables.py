"""The tables behind `dvc plots show`: small CSV files that git keeps, so that versions can be compared."""

from pathlib import Path

import h5py
import numpy as np

from cascada.core.classes import index
from cascada.core.files import write_text

POINTS = 200  # of the ROC curve at most


def write_plots(predictions: Path, history: Path, folder: Path) -> None:
    """Write roc.csv, confusion.csv and learning_curve.csv from the test's predictions.h5 and a trial's history.tsv."""
    with h5py.File(predictions, "r") as file:
        probability, label = file["probability"][:], file["label"][:]
        classes = [str(name) for name in file.attrs["classes"]]
        signal = index(classes, str(file.attrs.get("signal", "")))
    points = roc(probability[:, signal], label == signal)
    write_text(folder / "roc.csv", _csv(["false_positive_rate", "true_positive_rate"], points))
    pairs = zip(label, probability.argmax(axis=1), strict=True)
    write_text(folder / "confusion.csv", _csv(["actual", "predicted"], [(classes[a], classes[b]) for a, b in pairs]))
    lines = [line.split("\t") for line in history.read_text(encoding="utf-8").splitlines()]
    kept = [
        index for index, name in enumerate(lines[0]) if name == "epoch" or name.startswith(("training_", "validation_"))
    ]
    rows = [[line[index] for index in kept] for line in lines]
    write_text(folder / "learning_curve.csv", _csv(rows[0], rows[1:]))


def roc(score: np.ndarray, positive: np.ndarray) -> list[tuple[float, float]]:
    """Points (false positive rate, true positive rate) from (0, 0) to (1, 1), at most about POINTS. Pure."""
    order = np.argsort(-score, kind="stable")
    found = positive[order]
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # of each group of equal scores
    true = np.cumsum(found)[last] / max(found.sum(), 1)
    false = np.cumsum(~found)[last] / max((~found).sum(), 1)
    chosen = np.unique(np.linspace(0, len(last) - 1, min(POINTS, len(last))).round().astype(int))
    return [(0.0, 0.0), *zip(false[chosen].tolist(), true[chosen].tolist(), strict=True)]


def _csv(header: list[str], rows) -> str:
    cells = [header, *([f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows)]
    return "".join(",".join(row) + "\n" for row in cells)
