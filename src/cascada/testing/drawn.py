"""What a bootstrap over the showers of a test computes on each of its draws, by name. Pure: arrays in, statistics out."""

import numpy as np

from cascada.statistics import bootstrap, metrics
from cascada.statistics.names import COMPARED
from cascada.testing import explained
from cascada.testing.background import CURVE
from cascada.testing.sample import Sample

PROFILED = ("true_energy", "muons")  # along which the mean probability is shown
Statistics = dict[str, bootstrap.Statistic]


def statistics(sample: Sample, baselines: dict[str, np.ndarray]) -> Statistics:
    """Of the model, of the baselines by name (their logits (N, K)), and of what lies between them."""
    of_model = _of_model(sample) | _each_class(sample) | _profiles(sample) | _energy_bins(sample)
    return (
        of_model
        | _compared(sample, baselines)
        | explained.statistics(sample.logits, baselines, sample.labels, sample.signal)
    )


def _of_model(sample: Sample) -> Statistics:
    """Of the model alone, over all showers."""
    score = metrics.log_odds(sample.logits, sample.signal)
    right = sample.probability.argmax(axis=1) == sample.labels
    return bootstrap.overall(sample.logits, sample.labels, sample.signal) | {
        "confusion_matrix": bootstrap.confusion_matrix(sample.probability, sample.labels),
        "curve": bootstrap.background_efficiency(score, sample.is_signal, CURVE),
        "merit_factor": bootstrap.merit_factor(score, sample.is_signal),
        "ece": bootstrap.calibration_error(sample.confidence, right),
        "frequency": bootstrap.means(sample.is_signal.astype(float), sample.bins["probability"][1]),
    }


def _profiles(sample: Sample) -> Statistics:
    """`<variable>.<label>`: mean probability (R, M) of the signal in bins of the variable, for the showers of one class."""
    of_signal = sample.probability[:, sample.signal]
    return {
        f"{name}.{label}": bootstrap.means(of_signal, sample.bins[name][1] & (sample.labels == label)[:, None])
        for name in PROFILED
        for label in range(sample.probability.shape[1])
    }


def _energy_bins(sample: Sample) -> Statistics:
    """`f1/<bin>`, `accuracy/<bin>`, `confusion_matrix/<bin>` of bins of true energy."""
    probability, labels = sample.probability, sample.labels
    right = (probability.argmax(axis=1) == labels).astype(float)
    found: Statistics = {}
    for number, members in enumerate(sample.bins["true_energy"][1].T):
        found[f"f1/{number}"] = bootstrap.f1(probability, labels, members, sample.signal)
        found[f"accuracy/{number}"] = bootstrap.mean(right, members)
        found[f"confusion_matrix/{number}"] = bootstrap.confusion_matrix(probability, labels, members)
    return found


def _each_class(sample: Sample) -> Statistics:
    """Of each class against the rest: `roc_auc:0` and so on; `f1:` of all at once (R, K)."""
    statistics = {"f1:": bootstrap.f1_of_classes(sample.probability, sample.labels)}
    for label, probability in enumerate(sample.probability.T):
        mine = sample.labels == label
        statistics[f"roc_auc:{label}"] = bootstrap.auc(metrics.log_odds(sample.logits, label), mine)
        statistics[f"brier:{label}"] = bootstrap.mean((probability - mine) ** 2)
        statistics[f"ece:{label}"] = bootstrap.calibration_error(probability, mine)
    return statistics


def _compared(sample: Sample, baselines: dict[str, np.ndarray]) -> Statistics:
    """Of the baselines, and how much the model has more of each, on the same resamples."""
    statistics: Statistics = {}
    ours = bootstrap.overall(sample.logits, sample.labels, sample.signal)
    for name, theirs in baselines.items():
        mine = bootstrap.overall(theirs, sample.labels, sample.signal)
        statistics |= {f"{name}.{metric}": mine[metric] for metric in COMPARED}
        statistics |= {f"{name}-{metric}": bootstrap.difference(ours[metric], mine[metric]) for metric in COMPARED}
    return statistics
