"""What the pictures of a test are made from: predictions.h5, mistakes.h5 and metrics.json, and whose figures are shown: the signal's."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core import classes as naming
from cascada.core.files import read_json
from cascada.report import style
from cascada.report.sealed import mistakes as sealed_mistakes
from cascada.report.sealed.mistakes import Mistake
from cascada.statistics import words
from cascada.statistics.metrics import log_odds
from cascada.statistics.weights import spectrum_weights


@dataclass(kw_only=True, slots=True)
class Test:
    """What the pictures are made from."""

    found: dict  # metrics.json
    logits: np.ndarray  # (N, K)
    labels: np.ndarray
    energy: np.ndarray  # GeV
    baselines: dict[str, np.ndarray]  # probabilities (N, K)
    mistakes: list[Mistake]

    @property
    def spectrum(self) -> dict | None:
        """The numbers under a stated spectrum, None where none is stated."""
        return self.found.get("spectrum")

    @property
    def weight(self) -> np.ndarray | None:
        """What each image counts under the stated spectrum (N,)."""
        return (
            spectrum_weights(self.energy, self.spectrum["index"], self.spectrum["simulated"]) if self.spectrum else None
        )

    @property
    def under(self) -> str:
        """The name of the stated spectrum."""
        return f"under {words.spectrum(self.spectrum)}" if self.spectrum else ""

    @property
    def classes(self) -> list[str]:
        return self.found["classes"]

    @property
    def signal(self) -> str:
        return self.found["signal"]

    @property
    def label(self) -> int:
        """That of the signal."""
        return self.classes.index(self.signal)

    @property
    def is_signal(self) -> np.ndarray:
        return self.labels == self.label

    @property
    def background(self) -> str:
        return naming.background(self.classes, self.label)

    @property
    def log_odds(self) -> np.ndarray:
        """Those of the signal (N,)."""
        return log_odds(self.logits, self.label)

    def save(self, drawing, path: Path) -> None:
        style.save(drawing, path, self.found["surrogate"], self.found["opening"]["reopened"])


def read(predictions: Path, metrics_file: Path, mistakes: Path) -> Test:
    with h5py.File(predictions, "r") as file:
        return Test(
            found=read_json(metrics_file),
            logits=file["logits"][:],
            labels=file["label"][:],
            energy=file["true_energy"][:],
            baselines={name: part["probability"][:] for name, part in file.get("baselines", {}).items()},
            mistakes=sealed_mistakes.read(mistakes),
        )


def of_signal(test: Test, metric: str) -> dict:
    """A metric of the signal's probability against all other classes'."""
    return test.found["of_class"][test.signal][metric]


def both(test: Test, metric: str) -> str:
    """As `of_signal`, with its interval; under the stated spectrum, too."""
    shown = words.interval(of_signal(test, metric))
    if not test.spectrum:
        return shown
    return f"{shown}\n{test.under} {words.interval(test.spectrum['of_class'][test.signal][metric])}"
