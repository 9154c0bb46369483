"""Training rate, with validation, logging and checkpoints, against a bare PyTorch loop and a thesis-style loop.

    python -m benchmarks.training [SHOWERS]

All three do the same optimisation steps and validation passes on the same showers, in turns within one run. Ours counts
all that happens from the first batch to the last checkpoint: resume files, TensorBoard, progress, metrics. On a processor
the processor's time counts (a busy machine disturbs little), on a GPU wall time.

The peers use our networks and the plain optimizer, the thesis-style loop in PyTorch's default memory layout.

Goals: 0.95 of the bare loop in the same precision; 1.0 against the thesis-style loop (float32, DataLoader over a
TensorDataset), 1.3 for `resnet` in bfloat16 where the processor computes with it natively, 3 on a GPU.
"""

import contextlib
import functools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from torch.nn import functional

from cascada.data import format as showers_format
from cascada.data.loading import Showers
from cascada.models import Design
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.training import trial as training
from cascada.training.trial import EVALUATION_BATCH, Machine, Trial, train

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
    with tempfile.TemporaryDirectory() as folder, timed_epochs(device) as spent:
        trial = Trial.of(
            configuration=f"{family}-00000000", model=family, hyperparameters=common | FAMILIES[family],
            settings={"metric": "f1", "precision": precision}, seed=1, epochs=EPOCHS, data=data,
            folder=Path(folder) / "trial", tensorboard=Path(folder) / "tensorboard",
        )  # fmt: skip
        result = train(trial, Machine(device=device), report=lambda text: None)
    assert result["status"] == "completed"
    return sum(spent)


def clock(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


@contextlib.contextmanager
def timed_epochs(device: str) -> Iterator[list[float]]:
    """Yield a list that gets the time of all epochs of each training, whatever they do beside training."""
    spent, run_epochs = [], training._run_epochs

    def run(*arguments) -> None:
        start = clock(device)
        run_epochs(*arguments)
        spent.append(clock(device) - start)

    with mock.patch.object(training, "_run_epochs", run):
        yield spent


def bare_loop(data: Path, family: str, common: dict, device: str, precision: str, thesis: bool = False) -> float:
    """The same steps without logging, metrics and checkpoints; `thesis`: a DataLoader over a TensorDataset."""
    autocast = functools.partial(torch.autocast, device, torch.bfloat16, enabled=precision == "bfloat16")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(False)  # our trainings, in the same process, ask for it
    torch.manual_seed(1)
    parts = [Showers(data, split, "cpu", "device") for split in ("train", "validation")]
    design = Design.of(family, common | FAMILIES[family])
    values = design.common
    transform = fit_transform(parts[0].images(4096), values.transform, values.threshold, values.normalize)
    model = Classifier(
        transform, design.build(1, 2), design=design,
        channels=("energy",), class_names=("iron", "proton"),
    ).to(device)  # fmt: skip
    if thesis:
        model.to(memory_format=torch.contiguous_format)  # the layout that images and weights have by default
    optimizer = torch.optim.Adam(model.parameters(), values.learning_rate)
    sets = [torch.utils.data.TensorDataset(part.images(), part.labels) for part in parts]
    loaders = [
        torch.utils.data.DataLoader(sets[0], values.batch_size, shuffle=True),
        torch.utils.data.DataLoader(sets[1], values.batch_size if thesis else EVALUATION_BATCH),
    ]
    in_memory = [part.tensors for part in sets]
    if not thesis:
        in_memory = [tuple(tensor.to(device) for tensor in tensors) for tensors in in_memory]
    started = clock(device)
    for _ in range(EPOCHS):
        model.train()
        order = torch.randperm(len(in_memory[0][1])).split(values.batch_size)
        batches = loaders[0] if thesis else ((in_memory[0][0][i], in_memory[0][1][i]) for i in order)
        for images, labels in batches:
            with autocast():
                logits = model(images.to(device))
            loss = functional.cross_entropy(logits.float(), labels.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if thesis:
                loss.item()
        model.eval()
        with torch.inference_mode():
            batches = loaders[1] if thesis else zip(*(t.split(EVALUATION_BATCH) for t in in_memory[1]), strict=True)
            for images, labels in batches:
                with autocast():
                    logits = model(images.to(device))
                functional.cross_entropy(logits.float(), labels.to(device)).item()
    return clock(device) - started


def native_bfloat16(device: str) -> bool:
    """Whether the processor multiplies bfloat16 matrices itself; without, bfloat16 is slower than float32."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability() >= (8, 0)
    information = Path("/proc/cpuinfo")
    flags = information.read_text() if information.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def compare(data: Path, family: str, device: str) -> list[tuple[str, float, float]]:
    """Return rows for a family: what was compared, ratio of rates, goal."""
    common, precisions = {"batch_size": 64, "learning_rate": 0.001}, ["float32"]
    precisions += ["bfloat16"] * native_bfloat16(device)
    ratios: dict[tuple[str, str], list[float]] = {}
    for _ in range(REPEATS):
        thesis = bare_loop(data, family, common, device, "float32", thesis=True)
        for precision in precisions:
            bare = bare_loop(data, family, common, device, precision)
            ours = cascada_loop(data, family, common, device, precision)
            ratios.setdefault((precision, "bare loop"), []).append(bare / ours)
            ratios.setdefault((precision, "thesis-style loop"), []).append(thesis / ours)
    goals = {
        ("bfloat16", "thesis-style loop"): 1.3 if family == "resnet" else 1.0,
        ("float32", "thesis-style loop"): 1.0,
    }
    if device.startswith("cuda"):
        goals = dict.fromkeys(goals, 3.0)
    return [
        (f"{family}, {precision} / {peer}", float(np.median(values)), goals.get((precision, peer), 0.95))
        for (precision, peer), values in ratios.items()
    ]


def main(showers: int = 2000, device: str | None = None) -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio of rates, goal."""
    device, rows = device or ("cuda" if torch.cuda.is_available() else "cpu"), []
    print(f"device {device}; {showers} showers, {EPOCHS} epochs, one thread; medians of {REPEATS}")
    print(f"{'training rate':<45} {'ratio':>6} {'goal':>6}")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "train.h5"
        write_showers(data, showers)
        for family in FAMILIES:
            for name, ratio, goal in compare(data, family, device):
                print(f"{name:<45} {ratio:>6.2f} {goal:>6.2f}", flush=True)
                rows.append((name, ratio, goal))
    return rows


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
