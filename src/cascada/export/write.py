"""Export the selected model to one folder that stands alone; it is described in folder.py."""

import time
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import torch

from cascada.core.classes import ASSUMED
from cascada.core.errors import DataError
from cascada.core.files import read_json, sha256, write_text
from cascada.data.loading import Showers
from cascada.export.description import description
from cascada.export.folder import LICENSE, TEMPLATES, write_description
from cascada.export.graphs import BATCH, probabilities, write_graphs
from cascada.export.probe import write_probe
from cascada.export.reference import reference
from cascada.export.scores import write_scores
from cascada.models.selected import Frozen, Selected, load_selected, temperature_of
from cascada.statistics import bootstrap, metrics
from cascada.statistics.names import METRICS

PROBE_SHOWERS = 16
COST_REPETITIONS = 5


def export_model(
    best: Path, checkpoint: Path, train: Path, summary: Path, tested: Path, predictions: Path, folder: Path, experiment: dict,
    also: Mapping[str, Path] | None = None,
) -> dict:  # fmt: skip
    """Write the folder; return the content of model.json.

    `best`, `checkpoint`: of the selection; `train`, `summary`: of the data set; `tested`, `predictions`: the test's metrics.json
    and predictions.h5; `also`: predictions on further sets by name; `experiment`: the configuration. Raises DataError where
    these do not belong together.
    """
    chosen, test = read_json(best), read_json(tested)
    found = sha256(checkpoint)
    for name, expected in ((best, chosen["checkpoint_sha256"]), (tested, test["checkpoint_sha256"])):
        if found != expected:
            raise DataError(
                f"{checkpoint}: its sha256 {found[:12]}… is not the one in {name} ({expected[:12]}…); "
                "run the workflow again from the rule `select` on."
            )
    classifier = load_selected(checkpoint)
    validation = Showers(train, "validation", "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    write_graphs(classifier, folder)
    logits = _logits(classifier, validation)
    _write_probe(classifier, validation, folder)
    write_text(folder / LICENSE, _license())
    write_scores(predictions, also or {}, folder / TEMPLATES)
    content = description(classifier, chosen, test, read_json(summary), experiment)
    content["evaluation"] = _cost(classifier, validation.images(PROBE_SHOWERS))
    content["validation"] = _with_intervals(logits, validation.events, experiment["testing"], validation.signal)
    content["reference"] = reference(metrics.softmax(logits), validation)
    write_description(folder, content)
    return content


def _logits(classifier: Frozen, showers: Showers) -> np.ndarray:
    with torch.inference_mode():
        return np.concatenate([classifier(images).numpy() for images, _ in showers.batches(BATCH)])


def _cost(classifier: Frozen, images: torch.Tensor) -> dict:
    """How an answer is formed, and what it takes on this machine: the best of five batches of `images` in PyTorch."""
    kinds = {"plain": classifier.plain()} | ({"symmetric": classifier} if classifier.views > 1 else {})
    taken = {}
    with torch.inference_mode():
        for name, model in kinds.items():
            seconds = []
            for _ in range(COST_REPETITIONS):
                started = time.perf_counter()
                model(images)
                seconds.append(time.perf_counter() - started)
            taken[name] = round(1000 * min(seconds) / len(images), 4)
    return {
        "kind": list(kinds)[-1],
        "views": classifier.views,
        "milliseconds_per_shower": taken,
        "threads": torch.get_num_threads(),
    }


def _write_probe(frozen: Frozen, validation: Showers, folder: Path) -> None:
    images = validation.images(PROBE_SHOWERS)
    events = validation.events[:: -(-len(validation) // PROBE_SHOWERS)]
    before = None
    if isinstance(frozen, Selected) and temperature_of(frozen) is not None:
        with torch.inference_mode():
            before = frozen.uncalibrated()(images).numpy()
    write_probe(folder, images.numpy(), events, frozen.channels, probabilities(frozen, images), before)


def _with_intervals(logits: np.ndarray, events: np.ndarray, settings: dict, signal: int = ASSUMED) -> dict:
    """Metrics of the exported checkpoint on validation showers as value, low, high; images of a shower are drawn together."""
    statistics = bootstrap.overall(logits, events["label"].astype(np.int64), signal)
    options = (settings["bootstrap"], settings["confidence"], settings["seed"], events["shower_id"])
    found = bootstrap.intervals({name: statistics[name] for name in METRICS}, len(events), *options)
    return found | {"showers": len(np.unique(events["shower_id"])), "confidence": settings["confidence"]}


def _license() -> str:
    beside = Path(__file__).parents[3] / "LICENSE"  # the source tree
    text = beside.read_text() if beside.is_file() else distribution("cascada").read_text("licenses/LICENSE")
    if not text:
        raise DataError("The text of the licence was not installed; install cascada again from its repository.")
    return text
