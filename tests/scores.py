"""Scores of showers with known truth, in the files that the test and `cascada predict` write: for tests of compositions."""

from pathlib import Path

import h5py
import numpy as np

from cascada.core.files import sha256, write_json
from cascada.statistics import metrics

LOW, HIGH = 2500.0, 63_000.0  # GeV


def energies(number: int, random: np.random.Generator, index: float = -1.0) -> np.ndarray:
    """dN/dE ∝ E^index (N,) [GeV]."""
    if index == -1:
        return np.exp(random.uniform(np.log(LOW), np.log(HIGH), number))
    low, high = LOW ** (index + 1), HIGH ** (index + 1)
    return (low + random.random(number) * (high - low)) ** (1 / (index + 1))


def probabilities(
    labels: np.ndarray, energy: np.ndarray, random: np.random.Generator, separation: float = 1.0, bias: float = 0.0
) -> np.ndarray:
    """Of two classes, that are told apart the better, the higher the energy: float32 (N, 2). `bias`: towards the second."""
    signed = separation * (1 + np.log10(energy / LOW)) * (2 * labels - 1) + random.normal(bias, size=len(labels))
    return metrics.softmax(np.stack([-signed, signed], axis=1)).astype(np.float32)


def exported(folder: Path) -> Path:
    """What a composition needs of an exported folder, but for the templates; the network itself is not asked."""
    folder.mkdir(parents=True)
    output, data = {"classes": ["iron", "proton"], "signal": "proton"}, {"surrogate": True}
    write_json(folder / "model.json", {"format": 2, "configuration": "lenet-01234567", "output": output, "data": data})
    (folder / "model.onnx").write_bytes(b"a network")
    return folder


def tested(path: Path, each: int = 1000, seed: int = 1, **options) -> Path:
    """predictions.h5 of a test on as many showers of either class."""
    random, label = np.random.default_rng(seed), np.repeat([0, 1], each)
    energy = energies(2 * each, random)
    return write(path, probabilities(label, energy, random, **options), energy, label=label.astype("<i2"))


def predicted(path: Path, model: Path, probability: np.ndarray, energy: np.ndarray, **columns: np.ndarray) -> Path:
    """What `cascada predict` writes with the model of an exported folder."""
    write(path, probability, energy, source=np.zeros(len(energy), "<i4"), **columns)
    with h5py.File(path, "r+") as file:
        file.attrs["model_sha256"], file.attrs["surrogate"] = sha256(model / "model.onnx"), True
    return path


def mixture(
    path: Path, model: Path, iron: float, number: int = 800, index: float = -2.7, seed: int = 5, **options
) -> Path:
    """Predictions of unknown showers, of which a fraction is iron (class 0)."""
    random = np.random.default_rng(seed)
    labels, energy = (random.random(number) >= iron).astype(int), energies(number, random, index)
    return predicted(path, model, probabilities(labels, energy, random, **options), energy)


def write(path: Path, probability: np.ndarray, energy: np.ndarray, **columns: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["probability"], file["true_energy"] = probability, energy
        for name, values in ({"shower_id": np.arange(len(energy))} | columns).items():
            file[name] = values
    return path
