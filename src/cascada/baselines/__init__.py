"""What a deep model must beat: three scikit-learn classifiers of a few features, trained on the same splits.

| name                  | features                                                                       |
|-----------------------|--------------------------------------------------------------------------------|
| `logistic_regression` | total energy and radial moments                                                |
| `gradient_boosting`   | radial profile (HistGradientBoostingClassifier)                                |
| `physics_variables`   | what a physicist would measure (`variables.py`), gradient boosting again       |

They are shown beside the models and never selected. What they have learnt is stored as plain arrays in one NPZ file, since a
pickle could run anything when it is read.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cascada.baselines import features, variables
from cascada.baselines.trees import Trees
from cascada.core.classes import index
from cascada.core.errors import DataError
from cascada.core.files import atomic_path, sha256, write_json
from cascada.core.provenance import provenance
from cascada.data.format import IMAGES, SPLITS, open_showers, read_events, read_header
from cascada.statistics import metrics

SIMPLEST, PHYSICS = "logistic_regression", "physics_variables"
NAMES = (SIMPLEST, "gradient_boosting", PHYSICS)
CHANNELS = "channels"  # of the images, beside the baselines' arrays
BLOCK = 512  # showers read at once


def tables(images: np.ndarray, channels: Sequence[str]) -> dict[str, np.ndarray]:
    """Images (N, C, 80, 80) [GeV] → the features (N, F) of each baseline."""
    moments, profile = features.both(images)
    return dict(zip(NAMES, (moments, profile, variables.variables(images, channels)), strict=True))


def train_baselines(data: Path, models: Path, metrics_file: Path, seed: int = 1, threads: int = 1) -> dict:
    """Fit all on the training showers of `data`; write their arrays and their metrics; return the metrics.

    `metrics_file`: for each baseline `validation` and `training` as in a trial's metrics.json, `parameters`, `wall_seconds`.
    """
    from threadpoolctl import threadpool_limits

    with open_showers(data) as file:
        events, header = read_events(file), read_header(file)
        classes, signal = list(header.classes), index(header.classes, header.signal)
        found = [tables(block, header.channels) for block in _blocks(file[IMAGES])]
    table = {name: np.concatenate([part[name] for part in found]) for name in NAMES}
    labels = events["label"].astype(np.int64)
    split = {name: events["split"] == SPLITS[name] for name in ("train", "validation")}
    arrays: dict[str, np.ndarray] = {CHANNELS: np.array(header.channels)}
    trained: dict[str, dict] = {}
    for name in NAMES:
        started = time.perf_counter()
        with threadpool_limits(threads):
            model = FITS[name](table[name][split["train"]], labels[split["train"]], len(classes), seed)
        logits = model.logits(table[name])
        trained[name] = {
            "training": metrics.evaluate(logits[split["train"]], labels[split["train"]], signal),
            "validation": metrics.evaluate(logits[split["validation"]], labels[split["validation"]], signal),
            "features": table[name].shape[1],
            "parameters": model.size(),
            "wall_seconds": time.perf_counter() - started,
        }
        arrays |= {f"{name}.{key}": value for key, value in model.arrays().items()}
    with atomic_path(models) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    content = {
        "baselines": trained, "classes": classes, "signal": classes[signal], "seed": seed, "data_sha256": sha256(data),
        "models_sha256": sha256(models), "provenance": provenance(),
    }  # fmt: skip
    write_json(metrics_file, content)
    return content


class Baselines:
    """The trained baselines, read back."""

    def __init__(self, path: Path):
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {key: file[key] for key in file.files}
            parts = {n: {k.split(".")[1]: v for k, v in arrays.items() if k.startswith(f"{n}.")} for n in NAMES}
            self.channels = [str(name) for name in arrays[CHANNELS]]
            self.models = {name: KINDS[name](**parts[name]) for name in NAMES}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{path}: not readable as baselines ({error}); run the rule `train_baselines` again."
            ) from error

    def logits(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Images (N, C, 80, 80) [GeV] → by name logits (N, K)."""
        found = tables(images, self.channels)
        return {name: model.logits(found[name]) for name, model in self.models.items()}


class Linear:
    """Logits that are linear in standardised features: weights (K, F), bias (K,), mean and scale (F,)."""

    def __init__(self, weights: np.ndarray, bias: np.ndarray, mean: np.ndarray, scale: np.ndarray):
        self.weights, self.bias, self.mean, self.scale = weights, bias, mean, scale

    def logits(self, table: np.ndarray) -> np.ndarray:
        return (table - self.mean) / self.scale @ self.weights.T + self.bias

    def arrays(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights, "bias": self.bias, "mean": self.mean, "scale": self.scale}

    def size(self) -> int:
        return self.weights.size + self.bias.size


def _fit_logistic(table: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> Linear:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(table)
    model = LogisticRegression(max_iter=2000, random_state=seed).fit(scaler.transform(table), labels)
    weights, bias = model.coef_, model.intercept_
    if classes == 2:  # scikit-learn keeps the positive class's row alone
        weights, bias = np.concatenate([0 * weights, weights]), np.concatenate([0 * bias, bias])
    return Linear(weights, bias, scaler.mean_, scaler.scale_)


def _fit_trees(table: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> Trees:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(random_state=seed, early_stopping=False)
    return Trees.from_scikit_learn(model.fit(table, labels))


KINDS: dict[str, type[Linear] | type[Trees]] = dict(zip(NAMES, (Linear, Trees, Trees), strict=True))
FITS: dict[str, Callable[[np.ndarray, np.ndarray, int, int], Linear | Trees]] = {
    name: _fit_logistic if kind is Linear else _fit_trees for name, kind in KINDS.items()
}


def _blocks(images) -> Iterator[np.ndarray]:
    for start in range(0, len(images), BLOCK):
        yield images[start : start + BLOCK]
