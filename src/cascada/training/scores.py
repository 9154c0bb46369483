"""A trial's answers on the validation showers: scores.npy, logits float32 (N, K) in the order of the split.

By the evaluation that the trial's metrics come from (symmetric or plain). Comparisons of trials read these files; so what
metrics.json (or, of a trial that was scored afterwards, scores.json) says of a file has to fit it.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cascada.core.files import atomic_path
from cascada.data.loading import Showers
from cascada.models.classifier import Classifier

EVALUATION_BATCH = 512
SCORES = "scores.npy"


@torch.inference_mode()
def compute(classifier: Classifier, showers: Showers, precision: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return logits float32 (N, K) and labels (N,) of showers, in their order."""
    classifier.eval()
    logits, labels = [], []
    for images, label in showers.batches(EVALUATION_BATCH // classifier.views):
        with torch.autocast(showers.device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
            logits.append(classifier(images).float())
        labels.append(label)
    return torch.cat(logits).cpu().numpy(), torch.cat(labels).cpu().numpy()


def describe(logits: np.ndarray | None, events: np.ndarray) -> dict[str, Any] | None:
    """What is written down of scores: their file's hash and shape, and which showers they are of; None without scores."""
    if logits is None:
        return None
    return {
        "sha256": hashlib.sha256(_content(logits)).hexdigest(),
        "shape": list(logits.shape),
        "showers_sha256": identity_of(events),
    }


def identity_of(events: np.ndarray) -> str:
    """A hash of the events of a split, in their order: labels, numbers, all that the file says of each shower."""
    return hashlib.sha256(str(events.dtype.descr).encode() + events.tobytes()).hexdigest()


def write(folder: Path, logits: np.ndarray | None) -> None:
    """Write scores.npy, or take an earlier one away where there are no scores (a diverged trial)."""
    if logits is None:
        (folder / SCORES).unlink(missing_ok=True)
        return
    with atomic_path(folder / SCORES) as temporary:
        temporary.write_bytes(_content(logits))


def _content(logits: np.ndarray) -> bytes:
    """The bytes of the file. Without pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(logits, np.float32), allow_pickle=False)
    return buffer.getvalue()
