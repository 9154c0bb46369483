"""Test the selected model on the sealed showers: the only module that reads test.h5, and only for the rule `test_model`.

Whatever needs test results afterwards reads metrics.json and predictions.h5, so that a changed plot does not open the seal.
"""

import json
import os
import time
from pathlib import Path

import h5py
import numpy as np

from cascada import metrics
from cascada.errors import DataError
from cascada.files import atomic_path, read_json, sha256, write_json
from cascada.provenance import provenance

BATCH = 512
ENERGY_BINS = 6
SIGNAL_EFFICIENCY = 0.5
MISTAKES = 8


def test_model(best: Path, checkpoint: Path, test: Path, metrics_file: Path, predictions: Path, settings: dict) -> dict:
    """Evaluate once; write predictions.h5 and metrics.json, and note the opening in the ledger beside test.h5.

    `settings`: `bootstrap` resamples, `confidence`, `seed`. Raises DataError if the checkpoint is not the frozen one.
    """
    chosen = read_json(best)
    found = sha256(checkpoint)
    if found != chosen["checkpoint_sha256"]:
        raise DataError(
            f"{checkpoint}: its sha256 {found[:12]}… is not the one frozen in {best} ({chosen['checkpoint_sha256'][:12]}…); "
            "run the rule `select` again."
        )
    note_opening(test, chosen)
    logits, events, mistakes, about = predict(checkpoint, test)
    probability, labels = metrics.softmax(logits), events["label"].astype(np.int64)
    content = report(logits, probability, labels, events["true_energy"], settings)
    content |= about | {
        "configuration": chosen["configuration"],
        "seed": chosen["seed"],
        "checkpoint_sha256": found,
        "test_sha256": sha256(test),
        "provenance": provenance(),
    }
    _write_predictions(predictions, probability, events, mistakes, about)
    write_json(metrics_file, content)
    return content


def note_opening(test: Path, chosen: dict) -> None:
    """Append to the ledger: an undeclared file that no rule deletes."""
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "configuration": chosen["configuration"],
        "seed": chosen["seed"],
        "checkpoint_sha256": chosen["checkpoint_sha256"],
        **provenance(),
    }
    line = json.dumps(entry) + "\n"
    ledger = os.open(test.with_name("test.ledger.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(ledger, line.encode())
    finally:
        os.close(ledger)


def predict(checkpoint: Path, test: Path) -> tuple[np.ndarray, np.ndarray, tuple, dict]:
    """Return logits (N, K), events (N,), the most confident mistakes (rows, images) and facts about the data."""
    import torch

    from cascada.data.format import EVENTS, IMAGES, open_showers, read_header, read_sources
    from cascada.models.classifier import load_classifier

    classifier = load_classifier(checkpoint)
    with open_showers(test) as file, torch.inference_mode():
        events, images = file[EVENTS][:], file[IMAGES]
        logits = np.concatenate(
            [classifier(torch.from_numpy(images[i : i + BATCH])).numpy() for i in range(0, len(events), BATCH)]
        )
        rows = most_confident_mistakes(metrics.softmax(logits), events["label"])
        mistakes = (rows, np.stack([images[row] for row in rows]) if len(rows) else np.zeros((0, *images.shape[1:])))
        about = {
            "classes": list(read_header(file).classes),
            "surrogate": any(row.kind == "surrogate" for row in read_sources(file)),
        }
    return logits, events, mistakes, about


def most_confident_mistakes(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows of wrong predictions, the most confident first, at most MISTAKES."""
    wrong = np.flatnonzero(probability.argmax(axis=1) != labels)
    return wrong[np.argsort(-probability[wrong].max(axis=1), kind="stable")][:MISTAKES]


def report(logits: np.ndarray, probability: np.ndarray, labels: np.ndarray, energy: np.ndarray, settings: dict) -> dict:
    """Return every metric as value, low, high: overall, as confusion matrix, and in bins of true energy."""

    def with_interval(statistic, rows=None):
        rows = np.arange(len(labels)) if rows is None else rows
        found = metrics.bootstrap(
            lambda drawn: statistic(rows[drawn]),
            len(rows),
            settings["bootstrap"],
            settings["confidence"],
            settings["seed"],
        )
        return {name: value.tolist() for name, value in found.items()}

    statistics = {
        "f1": lambda i: metrics.f1(probability[i], labels[i]),
        "accuracy": lambda i: metrics.accuracy(probability[i], labels[i]),
        "roc_auc": lambda i: metrics.roc_auc(probability[i], labels[i]),
        "loss": lambda i: metrics.log_loss(logits[i], labels[i]),
        "confusion_matrix": lambda i: metrics.confusion_matrix(probability[i], labels[i]),
    }
    content = {name: with_interval(statistic) for name, statistic in statistics.items()}
    edges = np.geomspace(energy.min() * 0.999, energy.max() * 1.001, ENERGY_BINS + 1)
    which = np.digitize(energy, edges) - 1
    bins = []
    for number in range(ENERGY_BINS):
        rows = np.flatnonzero(which == number)
        if len(rows):
            bins.append(
                {"low_gev": edges[number], "high_gev": edges[number + 1], "showers": len(rows)}
                | {name: with_interval(statistics[name], rows) for name in ("f1", "accuracy")}
            )
    return content | {"energy_bins": bins, "showers": len(labels), "settings": settings}


def _write_predictions(path: Path, probability, events, mistakes, about: dict) -> None:
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["probability"] = probability.astype(np.float32)
        for name in ("label", "event_id", "true_energy", "muons"):
            file[name] = events[name]
        file["true_energy"].attrs["unit"] = "GeV"
        file["mistakes/row"], file["mistakes/images"] = mistakes
        file["mistakes/images"].attrs["unit"] = "GeV"
        file.attrs.create("classes", about["classes"], dtype=h5py.string_dtype())
        file.attrs["surrogate"] = about["surrogate"]
