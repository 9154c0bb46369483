"""What a deep model must beat: two scikit-learn classifiers of a few features, trained on the same splits.

| name                  | features                                                                       |
|-----------------------|--------------------------------------------------------------------------------|
| `logistic_regression` | total energy and radial moments                                                |
| `gradient_boosting`   | radial profile (HistGradientBoostingClassifier)                                |

They are shown beside the models and never selected. What they have learnt is stored as plain arrays in one NPZ file, since a
pickle could run anything when it is read.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cascada.baselines import features
from cascada.baselines.trees import Trees
from cascada.core.classes import index
from cascada.core.errors import DataError
from cascada.core.files import atomic_path, sha256, write_json
from cascada.core.provenance import provenance
from cascada.data.format import IMAGES, SPLITS, open_showers, read_events, read_header
from cascada.statistics import metrics

NAMES = ("logistic_regression", "gradient_boosting")
BLOCK = 512  # showers read at once


def train_baselines(data: Path, models: Path, metrics_file: Path, seed: int = 1, threads: int = 1) -> dict:
    """Fit both on the training showers of `data`; write their arrays and their metrics; return the metrics.

    `metrics_file`: for each baseline `validation` and `training` as in a trial's metrics.json, `parameters`, `wall_seconds`.
    """
    from threadpoolctl import threadpool_limits

    with open_showers(data) as file:
        events, header = read_events(file), read_header(file)
        classes, signal = list(header.classes), index(header.classes, header.signal)
        found = [features.both(block) for block in _blocks(file[IMAGES])]
    table = {name: np.concatenate([part[i] for part in found]) for i, name in enumerate(("moments", "profile"))}
    labels = events["label"].astype(np.int64)
    split = {name: events["split"] == SPLITS[name] for name in ("train", "validation")}
    arrays: dict[str, np.ndarray] = {}
    trained: dict[str, dict] = {}
    for name, of in zip(NAMES, ("moments", "profile"), strict=True):
        started = time.perf_counter()
        with threadpool_limits(threads):
            fit = _fit_logistic if name == "logistic_regression" else _fit_trees
            model = fit(table[of][split["train"]], labels[split["train"]], len(classes), seed)
        logits = model.logits(table[of])
        trained[name] = {
            "training": metrics.evaluate(logits[split["train"]], labels[split["train"]], signal),
            "validation": metrics.evaluate(logits[split["validation"]], labels[split["validation"]], signal),
            "features": table[of].shape[1],
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
            self.models: dict[str, Linear | Trees] = {
                "logistic_regression": Linear(**parts[NAMES[0]]),
                "gradient_boosting": Trees(**parts[NAMES[1]]),
            }
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{path}: not readable as baselines ({error}); run the rule `train_baselines` again."
            ) from error

    def logits(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Images (N, C, 80, 80) [GeV] → by name logits (N, K)."""
        moments, profile = features.both(images)
        return {
            "logistic_regression": self.models["logistic_regression"].logits(moments),
            "gradient_boosting": self.models["gradient_boosting"].logits(profile),
        }


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


def _blocks(images) -> Iterator[np.ndarray]:
    for start in range(0, len(images), BLOCK):
        yield images[start : start + BLOCK]
