"""All numbers of a test, each as value, low and high of a bootstrap over the showers. Pure: arrays in, plain values out."""

import numpy as np

from cascada import bootstrap, metrics

ENERGY_BINS, MUON_BINS = 6, 8
SIGNAL_EFFICIENCY = 0.5  # where the background that is left is quoted
CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)  # signal efficiencies with intervals in the picture
CALIBRATED_DRAWS = 200
COMPARED = ("f1", "accuracy", "roc_auc", "loss", "brier")


def report(logits: np.ndarray, events: np.ndarray, baselines: dict[str, np.ndarray], settings: dict) -> dict:
    """Logits (N, K), events (N,) of EVENT_DTYPE, the baselines' logits by name → the content of metrics.json.

    `settings`: `bootstrap`, `confidence`, `seed`. Class 1 is the signal, the rest the background.
    """
    labels, shower = events["label"].astype(np.int64), bootstrap.number_showers(events["shower_id"])
    probability = metrics.softmax(logits)
    signal, score = labels == 1, log_odds(logits)
    bins = {
        "true_energy": _bins(events["true_energy"], np.geomspace, ENERGY_BINS),
        "muons": _bins(events["muons"], _quantiles, MUON_BINS),
        "probability": _bins(probability[:, 1], np.linspace, 10, (0.0, 1.0)),
    }
    statistics = _overall(logits, probability, labels)
    statistics["confusion_matrix"] = bootstrap.confusion_matrix(probability, labels)
    statistics["curve"] = bootstrap.background_efficiency(score, signal, CURVE)
    statistics["merit_factor"] = bootstrap.merit_factor(score, signal)
    confidence, correct = probability.max(axis=1), probability.argmax(axis=1) == labels
    statistics["ece"] = bootstrap.calibration_error(confidence, correct)
    statistics["frequency"] = bootstrap.means(signal.astype(float), bins["probability"][1])
    for name in ("true_energy", "muons"):
        for label in range(probability.shape[1]):
            members = bins[name][1] & (labels == label)[:, None]
            statistics[f"{name}.{label}"] = bootstrap.means(probability[:, 1], members)
    for number, members in enumerate(bins["true_energy"][1].T):
        statistics |= {f"{name}/{number}": one for name, one in _in_bin(probability, labels, members).items()}
    for name, theirs in baselines.items():
        mine = _overall(theirs, metrics.softmax(theirs), labels)
        statistics |= {f"{name}.{metric}": mine[metric] for metric in COMPARED}
        statistics |= {
            f"{name}-{metric}": bootstrap.difference(statistics[metric], mine[metric]) for metric in COMPARED
        }
    options = (settings["bootstrap"], settings["confidence"], settings["seed"])
    found = {
        name: {key: value.tolist() for key, value in one.items()}
        for name, one in bootstrap.intervals(statistics, len(labels), *options, shower).items()
    }
    names = (*COMPARED, "confusion_matrix", "merit_factor")
    content = {name: found[name] for name in names}
    content |= background(found["curve"], score, signal, settings["confidence"], shower)
    content["ece"] = _calibration_error(found["ece"], confidence, settings["seed"], shower)
    rows = _profile(bins["probability"], found["frequency"], probability[:, 1])
    different = [number for number in _different(shower, bins["probability"][1]) if number]
    content["calibration"] = [
        row | bootstrap.exact(row, row["images"], settings["confidence"], number)
        for row, number in zip(rows, different, strict=True)
    ]
    content["energy_bins"] = _energy_bins(bins["true_energy"], found, settings["confidence"], shower)
    content["profiles"] = {
        name: {
            str(k): _profile((bins[name][0], bins[name][1] & (labels == k)[:, None]), found[f"{name}.{k}"])
            for k in range(probability.shape[1])
        }
        for name in ("true_energy", "muons")
    }
    content["baselines"] = {
        name: {metric: found[f"{name}.{metric}"] | {"difference": found[f"{name}-{metric}"]} for metric in COMPARED}
        for name in baselines
    }
    return content | {"images": len(labels), "showers": int(shower.max()) + 1, "settings": settings}


def log_odds(logits: np.ndarray) -> np.ndarray:
    """ln p/(1 − p) of class 1 from logits (N, K): with two classes their difference."""
    others = np.delete(logits.astype(np.float64), 1, axis=1)
    return logits[:, 1] - np.logaddexp.reduce(others, axis=1)


def _overall(logits: np.ndarray, probability: np.ndarray, labels: np.ndarray) -> dict[str, bootstrap.Statistic]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return {
        "f1": bootstrap.f1(probability, labels),
        "accuracy": bootstrap.mean((probability.argmax(axis=1) == labels).astype(float)),
        "roc_auc": bootstrap.roc_auc(probability if logits.shape[1] > 2 else _two(log_odds(logits)), labels),
        "loss": bootstrap.mean(losses),
        "brier": bootstrap.brier(probability, labels),
    }


def _two(score: np.ndarray) -> np.ndarray:
    """As probabilities of two classes, for ranking alone: log-odds keep apart what rounds to 1 as probability."""
    return np.stack([-score, score], axis=1)


def _in_bin(probability: np.ndarray, labels: np.ndarray, members: np.ndarray) -> dict[str, bootstrap.Statistic]:
    return {
        "f1": bootstrap.f1(probability, labels, members),
        "accuracy": bootstrap.mean((probability.argmax(axis=1) == labels).astype(float), members),
        "confusion_matrix": bootstrap.confusion_matrix(probability, labels, members),
    }


def _different(shower: np.ndarray, members: np.ndarray) -> list[int]:
    """Number of different showers (N,) in each group of members (N, M)."""
    return [len(np.unique(shower[mine])) for mine in members.T]


def background(curve: dict, score: np.ndarray, signal: np.ndarray, confidence: float, shower: np.ndarray) -> dict:
    """Background left at half of the signal, Q = ε_S/√ε_B, and the curve; limits where no background survives.

    The interval of ε_B covers both what the bootstrap sees, the cut that moves included, and the exact (Clopper-Pearson)
    interval of the count, which the bootstrap underestimates for few survivors. Without survivors, `value` is 0 and `high` the
    upper limit; Q then has no value and a lower limit, `low`.
    """
    points = []
    number, showers = int((~signal).sum()), len(np.unique(shower[~signal]))
    for i, wanted in enumerate(CURVE):
        left, kept = curve["value"][i]
        survivors = round(left * number) if number else 0
        low, high = bootstrap.clopper_pearson(survivors, number, confidence, showers)
        if survivors:
            low, high = min(low, curve["low"][i][0]), max(high, curve["high"][i][0])
        points.append(
            {
                "signal_efficiency": kept,
                "wanted": wanted,
                "value": left,
                "low": low,
                "high": high,
                "survivors": survivors,
            }
        )
    at = points[CURVE.index(SIGNAL_EFFICIENCY)]
    quality = {
        "value": at["signal_efficiency"] / np.sqrt(at["value"]) if at["survivors"] else None,
        "low": at["signal_efficiency"] / np.sqrt(at["high"]),
        "high": at["signal_efficiency"] / np.sqrt(at["low"]) if at["low"] > 0 else None,
        "limit": None if at["survivors"] else "lower",
    }
    limit = {"background": number, "limit": None if at["survivors"] else "upper"}
    return {"background_efficiency": at | limit, "q_factor": quality, "background_curve": points}


def _calibration_error(found: dict, confidence: np.ndarray, seed: int, shower: np.ndarray) -> dict:
    """ECE with an interval that allows for its bias, and what a perfectly calibrated model would show.

    Resampling adds noise to every bin, so that the resamples' ECE lies above the sample's, as the sample's lies above the truth:
    the interval reaches down as far below the value as the resamples reach above it (reverse percentile).
    """
    random, showers = np.random.default_rng(seed), shower.max() + 1
    cells = bootstrap.calibration_error
    drawn = [  # images of one shower are right or wrong together
        cells(confidence, random.random(showers)[shower] < confidence)(np.ones((1, len(confidence))))[0]
        for _ in range(CALIBRATED_DRAWS)
    ]
    low = max(0.0, 2 * found["value"] - found["high"])
    return found | {"low": min(low, found["value"]), "if_calibrated": float(np.mean(drawn))}


def _bins(values: np.ndarray, space, number: int, ends: tuple | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Edges (M + 1,) and members (N, M); values that are not finite belong nowhere."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(1), np.zeros((len(values), 0), bool)
    if ends is None:
        ends = (values[known].min() * 0.999, values[known].max() * 1.001)
    edges = space(values[known], number) if space is _quantiles else space(*ends, number + 1)
    which = np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2)
    return edges, (which[:, None] == np.arange(len(edges) - 1)) & known[:, None]


def _quantiles(values: np.ndarray, number: int) -> np.ndarray:
    edges = np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, number + 1)))
    return edges if len(edges) > 1 else np.array([edges[0], edges[0] + 1])


def _profile(bins: tuple[np.ndarray, np.ndarray], found: dict, values: np.ndarray | None = None) -> list[dict]:
    """One row per bin that is not empty; `mean` of `values` in it if they are given."""
    edges, members = bins
    rows = []
    for i in range(members.shape[1]):
        value = found["value"][i]
        if value != value:
            continue
        row = {"from": edges[i], "to": edges[i + 1], "images": int(members[:, i].sum())}
        if values is not None:
            row["mean"] = values[members[:, i]].mean()
        rows.append(row | {key: found[key][i] for key in ("value", "low", "high")})
    return rows


def _energy_bins(bins: tuple[np.ndarray, np.ndarray], found: dict, confidence: float, shower: np.ndarray) -> list[dict]:
    edges, members = bins
    rows, different = [], _different(shower, members)
    for i, number in enumerate(members.sum(axis=0).tolist()):
        if number:
            row = {"low_gev": edges[i], "high_gev": edges[i + 1], "images": number, "showers": different[i]}
            row |= {name: found[f"{name}/{i}"] for name in ("f1", "accuracy", "confusion_matrix")}
            row["accuracy"] = bootstrap.exact(row["accuracy"], number, confidence, different[i])
            rows.append(row)
    return rows
