"""The numbers of a test under a stated spectrum of energies beside those under the simulated one (docs/statistics.md)."""

from collections.abc import Mapping, Sequence

import numpy as np

from cascada.core.errors import DataError
from cascada.statistics import bootstrap
from cascada.statistics import weights as weighting


def weights(events: np.ndarray, settings: Mapping) -> np.ndarray:
    """Weights (N,) of mean 1 that turn the simulated spectrum of the events into the stated one. Raises DataError."""
    try:
        return weighting.spectrum_weights(
            events["true_energy"], settings["spectrum_index"], settings.get("simulated_index", weighting.LOG_UNIFORM)
        )
    except DataError as error:
        raise DataError(f"testing.spectrum_index {settings['spectrum_index']}: {error}") from None


def about(settings: Mapping, labels: np.ndarray, shower: np.ndarray, weight: np.ndarray, names: Sequence[str]) -> dict:
    """What the weighted section of metrics.json says of itself: the spectrum, and what the showers are worth under it."""
    of_class = {name: labels == label for label, name in enumerate(names)}
    return {
        "index": settings["spectrum_index"],
        "simulated": settings.get("simulated_index", weighting.LOG_UNIFORM),
        "effective_showers": weighting.effective_number(weight, shower),
        "effective_of_class": {
            name: weighting.effective_number(weight[mine], shower[mine])
            for name, mine in of_class.items()
            if mine.any()
        },
    }


def intervals(
    statistics: Mapping[str, bootstrap.Statistic], weight: np.ndarray, shower: np.ndarray, settings: Mapping
) -> dict[str, dict]:
    """`bootstrap.intervals` under the weights (N,) of the images."""
    return weighting.intervals(
        statistics, weight, resamples=settings["bootstrap"], confidence=settings["confidence"], seed=settings["seed"],
        shower_id=shower,
    )  # fmt: skip


def exact_where_perfect(
    content: dict, labels: np.ndarray, shower: np.ndarray, weight: np.ndarray, confidence: float
) -> dict:
    """Give accuracy, F1 and ROC AUC without any error the exact limit: no draw has an error either. Under weights: for the effective number.

    Of n showers without an error up to e = 1 − (1 − confidence)^(1/n) may be wrong. F1 is then at least 2(p − e)/(2p − e), p
    being the class's share, and the ROC AUC at least 1 − e of the smaller class. What `content` lacks is left out.
    """
    limits = _limits(labels, shower, weight, confidence)
    found = {
        name: content[name] | {"low": limit}
        for name, limit in limits.items()
        if name in content and content[name]["value"] == 1
    }
    return content | found


def _limits(labels: np.ndarray, shower: np.ndarray, weight: np.ndarray, confidence: float) -> dict[str, float]:
    present = np.unique(labels)
    numbers = [weighting.worth(weight[labels == label], shower[labels == label]) for label in present]
    wrong, misplaced = (
        bootstrap.clopper_pearson(0, n, confidence)[1] for n in (weighting.worth(weight, shower), min(numbers))
    )
    share = min(float(weight[labels == label].sum() / weight.sum()) for label in present)
    return {
        "accuracy": 1 - wrong,
        "f1": max(0.0, 2 * (share - wrong) / (2 * share - wrong)) if share > wrong else 0.0,
        "roc_auc": 1 - misplaced,
    }
