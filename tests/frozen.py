"""Trained trials of one configuration, from their data to what a selection freezes of them and exports."""

from pathlib import Path

import h5py
import numpy as np
import trials
from showers import small_dataset

from cascada import baselines
from cascada.core.files import read_json, sha256, write_json

SETTINGS = {"bootstrap": 50, "confidence": 0.95, "seed": 1}
EXPERIMENT = {"experiment": "tiny", "testing": SETTINGS}
SEEDS = (1, 2)


def hard_dataset(folder: Path, showers: int = 400) -> None:
    """Showers of which some look like the other class: a network that is never wrong has no temperature."""
    folder.mkdir(parents=True)
    small_dataset(folder, showers)
    summary = read_json(folder / "summary.json")
    random = np.random.default_rng(5)
    for name in ("train", "test"):
        with h5py.File(folder / f"{name}.h5", "r+") as file:
            images = file["images"][:]
            mixed = np.flatnonzero(random.random(len(images)) < 0.3)
            images[mixed] = images[random.permutation(mixed)]
            file["images"][:] = images
        summary[f"{name}_sha256"] = sha256(folder / f"{name}.h5")
    write_json(folder / "summary.json", summary)


def train_trials(results: Path, dataset=hard_dataset, epochs: int = 2) -> Path:
    """Write dataset/, trials/, baselines/ and search/scores.json, as the rules do; `dataset` writes the first."""
    from cascada.training.scoring import score_trials
    from cascada.training.settings import Machine

    dataset(results / "dataset")
    data = results / "dataset/train.h5"
    for seed in SEEDS:
        folder = results / f"trials/lenet-0123abcd/seed-{seed}/epochs-{epochs}"
        values = trials.specification(results, data, seed=seed, epochs=epochs)
        trials.run(values | {"folder": str(folder), "tensorboard": str(results / f"tensorboard/{seed}")})
    baselines.train_baselines(data, results / "baselines/models.npz", results / "baselines/metrics.json")
    score_trials(data, metrics_files(results), results / "search/scores.json", Machine(device="cpu"), lambda text: None)
    return results


def metrics_files(results: Path) -> list[Path]:
    return sorted(results.glob("trials/*/*/*/metrics.json"))


def select(results: Path, folder: Path, metric: str = "f1", **how) -> dict:
    """Choose among the trials of `results`; write leaderboard.tsv, best.json and checkpoint.pt into `folder`; return best.json."""
    from cascada.selection import ranking
    from cascada.selection.freezing import Freezing

    stored = {"scores": results / "search/scores.json", "train": results / "dataset/train.h5"}
    files, outputs = metrics_files(results), ("leaderboard.tsv", "best.json", "checkpoint.pt")
    folder.mkdir(parents=True, exist_ok=True)
    return ranking.select(
        files, [path.with_name("checkpoint.pt") for path in files], metric, *(folder / name for name in outputs),
        **stored, how={"rule": "best", "tolerance": 0.002, "seed": "median"}, search={"seeds": list(SEEDS), "learns": False},
        freezing=Freezing(**how, settings=SETTINGS),
    )  # fmt: skip


def open_seal(results: Path, folder: Path, **settings) -> dict:
    """Open the sealed showers for what lies in `folder`; write metrics.json and predictions.h5 there."""
    from cascada.testing import evaluation

    return evaluation.test_model(
        best=folder / "best.json", checkpoint=folder / "checkpoint.pt", test=results / "dataset/test.h5",
        train=results / "dataset/train.h5", baselines=results / "baselines/models.npz", settings=SETTINGS | {"reopen": True} | settings,
        metrics_file=folder / "metrics.json", predictions=folder / "predictions.h5", mistakes_file=folder / "mistakes.h5",
    )  # fmt: skip


def export(results: Path, folder: Path) -> Path:
    """Write `folder`/model from what was selected and tested there."""
    from cascada.export.write import export_model

    inputs = (
        folder / "best.json",
        folder / "checkpoint.pt",
        results / "dataset/train.h5",
        results / "dataset/summary.json",
    )
    tested = (folder / "metrics.json", folder / "predictions.h5")
    export_model(*inputs, *tested, folder / "model", EXPERIMENT)
    return folder / "model"
