"""The selected model as graphs: model.onnx for every runtime, model.pt2 for PyTorch. Raw images in, probabilities out.

The preprocessing is part of both, so that training and use cannot differ in it.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cascada.core.files import atomic_path
from cascada.data.format import IMAGE_SIZE
from cascada.export.folder import ONNX, PT2
from cascada.models.selected import Frozen

BATCH = 256


class Probabilities(nn.Module):
    """A classifier whose outputs are probabilities: what is exported."""

    def __init__(self, classifier: Frozen):
        super().__init__()
        self.classifier = classifier

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Take raw images float32 (N, C, 80, 80) [GeV], return probabilities (N, K)."""
        return self.classifier(images).softmax(dim=1)


def write_graphs(classifier: Frozen, folder: Path) -> None:
    """Write model.onnx and model.pt2, without traces of the machine: the same weights give the same bytes."""
    import onnx

    model = Probabilities(classifier).eval()
    example = torch.zeros(2, len(classifier.channels), IMAGE_SIZE, IMAGE_SIZE)
    with _quiet():
        shapes = {"images": {0: torch.export.Dim("batch", min=1)}}
        program = torch.export.export(model, (example,), dynamic_shapes=shapes)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # paths of this machine
        # a file object, not a path: the archive would carry the temporary file's name
        with atomic_path(folder / PT2) as temporary, temporary.open("wb") as file:
            torch.export.save(program, file)
        exported = torch.onnx.export(
            program, (), input_names=["images"], output_names=["probabilities"], verbose=False, external_data=False
        )
    assert exported is not None, "PyTorch returns what it exports"
    graph = exported.model_proto
    _tidy(graph, classifier)
    with atomic_path(folder / ONNX) as temporary:
        onnx.save(graph, temporary)


def _tidy(model, classifier: Frozen) -> None:
    """Name the batch dimension, and replace the exporter's notes by what a user of the file alone needs."""
    import onnx

    name = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == name:
                dimension.dim_param = "batch"
    for node in model.graph.node:
        del node.metadata_props[:]
    del model.graph.metadata_props[:]
    facts = {
        "input": "energy at ground per cell [GeV] (muons: a count), unprocessed",
        "channels": ",".join(classifier.channels),
        "classes": ",".join(classifier.class_names),
    }
    onnx.helper.set_model_props(model, facts)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' notes about optional packages and their own deprecations out of the logs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def probabilities(classifier: Frozen, images: torch.Tensor) -> np.ndarray:
    """PyTorch's answer for raw images (N, C, 80, 80) [GeV]: float32 (N, K)."""
    model = Probabilities(classifier).eval()
    with torch.inference_mode():
        return np.concatenate([model(part).numpy() for part in images.split(BATCH)])
