"""Prediction on one processor core: our predict path, from file to file, against a bare ONNX Runtime session on the same file.

    python -m benchmarks.serving

Goal: at least 0.97 of the speed of the bare session, a loop that anybody would write: it reads images in blocks of 128, computes
them as they come and keeps nothing. What computing in smaller batches gives is ours to have; beside it stands the ratio to a
bare session that is told of them. One thread each, compared by processor time, so that what else runs on the machine does not
decide; the ratio is the median of three runs, each the best times of some turns, and its spread is printed beside it.
"""

import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import onnxruntime
import torch

from cascada.core.files import write_json
from cascada.data import format as showers_format
from cascada.export.folder import ONNX
from cascada.export.graphs import write_graphs
from cascada.export.predict import Model, predict
from cascada.export.prediction_inputs import BATCH
from cascada.models import Design
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform

SHOWERS, RUNS, TURNS, GOAL = 4000, 3, 3, 0.97
FAMILIES = {
    "lenet": {"channels": [6, 16]},
    "resnet": {"blocks": [2, 2, 2, 2], "channels": [8, 32, 64, 128, 256]},
}


def write_showers(path: Path, number: int) -> np.ndarray:
    random = np.random.default_rng(1)
    images = random.gamma(0.5, 2.0, (number, 1, 80, 80)).astype(np.float32)
    images *= random.random(images.shape) < 0.5
    with showers_format.create(path, showers_format.Header(), showers=number) as writer:
        writer.append(images, showers_format.new_events(number))
        writer.write_sources([])
    return images[:64]


def write_model(folder: Path, family: str, images: np.ndarray) -> None:
    """An exported folder with fresh weights, as far as predicting needs it."""
    torch.manual_seed(1)
    design = Design.of(family, FAMILIES[family])
    common = design.common
    transform = fit_transform(torch.from_numpy(images), common.transform, common.threshold, common.normalize)
    classifier = Classifier(
        transform, design.build(1, 2), design=design,
        channels=["energy"], class_names=["iron", "proton"],
    ).eval()  # fmt: skip
    folder.mkdir()
    write_graphs(classifier, folder)
    content = {
        "format": 1, "configuration": family, "classes": {"iron": 5626, "proton": 14}, "data": {"surrogate": True},
        "input": {"channels": ["energy"], "observation_altitude_m": 5200.0}, "output": {"classes": ["iron", "proton"]},
    }  # fmt: skip
    write_json(folder / "model.json", content)


def bare(folder: Path, data: Path, batch: int = BATCH) -> float:
    """Seconds of a loop that anybody would write; in batches smaller than BATCH, of one that knows better."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / ONNX, options, providers=["CPUExecutionProvider"])
    started = time.process_time()
    with h5py.File(data) as file:
        images = file["images"]
        for start in range(0, len(images), BATCH):
            block = images[start : start + BATCH]
            for first in range(0, len(block), batch):
                session.run(None, {"images": block[first : first + batch]})
    return time.process_time() - started


def ours(folder: Path, data: Path, output: Path) -> float:
    model = Model(folder, threads=1)
    started = time.process_time()
    predict(model, [data], output)
    return time.process_time() - started


def times(folder: Path, family: str) -> np.ndarray:
    """Best seconds of the bare session, of the one with our batches, and of ours, for each run: (RUNS, 3)."""
    model, data = folder / family, folder / "showers.h5"
    batch = Model(model, threads=1).batch
    turns = [
        (bare(model, data), bare(model, data, batch), ours(model, data, folder / "out.h5")) for _ in range(RUNS * TURNS)
    ]
    return np.reshape(turns, (RUNS, TURNS, 3)).min(axis=1)


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio of speeds, goal."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = write_showers(folder / "showers.h5", SHOWERS)
        print(
            f"{SHOWERS} showers, one thread; processor times, best of {TURNS} turns, median of {RUNS} runs [lowest, highest]"
        )
        for family in FAMILIES:
            write_model(folder / family, family, images)
            bare(folder / family, folder / "showers.h5")  # page cache
            found = times(folder, family)
            alone, batched, whole = SHOWERS / np.median(found, axis=0)
            print(
                f"{family:8} bare {alone:6.0f}, in our batches {batched:6.0f}, cascada predict {whole:6.0f} showers/s"
            )
            for what, column, goal in (("bare session", 0, GOAL), ("bare session in our batches", 1, None)):
                rows.append((f"predict / {what}, {family}", found[:, column] / found[:, 2], goal))
    print(f"\n{'serving':<48} {'ratio':>6} {'spread':>14} {'goal':>6}")
    for what, ratios, goal in rows:
        spread = f"[{ratios.min():.2f}, {ratios.max():.2f}]"
        print(f"{what:<48} {np.median(ratios):>6.2f} {spread:>14} {goal or '':>6}")
    return [(what, float(np.median(ratios)), goal) for what, ratios, goal in rows if goal]


if __name__ == "__main__":
    main()
