"""Pictures of a file of predictions, read in one pass: its columns are a few numbers per shower."""

from pathlib import Path

import h5py
import numpy as np

from cascada.core import classes as naming
from cascada.report import style

BINS = 40
SHOWN = 20_000  # points of the scatter plot; more are thinned evenly


def plot_predictions(predictions: Path, folder: Path) -> list[Path]:
    """Write probability.png and, where energies are known, energy.png; return their paths."""
    with h5py.File(predictions, "r") as file:
        classes = [str(name) for name in file.attrs["classes"]]
        signal = naming.index(classes, str(file.attrs.get("signal", "")))
        probability, label, energy = file["probability"][:], file["label"][:], file["true_energy"][:]
        surrogate = bool(file.attrs["surrogate"])
    folder.mkdir(parents=True, exist_ok=True)
    written = [_histogram(probability[:, signal], label, classes, signal, surrogate, folder / "probability.png")]
    known = np.isfinite(energy) & (energy > 0)
    if known.any():
        rows = np.flatnonzero(known)
        rows = rows[:: -(-len(rows) // SHOWN)]
        written.append(
            _scatter(
                energy[rows], probability[rows, signal], label[rows], classes, signal, surrogate, folder / "energy.png"
            )
        )
    return written


def _groups(label: np.ndarray, classes: list[str]) -> list[tuple[str, str, np.ndarray]]:
    """Showers by known class, each in its colour, and those whose class is not known."""
    found = [(style.colour(index), name, label == index) for index, name in enumerate(classes)]
    found.append((style.BASELINE, "class not known", label < 0))
    return [(colour, name, rows) for colour, name, rows in found if rows.any()]


def _histogram(probability, label, classes, signal: int, surrogate: bool, path: Path) -> Path:
    drawing, axes = style.figure(6, 4)
    edges = np.linspace(0, 1, BINS + 1)
    for colour, name, rows in _groups(label, classes):
        counts = np.histogram(probability[rows], edges)[0]
        axes.stairs(counts, edges, color=colour, linewidth=1.6, label=f"{name} ({int(rows.sum())})")
    axes.set(xlabel=f"probability of {classes[signal]}", ylabel="showers per bin", xlim=(0, 1))
    axes.legend(frameon=False, fontsize=8)
    style.tidy(axes)
    style.save(drawing, path, surrogate)
    return path


def _scatter(energy, probability, label, classes, signal: int, surrogate: bool, path: Path) -> Path:
    drawing, axes = style.figure(6, 4)
    for colour, name, rows in _groups(label, classes):
        axes.plot(energy[rows] / 1000, probability[rows], ".", color=colour, markersize=3, alpha=0.5, label=name)
    axes.set(xlabel="true energy [TeV]", ylabel=f"probability of {classes[signal]}", xscale="log", ylim=(-0.02, 1.02))
    axes.legend(frameon=False, fontsize=8)
    style.tidy(axes)
    style.save(drawing, path, surrogate)
    return path
