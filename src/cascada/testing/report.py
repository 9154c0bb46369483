"""All numbers of a test, each as value, low and high of a bootstrap over the showers. Pure: arrays in, plain values out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cascada.core.classes import ASSUMED, meanings
from cascada.statistics import bootstrap, metrics
from cascada.statistics import weights as weighting
from cascada.statistics.names import COMPARED
from cascada.testing import bins, explained, spectrum

ENERGY_BINS, MUON_BINS = 6, 8
SIGNAL_EFFICIENCY = 0.5  # where the background that is left is quoted
CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)  # signal efficiencies with intervals in the picture
CALIBRATED_DRAWS = 200


@dataclass(frozen=True, slots=True)
class _Sample:
    """The showers of a test: logits and probabilities (N, K), labels and numbers of showers (N,), bins by name.

    `weight` (N,): what each counts, None for all alike.
    """

    logits: np.ndarray
    probability: np.ndarray
    labels: np.ndarray
    shower: np.ndarray
    signal: int  # its label
    bins: dict[str, tuple[np.ndarray, np.ndarray]]
    weight: np.ndarray | None = None

    @property
    def is_signal(self) -> np.ndarray:
        return self.labels == self.signal

    @property
    def confidence(self) -> np.ndarray:
        """Probability (N,) of the likeliest class."""
        return self.probability.max(axis=1)


def report(
    logits: np.ndarray,
    events: np.ndarray,
    baselines: dict[str, np.ndarray],
    settings: dict,
    classes: Sequence[str] = (),
    signal: int = ASSUMED,
    weight: np.ndarray | None = None,
) -> dict:
    """Logits (N, K), events (N,) of EVENT_DTYPE, the baselines' logits by name → the content of metrics.json.

    `settings`: `bootstrap`, `confidence`, `seed`, `spectrum_index`. `classes`: names, their numbers if omitted; `signal`: the
    signal's label, all other classes together are the background. `weight` (N,): what each image counts; with a spectrum index
    the section `spectrum` says all numbers under such weights once more.
    """
    names = list(classes) or [str(label) for label in range(logits.shape[1])]
    sample = _sample(logits, events, signal, weight)
    statistics = _statistics(sample) | _compared(sample, baselines)
    statistics |= explained.statistics(logits, baselines, sample.labels, signal)
    right = logits.argmax(axis=1) == sample.labels
    if weight is not None:  # without weights, exact intervals of counts are enough
        statistics |= bins.statistics(right, events, names)
    found = _intervals(statistics, sample, settings)
    content: dict[str, object] = {name: found[name] for name in (*COMPARED, "confusion_matrix", "merit_factor")}
    score = metrics.log_odds(logits, signal)
    content |= background(found["curve"], score, sample.is_signal, settings["confidence"], sample.shower, weight)
    content["ece"] = _calibration_error(found["ece"], sample.confidence, settings["seed"], sample.shower, weight)
    content["of_class"] = _of_class(found, sample, names, settings["seed"])
    content["calibration"] = _calibration(found["frequency"], sample, settings["confidence"])
    content["energy_bins"] = _energy_bins(sample, found, settings["confidence"])
    content["profiles"] = {name: _profiles(found, sample, name) for name in ("true_energy", "muons")}
    content["baselines"] = {
        name: {metric: found[f"{name}.{metric}"] | {"difference": found[f"{name}-{metric}"]} for metric in COMPARED}
        for name in baselines
    }
    content["bins"] = bins.in_bins(right, events, names, sample.shower, settings["confidence"], weight, found)
    content["explained"] = explained.explained(found)
    counts = np.ones(len(logits)) if weight is None else weight
    content = spectrum.exact_where_perfect(content, sample.labels, sample.shower, counts, settings["confidence"])
    if weight is not None:
        return content
    if settings.get("spectrum_index") is not None:
        of = spectrum.weights(events, settings)
        weighted = report(logits, events, baselines, settings, classes, signal, of)
        content["spectrum"] = spectrum.about(settings, sample.labels, sample.shower, of, names) | weighted
    of_class = {name: len(np.unique(sample.shower[sample.labels == k])) for k, name in enumerate(names)}
    about = {
        "showers_of_class": of_class,
        "classes": names,
        "signal": names[signal],
        "meanings": meanings(names, signal),
    }
    return content | about | {"images": len(logits), "showers": int(sample.shower.max()) + 1, "settings": settings}


def _intervals(statistics: dict[str, bootstrap.Statistic], sample: _Sample, settings: dict) -> dict[str, dict]:
    """`value`, `low`, `high` of every statistic, as plain values."""
    if sample.weight is not None:
        return spectrum.intervals(statistics, sample.weight, sample.shower, settings)
    options = (settings["bootstrap"], settings["confidence"], settings["seed"])
    return {
        name: {key: value.tolist() for key, value in one.items()}
        for name, one in bootstrap.intervals(statistics, len(sample.labels), *options, sample.shower).items()
    }


def _sample(logits: np.ndarray, events: np.ndarray, signal: int, weight: np.ndarray | None = None) -> _Sample:
    probability = metrics.softmax(logits)
    bins = {
        "true_energy": _bins(events["true_energy"], np.geomspace, ENERGY_BINS),
        "muons": _bins(events["muons"], _quantiles, MUON_BINS),
        "probability": _bins(probability[:, signal], np.linspace, 10, (0.0, 1.0)),
    }
    shower = bootstrap.number_showers(events["shower_id"])
    return _Sample(logits, probability, events["label"].astype(np.int64), shower, signal, bins, weight)


def _statistics(sample: _Sample) -> dict[str, bootstrap.Statistic]:
    """All of the model alone."""
    probability, labels, signal = sample.probability, sample.labels, sample.signal
    score, of_signal = metrics.log_odds(sample.logits, signal), probability[:, signal]
    correct = probability.argmax(axis=1) == labels
    statistics = bootstrap.overall(sample.logits, labels, signal) | _each_class(sample)
    statistics["confusion_matrix"] = bootstrap.confusion_matrix(probability, labels)
    statistics["curve"] = bootstrap.background_efficiency(score, sample.is_signal, CURVE)
    statistics["merit_factor"] = bootstrap.merit_factor(score, sample.is_signal)
    statistics["ece"] = bootstrap.calibration_error(sample.confidence, correct)
    statistics["frequency"] = bootstrap.means(sample.is_signal.astype(float), sample.bins["probability"][1])
    for name in ("true_energy", "muons"):
        for label in range(probability.shape[1]):
            members = sample.bins[name][1] & (labels == label)[:, None]
            statistics[f"{name}.{label}"] = bootstrap.means(of_signal, members)
    for number, members in enumerate(sample.bins["true_energy"][1].T):
        statistics |= {f"{name}/{number}": one for name, one in _in_bin(probability, labels, members, signal).items()}
    return statistics


def _each_class(sample: _Sample) -> dict[str, bootstrap.Statistic]:
    """Of each class against the rest: `roc_auc:0` and so on; `f1:` of all at once (R, K)."""
    statistics = {"f1:": bootstrap.f1_of_classes(sample.probability, sample.labels)}
    for label, probability in enumerate(sample.probability.T):
        mine = sample.labels == label
        statistics[f"roc_auc:{label}"] = bootstrap.auc(metrics.log_odds(sample.logits, label), mine)
        statistics[f"brier:{label}"] = bootstrap.mean((probability - mine) ** 2)
        statistics[f"ece:{label}"] = bootstrap.calibration_error(probability, mine)
    return statistics


def _of_class(found: dict, sample: _Sample, names: list[str], seed: int) -> dict[str, dict]:
    """F1, ROC AUC, Brier score and calibration error of each class's probability against all others'."""
    content = {}
    for label, name in enumerate(names):
        ece = _calibration_error(
            found[f"ece:{label}"], sample.probability[:, label], seed, sample.shower, sample.weight
        )
        content[name] = {"f1": {key: values[label] for key, values in found["f1:"].items()}, "ece": ece}
        content[name] |= {metric: found[f"{metric}:{label}"] for metric in ("roc_auc", "brier")}
    return content


def _compared(sample: _Sample, baselines: dict[str, np.ndarray]) -> dict[str, bootstrap.Statistic]:
    """Of the baselines, and how much the model has more of each, on the same resamples."""
    statistics: dict[str, bootstrap.Statistic] = {}
    ours = bootstrap.overall(sample.logits, sample.labels, sample.signal)
    for name, theirs in baselines.items():
        mine = bootstrap.overall(theirs, sample.labels, sample.signal)
        statistics |= {f"{name}.{metric}": mine[metric] for metric in COMPARED}
        statistics |= {f"{name}-{metric}": bootstrap.difference(ours[metric], mine[metric]) for metric in COMPARED}
    return statistics


def _calibration(found: dict, sample: _Sample, confidence: float) -> list[dict]:
    """How often showers are signal in bins of its probability."""
    bins = sample.bins["probability"]
    rows = _profile(bins, found, sample.probability[:, sample.signal], sample.weight)
    different = [number for number in _different(sample.shower, bins[1], sample.weight) if number]
    return [
        row | bootstrap.exact(row, row["images"], confidence, number)
        for row, number in zip(rows, different, strict=True)
    ]


def _profiles(found: dict, sample: _Sample, name: str) -> dict[str, list[dict]]:
    """Mean probability of the signal in bins of a variable, by label."""
    edges, members = sample.bins[name]
    return {
        str(k): _profile((edges, members & (sample.labels == k)[:, None]), found[f"{name}.{k}"])
        for k in range(sample.probability.shape[1])
    }


def _in_bin(
    probability: np.ndarray, labels: np.ndarray, members: np.ndarray, signal: int
) -> dict[str, bootstrap.Statistic]:
    return {
        "f1": bootstrap.f1(probability, labels, members, signal),
        "accuracy": bootstrap.mean((probability.argmax(axis=1) == labels).astype(float), members),
        "confusion_matrix": bootstrap.confusion_matrix(probability, labels, members),
    }


def _different(shower: np.ndarray, members: np.ndarray, weight: np.ndarray | None = None) -> list[int]:
    """Number of different showers (N,) in each group of members (N, M); with weights what they are worth, rounded down."""
    if weight is not None:
        return [weighting.worth(weight[mine], shower[mine]) for mine in members.T]
    return [len(np.unique(shower[mine])) for mine in members.T]


def background(
    curve: dict,
    score: np.ndarray,
    signal: np.ndarray,
    confidence: float,
    shower: np.ndarray,
    weight: np.ndarray | None = None,
) -> dict:
    """Background left at half of the signal, Q = ε_S/√ε_B, and the curve; limits where no background survives.

    The interval of ε_B covers both what the bootstrap sees, the cut that moves included, and the exact (Clopper-Pearson)
    interval of the count, which the bootstrap underestimates for few survivors. Without survivors, `value` is 0 and `high` the
    upper limit; Q then has no value and a lower limit, `low`.
    """
    points = []
    number, showers = int((~signal).sum()), _different(shower, ~signal[:, None], weight)[0]
    for i, wanted in enumerate(CURVE):
        left, kept = curve["value"][i]
        survivors = (round(left * number) or int(left > 0)) if number else 0
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


def _calibration_error(
    found: dict, confidence: np.ndarray, seed: int, shower: np.ndarray, weight: np.ndarray | None = None
) -> dict:
    """ECE with an interval that allows for its bias, and what a perfectly calibrated model would show.

    Resampling adds noise to every bin, so that the resamples' ECE lies above the sample's, as the sample's lies above the truth:
    the interval reaches down as far below the value as the resamples reach above it (reverse percentile). Under weights it is
    that of statistics/weights.py as it is.
    """
    random, showers = np.random.default_rng(seed), shower.max() + 1
    cells, counts = bootstrap.calibration_error, np.ones((1, len(confidence))) if weight is None else weight[None]
    drawn = [  # images of one shower are right or wrong together
        cells(confidence, random.random(showers)[shower] < confidence)(counts)[0] for _ in range(CALIBRATED_DRAWS)
    ]
    low = max(0.0, 2 * found["value"] - found["high"]) if weight is None else found["low"]
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


def _profile(
    bins: tuple[np.ndarray, np.ndarray], found: dict, values: np.ndarray | None = None, weight: np.ndarray | None = None
) -> list[dict]:
    """One row per bin that is not empty; `mean` of `values` in it if they are given."""
    edges, members = bins
    rows = []
    for i in range(members.shape[1]):
        value = found["value"][i]
        if value != value:
            continue
        row = {"from": edges[i], "to": edges[i + 1], "images": int(members[:, i].sum())}
        if values is not None:
            mine = members[:, i]
            row["mean"] = values[mine].mean() if weight is None else np.average(values[mine], weights=weight[mine])
        rows.append(row | {key: found[key][i] for key in ("value", "low", "high")})
    return rows


def _energy_bins(sample: _Sample, found: dict, confidence: float) -> list[dict]:
    edges, members = sample.bins["true_energy"]
    rows, different = [], _different(sample.shower, members, sample.weight)
    for i, number in enumerate(members.sum(axis=0).tolist()):
        if number:
            row = {"low_gev": edges[i], "high_gev": edges[i + 1], "images": number, "showers": different[i]}
            row |= {name: found[f"{name}/{i}"] for name in ("f1", "accuracy", "confusion_matrix")}
            row["accuracy"] = bootstrap.exact(row["accuracy"], number, confidence, different[i])
            mine = members[:, i]
            of_bin = (
                sample.labels[mine],
                sample.shower[mine],
                np.ones(number) if sample.weight is None else sample.weight[mine],
            )
            rows.append(row | spectrum.exact_where_perfect({"f1": row["f1"]}, *of_bin, confidence))
    return rows
