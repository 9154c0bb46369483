"""Prediction on one processor core: our predict path, from file to file, against a bare ONNX Runtime session on the same file.

    python -m benchmarks.serving

Goal: at least 0.95 of the speed of the bare session, which reads the same images in the same batches and keeps nothing.
One thread each, compared by processor time, so that what else runs on the machine does not decide.
"""

import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import onnxruntime
import torch

from cascada.data import format as showers_format
from cascada.exported import ONNX
from cascada.exporting import write_graphs
from cascada.files import write_json
from cascada.hyperparameters import Hyperparameters
from cascada.models import build
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.serving import BATCH, Model, predict

SHOWERS, REPEATS, GOAL = 4000, 5, 0.95
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
    hyperparameters = {**FAMILIES[family]}
    common = Hyperparameters()
    transform = fit_transform(torch.from_numpy(images), common.transform, common.threshold, common.normalize)
    classifier = Classifier(
        transform, build(family, hyperparameters, 1, 2), model_name=family, hyperparameters=hyperparameters,
        channels=["energy"], class_names=["iron", "proton"],
    ).eval()  # fmt: skip
    folder.mkdir()
    write_graphs(classifier, folder)
    content = {
        "format": 1, "configuration": family, "classes": {"iron": 5626, "proton": 14}, "data": {"surrogate": True},
        "input": {"channels": ["energy"], "observation_altitude_m": 5200.0}, "output": {"classes": ["iron", "proton"]},
    }  # fmt: skip
    write_json(folder / "model.json", content)


def bare(folder: Path, data: Path) -> float:
    """Seconds of a loop that anybody would write."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / ONNX, options, providers=["CPUExecutionProvider"])
    started = time.process_time()
    with h5py.File(data) as file:
        images = file["images"]
        for start in range(0, len(images), BATCH):
            session.run(None, {"images": images[start : start + BATCH]})
    return time.process_time() - started


def ours(folder: Path, data: Path, output: Path) -> float:
    model = Model(folder, threads=1)
    started = time.process_time()
    predict(model, [data], output)
    return time.process_time() - started


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio of speeds, goal."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = write_showers(folder / "showers.h5", SHOWERS)
        print(f"{SHOWERS} showers, one thread; best processor times of {REPEATS}, taken in turns")
        for family in FAMILIES:
            write_model(folder / family, family, images)
            bare(folder / family, folder / "showers.h5")  # page cache
            pairs = [
                (
                    bare(folder / family, folder / "showers.h5"),
                    ours(folder / family, folder / "showers.h5", folder / "out.h5"),
                )
                for _ in range(REPEATS)
            ]
            alone, whole = np.min(pairs, axis=0)
            print(
                f"{family:8} bare session {SHOWERS / alone:8.0f} showers/s, cascada predict {SHOWERS / whole:8.0f} showers/s"
            )
            rows.append((f"predict / bare session, {family}", float(alone / whole), GOAL))
    print(f"\n{'serving':<40} {'ratio':>6} {'goal':>6}")
    for what, ratio, goal in rows:
        print(f"{what:<40} {ratio:>6.2f} {goal:>6.2f}")
    return rows


if __name__ == "__main__":
    main()
