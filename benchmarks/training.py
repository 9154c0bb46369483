"""Training rate, with validation, logging and checkpoints, against a bare PyTorch loop and a thesis-style loop.

All three do the same optimisation steps and validation passes on the same showers; ratios within one run are printed.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from cascada.data import format as showers_format
from cascada.data.loading import Showers
from cascada.models import build
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.training import EVALUATION_BATCH, Machine, Trial, common_of, make_optimizer, train

EPOCHS, REPEATS = 2, 3
FAMILIES = {
    "lenet": {"channels": [6, 16]},
    "resnet": {"blocks": [2, 2, 2, 2], "channels": [8, 32, 64, 128, 256]},
}


def write_showers(path: Path, number: int) -> None:
    """Random images with as many zeros as real ones, half of each class, four fifths for training."""
    random = np.random.default_rng(1)
    header = showers_format.Header(classes=("iron", "proton"))
    with showers_format.create(path, header, showers=number) as writer:
        images = random.gamma(0.5, 2.0, (number, 1, 80, 80)).astype(np.float32)
        images *= random.random(images.shape) < 0.5
        events = showers_format.new_events(number)
        events["label"] = np.arange(number) % 2
        events["split"] = np.arange(number) % 5 == 0
        images[events["label"] == 1, :, 30:50, 30:50] *= 2
        writer.append(images, events)
        writer.write_sources([])


def cascada_loop(data: Path, family: str, common: dict, device: str, precision: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(
            configuration=f"{family}-00000000", model=family, hyperparameters=common | FAMILIES[family],
            settings={"metric": "f1", "precision": precision}, seed=1, epochs=EPOCHS, data=data,
            folder=Path(folder) / "trial", tensorboard=Path(folder) / "tensorboard",
        )  # fmt: skip
        result = train(trial, Machine(device=device), report=lambda text: None)
    return result["training_seconds"]


def bare_loop(data: Path, family: str, common: dict, device: str, thesis: bool) -> float:
    """The same steps without logging, metrics and checkpoints; `thesis`: a DataLoader over a TensorDataset."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    training, validation = (Showers(data, split, "cpu", "device") for split in ("train", "validation"))
    values = common_of(common)
    transform = fit_transform(training.images(4096), values.transform, values.threshold, values.normalize)
    hyperparameters = common | FAMILIES[family]
    model = Classifier(
        transform, build(family, hyperparameters, 1, 2), model_name=family, hyperparameters=hyperparameters,
        channels=("energy",), class_names=("iron", "proton"),
    ).to(device)  # fmt: skip
    optimizer = make_optimizer(model, values)
    sets = [torch.utils.data.TensorDataset(part.images(), part.labels) for part in (training, validation)]
    loaders = [
        torch.utils.data.DataLoader(sets[0], values.batch_size, shuffle=True),
        torch.utils.data.DataLoader(sets[1], values.batch_size if thesis else EVALUATION_BATCH),
    ]
    in_memory = [part.tensors for part in sets]
    if not thesis:
        in_memory = [tuple(tensor.to(device) for tensor in tensors) for tensors in in_memory]
    started = time.perf_counter()
    for _ in range(EPOCHS):
        model.train()
        order = torch.randperm(len(in_memory[0][1])).split(values.batch_size)
        batches = loaders[0] if thesis else ((in_memory[0][0][i], in_memory[0][1][i]) for i in order)
        for images, labels in batches:
            loss = functional.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if thesis:
                loss.item()
        model.eval()
        with torch.inference_mode():
            parts = loaders[1] if thesis else zip(*(t.split(EVALUATION_BATCH) for t in in_memory[1]), strict=True)
            for images, labels in parts:
                functional.cross_entropy(model(images.to(device)), labels.to(device)).item()
    return time.perf_counter() - started


def main(showers: int = 2000, device: str | None = None) -> None:
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    print(f"device {device}; {showers} showers, {EPOCHS} epochs; ratio of rates, above 1 is faster than the peer")
    print(f"{'family':8} {'precision':9} {'bare loop':>10} {'thesis-style':>13}   (median of {REPEATS})")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "train.h5"
        write_showers(data, showers)
        for family in FAMILIES:
            common = {"batch_size": 64, "learning_rate": 0.001}
            for precision in ("float32", "bfloat16"):
                rows = []
                for _ in range(REPEATS):
                    ours = cascada_loop(data, family, common, device, precision)
                    rows.append([bare_loop(data, family, common, device, thesis) / ours for thesis in (False, True)])
                bare, thesis = np.median(rows, axis=0)
                print(f"{family:8} {precision:9} {bare:10.2f} {thesis:13.2f}", flush=True)


if __name__ == "__main__":
    main()
