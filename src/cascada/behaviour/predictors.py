"""Whatever holds a trained model, as one function: raw energies float32 (N, C, 80, 80) [GeV] → probabilities (N, K)."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cascada.behaviour.subject import Predictor
from cascada.statistics import metrics

BATCH = 256  # images computed at once; a classifier makes eight of each where it averages over rotations and mirrors


def from_callable(call: Callable, *, logits: bool, batch: int = BATCH) -> Predictor:
    """Wrap a function of NumPy arrays; `logits` says what it returns, `batch` how many images it is given at once."""

    def predict(images: np.ndarray) -> np.ndarray:
        parts = [np.asarray(call(images[start : start + batch])) for start in range(0, len(images), batch)]
        found = np.concatenate(parts)
        return metrics.softmax(found) if logits else found

    return predict


def from_module(module, *, logits: bool, device: str = "cpu") -> Predictor:
    """Wrap a PyTorch module or program, on the device where it lies; float32 arithmetic, without TF32's short cuts."""
    import torch

    batch = BATCH // getattr(module, "views", 1)  # on processors, twice as fast as 256 showers of eight views

    def call(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return module(torch.from_numpy(images).to(device)).float().cpu().numpy()

    return from_callable(call, logits=logits, batch=batch)


def from_checkpoint(path: str | os.PathLike, device: str = "cpu") -> Predictor:
    """What a checkpoint.pt of a selection or of a trial answers."""
    from cascada.models.selected import load_selected

    return from_module(load_selected(path, device), logits=True, device=device)


def unaveraged(path: str | os.PathLike, device: str = "cpu") -> Predictor | None:
    """The same without its average over rotations and mirrors; None where it takes none."""
    from cascada.models.selected import load_selected

    classifier = load_selected(path, device)
    return from_module(classifier.plain(), logits=True, device=device) if classifier.views > 1 else None


def from_onnx(folder: str | os.PathLike, threads: int = 1) -> Predictor:
    """The model.onnx of an exported folder, by ONNX Runtime."""
    from cascada.export.predict import Model

    return from_callable(Model(Path(folder), threads).probabilities, logits=False)


def from_program(folder: str | os.PathLike) -> Predictor:
    """The model.pt2 of an exported folder, by PyTorch."""
    from cascada.export.program import program

    return from_module(program(Path(folder)), logits=False)
