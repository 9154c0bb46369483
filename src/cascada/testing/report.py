"""All numbers of a test, each as value, low and high of a bootstrap over the showers. Pure: arrays in, plain values out."""

from collections.abc import Iterable, Sequence

import numpy as np

from cascada.core.classes import ASSUMED, meanings
from cascada.statistics import bootstrap
from cascada.statistics.names import COMPARED
from cascada.testing import bins, drawn, explained, spectrum
from cascada.testing.background import background
from cascada.testing.sample import Sample, different, profile

CALIBRATED_DRAWS = 200


def report(
    logits: np.ndarray,
    events: np.ndarray,
    baselines: dict[str, np.ndarray],
    settings: dict,
    classes: Sequence[str] = (),
    signal: int = ASSUMED,
) -> dict:
    """Logits (N, K), events (N,) of EVENT_DTYPE, the baselines' logits by name → the content of metrics.json.

    `settings`: `bootstrap`, `confidence`, `seed`, `spectrum_index`. `classes`: names, their numbers if omitted; `signal`: the
    signal's label, all other classes together are the background. With a spectrum index the section `spectrum` says all numbers
    under that spectrum once more.
    """
    names = list(classes) or [str(label) for label in range(logits.shape[1])]
    sample = Sample.of(logits, events, signal)
    content = _numbers(sample, events, baselines, settings, names)
    if settings.get("spectrum_index") is not None:
        weight = spectrum.weights(events, settings)
        weighted = _numbers(Sample.of(logits, events, signal, weight), events, baselines, settings, names)
        content["spectrum"] = spectrum.about(settings, sample.labels, sample.shower, weight, names) | weighted
    return content | {
        "showers_of_class": {name: len(np.unique(sample.shower[sample.labels == k])) for k, name in enumerate(names)},
        "classes": names,
        "signal": names[signal],
        "meanings": meanings(names, signal),
        "images": len(logits),
        "showers": int(sample.shower.max()) + 1,
        "settings": settings,
    }


def _numbers(
    sample: Sample, events: np.ndarray, baselines: dict[str, np.ndarray], settings: dict, names: list[str]
) -> dict:
    """Everything that is estimated, with its interval; under the weights of the sample, if it has any."""
    confidence, weight = settings["confidence"], sample.weight
    right = sample.logits.argmax(axis=1) == sample.labels
    statistics = drawn.statistics(sample, baselines)
    if weight is not None:  # without weights, exact intervals of counts are enough
        statistics |= bins.statistics(right, events, names)
    found = _intervals(statistics, sample, settings)
    content: dict[str, object] = {name: found[name] for name in (*COMPARED, "confusion_matrix", "merit_factor")}
    content |= background(found["curve"], sample, confidence)
    content |= {
        "ece": _calibration_error(found["ece"], sample.confidence, settings["seed"], sample),
        "of_class": _of_class(found, sample, names, settings["seed"]),
        "calibration": _calibration(found["frequency"], sample, confidence),
        "energy_bins": _energy_bins(sample, found, confidence),
        "profiles": {name: _profiles(found, sample, name) for name in drawn.PROFILED},
        "baselines": _baselines(found, baselines),
        "bins": bins.in_bins(right, events, names, sample.shower, confidence, weight, found),
        "explained": explained.explained(found),
    }
    return spectrum.exact_where_perfect(content, sample.labels, sample.shower, sample.counts, confidence)


def _intervals(statistics: dict[str, bootstrap.Statistic], sample: Sample, settings: dict) -> dict[str, dict]:
    """`value`, `low`, `high` of every statistic, as plain values."""
    if sample.weight is not None:
        return spectrum.intervals(statistics, sample.weight, sample.shower, settings)
    options = (settings["bootstrap"], settings["confidence"], settings["seed"])
    return {
        name: {key: value.tolist() for key, value in one.items()}
        for name, one in bootstrap.intervals(statistics, len(sample.labels), *options, sample.shower).items()
    }


def _baselines(found: dict, names: Iterable[str]) -> dict[str, dict]:
    """Each baseline's metrics, and beside each how much more the model has of it, on the same draws."""
    return {
        name: {metric: found[f"{name}.{metric}"] | {"difference": found[f"{name}-{metric}"]} for metric in COMPARED}
        for name in names
    }


def _of_class(found: dict, sample: Sample, names: list[str], seed: int) -> dict[str, dict]:
    """F1, ROC AUC, Brier score and calibration error of each class's probability against all others'."""
    content = {}
    for label, name in enumerate(names):
        ece = _calibration_error(found[f"ece:{label}"], sample.probability[:, label], seed, sample)
        content[name] = {"f1": {key: values[label] for key, values in found["f1:"].items()}, "ece": ece}
        content[name] |= {metric: found[f"{metric}:{label}"] for metric in ("roc_auc", "brier")}
    return content


def _calibration(found: dict, sample: Sample, confidence: float) -> list[dict]:
    """How often showers are signal in bins of its probability."""
    bins = sample.bins["probability"]
    rows = profile(bins, found, sample.probability[:, sample.signal], sample.weight)
    worth = [number for number in different(sample.shower, bins[1], sample.weight) if number]
    return [
        row | bootstrap.exact(row, row["images"], confidence, number) for row, number in zip(rows, worth, strict=True)
    ]


def _profiles(found: dict, sample: Sample, name: str) -> dict[str, list[dict]]:
    """Mean probability of the signal in bins of a variable, by label."""
    edges, members = sample.bins[name]
    return {
        str(k): profile((edges, members & (sample.labels == k)[:, None]), found[f"{name}.{k}"])
        for k in range(sample.probability.shape[1])
    }


def _calibration_error(found: dict, confidence: np.ndarray, seed: int, sample: Sample) -> dict:
    """ECE with an interval that allows for its bias, and what a perfectly calibrated model would show.

    Resampling adds noise to every bin, so that the resamples' ECE lies above the sample's, as the sample's lies above the truth:
    the interval reaches down as far below the value as the resamples reach above it (reverse percentile). Under weights it is
    that of statistics/weights.py as it is.
    """
    random, showers = np.random.default_rng(seed), sample.shower.max() + 1
    calibrated = [  # images of one shower are right or wrong together
        bootstrap.calibration_error(confidence, random.random(showers)[sample.shower] < confidence)(sample.counts[None])
        for _ in range(CALIBRATED_DRAWS)
    ]
    low = max(0.0, 2 * found["value"] - found["high"]) if sample.weight is None else found["low"]
    return found | {"low": min(low, found["value"]), "if_calibrated": float(np.mean(calibrated))}


def _energy_bins(sample: Sample, found: dict, confidence: float) -> list[dict]:
    edges, members = sample.bins["true_energy"]
    rows, worth = [], different(sample.shower, members, sample.weight)
    for i, number in enumerate(members.sum(axis=0).tolist()):
        if number:
            row = {"low_gev": edges[i], "high_gev": edges[i + 1], "images": number, "showers": worth[i]}
            row |= {name: found[f"{name}/{i}"] for name in ("f1", "accuracy", "confusion_matrix")}
            row["accuracy"] = bootstrap.exact(row["accuracy"], number, confidence, worth[i])
            mine = members[:, i]
            of_bin = (sample.labels[mine], sample.shower[mine], sample.counts[mine])
            rows.append(row | spectrum.exact_where_perfect({"f1": row["f1"]}, *of_bin, confidence))
    return rows
