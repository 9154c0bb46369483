"""Check that both exports compute what PyTorch does."""

from pathlib import Path

import numpy as np
import torch

from cascada.core.errors import DataError
from cascada.core.files import write_json
from cascada.data.loading import Showers
from cascada.export.folder import ONNX, PT2, TOLERANCE
from cascada.export.graphs import BATCH, probabilities
from cascada.export.predict import Model
from cascada.export.program import program
from cascada.models.selected import load_selected

CHECKED_SHOWERS = 512  # validation showers on which the exports are compared with PyTorch


def check_export(folder: Path, checkpoint: Path, train: Path, report: Path) -> dict:
    """Compare both exports with PyTorch on validation showers, for several batch sizes; write the differences.

    Raises DataError if a probability differs by more than TOLERANCE.
    """
    classifier = load_selected(checkpoint)
    images = Showers(train, "validation", "cpu").images(CHECKED_SHOWERS)
    expected = probabilities(classifier, images)
    session, torch_program = Model(folder, threads=1), program(folder)
    exports = {ONNX: lambda part: session.probabilities(part.numpy()), PT2: lambda part: torch_program(part).numpy()}
    differences: dict[str, dict[str, float]] = {}
    for name, run in exports.items():
        with torch.inference_mode():
            for size in (1, 7, BATCH):
                part = images[:32] if size == 1 else images
                found = np.concatenate([run(batch) for batch in part.split(size)])
                difference = float(np.abs(found - expected[: len(part)]).max())
                differences.setdefault(name, {})[f"batches of {size}"] = difference
    content = {"tolerance": TOLERANCE, "showers": len(images), "largest_differences": differences}
    worst = max((value, name) for name, values in differences.items() for value in values.values())
    if not worst[0] <= TOLERANCE:
        raise DataError(
            f"{folder / worst[1]}: a probability differs from PyTorch's by {worst[0]:.2e}, at most {TOLERANCE:.0e} is "
            "allowed; an operation of the network is exported incorrectly: see its file in src/cascada/models."
        )
    write_json(report, content)
    return content
