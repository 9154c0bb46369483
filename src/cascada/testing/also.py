"""Sets that are tested in the same opening beside the sealed showers, and how far they differ from these: systematics.

A set is the sealed showers themselves, as another detector would see them (`transform`), or showers of another simulation
(`source`). Of the first, differences are paired: both are drawn with the same showers. Of the second they are those of two
independent samples; its showers are weighted so that the classes have the shares of the sealed ones, since F1 and accuracy
depend on these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cascada.core.errors import DataError
from cascada.data import catalogue, transformations
from cascada.statistics import bootstrap, newcombe, resampling
from cascada.statistics import weights as weighting
from cascada.statistics.names import COMPARED, FEWEST_OF_CLASS, HEADLINES
from cascada.testing import spectrum

if TYPE_CHECKING:
    from cascada.testing.evaluation import Predictions

Change = Callable[
    [np.ndarray, list[str], int], np.ndarray
]  # images (n, C, 80, 80), channels, place of the first -> images
CELLS = 200_000  # of a block of weights
ALIKE = 1e-9  # by which weights differ at most where all showers count alike
PAIRED, INDEPENDENT = 0, 1  # streams of random numbers


def _scaled(images: np.ndarray, factor: float, seed: Any) -> np.ndarray:
    return images * np.float32(factor)


TRANSFORMS = {  # in the order in which a detector does them to what arrives
    "energy_scale": _scaled,
    "noise": transformations.noise,
    "cell_threshold": transformations.cell_threshold,
    "dead_cells": transformations.dead_cells,
}
OF_ALL_CHANNELS = ("dead_cells",)  # the others are about energies, not about numbers of particles


def transforms(settings: Mapping) -> dict[str, dict[str, float]]:
    """The sets of `testing.also` that are the sealed showers under a transform, by name."""
    return {name: one["transform"] for name, one in settings.get("also", {}).items() if "transform" in one}


def change(transform: Mapping[str, float], seed: int) -> Change:
    """What a transform does to a block of images; random numbers depend on `seed` and on where the block begins."""

    def changed(images: np.ndarray, channels: list[str], start: int) -> np.ndarray:
        of_energy = [number for number, name in enumerate(channels) if name != "muons"]
        for name, apply in TRANSFORMS.items():
            if name in transform:
                mine = list(range(len(channels))) if name in OF_ALL_CHANNELS else of_energy
                images = images.copy()
                images[:, mine] = apply(images[:, mine], transform[name], [seed, start])
        return np.ascontiguousarray(images, np.float32)

    return changed


def check(place: str, labels: np.ndarray, shower: np.ndarray, classes: list[str]) -> None:
    """Raise DataError where a class has too few showers for a difference that means something."""
    for label, name in enumerate(classes):
        number = len(np.unique(shower[labels == label]))
        if number < FEWEST_OF_CLASS:
            raise DataError(
                f"{place}: {number} sealed showers of the class {name!r}, at least {FEWEST_OF_CLASS} of each are needed; give more "
                "showers, a larger data.split.test, or leave the set out."
            )


def compare(name: str, found: "Predictions", sealed: "Predictions", settings: Mapping) -> dict:
    """What metrics.json says of a set: its metrics, each with its difference to the sealed showers', and what it is."""
    given = settings["also"][name]
    content = _section(found, sealed, "transform" in given, settings)
    if settings.get("spectrum_index") is not None:
        weights = [spectrum.weights(one.events, settings) for one in (found, sealed)]
        about = {
            "index": settings["spectrum_index"],
            "effective_showers": weighting.worth(weights[0], found.events["shower_id"]),
        }
        content["spectrum"] = about | _section(found, sealed, "transform" in given, settings, *weights)
    labels = found.events["label"]
    numbers = {
        one: len(np.unique(found.events["shower_id"][labels == label])) for label, one in enumerate(found.classes)
    }
    return (
        content
        | given
        | {"what": what(given), "showers": sum(numbers.values()), "of_class": numbers, "surrogate": found.surrogate}
    )


def what(given: Mapping) -> str:
    """A set in a few words: what is done, or the source and how it departs from its defaults."""
    if "transform" in given:
        return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in given["transform"].items())
    source = given["source"]
    options = {one.name: one.default for one in catalogue.describe(source["kind"]).settings}
    other = [f"{name} {source[name]}" for name, default in options.items() if source.get(name, default) != default]
    return ", ".join([source["kind"], *other])


def _section(
    found: "Predictions",
    sealed: "Predictions",
    paired: bool,
    settings: Mapping,
    weight: np.ndarray | None = None,
    reference: np.ndarray | None = None,
) -> dict:
    """Metrics of a set with their differences, under weights of its images and of the sealed ones' where there are some.

    The network's, and in `baselines` those of each baseline, with the network's `lead` over it on this set.
    """
    theirs = np.ones(len(sealed.events)) if reference is None else reference
    ours = np.ones(len(found.events)) if weight is None else weight
    if not paired:
        ours = ours * _balance(found.events["label"], ours, sealed.events["label"], theirs)
    alike = all(np.ptp(one) < ALIKE for one in (ours, theirs))
    one = _drawn(found, ours, settings, PAIRED if paired else INDEPENDENT, alike)
    other = _drawn(sealed, theirs, settings, PAIRED, alike)
    confidence = settings["confidence"]

    def compared(prefix: str) -> dict:
        both = [{name: drawn[prefix + name].interval(confidence) for name in COMPARED} for drawn in (one, other)]
        limits = [
            spectrum.exact_where_perfect(part, *_of(sample), weights, confidence)
            for part, sample, weights in zip(both, (found, sealed), (ours, theirs), strict=True)
        ]
        content = {}
        for name in COMPARED:
            difference = one[prefix + name].less(other[prefix + name], paired).interval(confidence)
            if 1 in (limits[0][name]["value"], limits[1][name]["value"]) and name in HEADLINES:
                difference = _wider(difference, newcombe.difference(limits[0][name], limits[1][name]))
            content[name] = limits[0][name] | {"difference": difference}
        return content

    content = compared("")
    content["baselines"] = {
        name: {
            metric: value | {"lead": one[f"{name}-{metric}"].interval(confidence)}
            for metric, value in compared(f"{name}.").items()
        }
        for name in found.baselines
    }
    return _exact(content, found, sealed, ours, confidence) if paired else content


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A statistic: its value, draws (R,), and where images are weighted how it answers to each group of showers (G,)."""

    value: float
    draws: np.ndarray
    influence: np.ndarray | None

    def less(self, other: "_Drawn", paired: bool) -> "_Drawn":
        """The difference; draws and groups are of the same showers if `paired`, of two samples otherwise."""
        influence = None
        if self.influence is not None and other.influence is not None:
            both = self.influence, -other.influence
            influence = both[0] + both[1] if paired else np.concatenate(both)
        return _Drawn(self.value - other.value, self.draws - other.draws, influence)

    def interval(self, confidence: float) -> dict[str, float]:
        """As everywhere in a test: percentiles where all showers count alike, BCa (statistics/weights.py) where they do not."""
        if self.influence is None:
            low, high = np.nanquantile(self.draws, [(1 - confidence) / 2, (1 + confidence) / 2])
        else:
            low, high = weighting.bca(self.value, self.draws, self.influence, confidence)
        return {"value": self.value, "low": min(float(low), self.value), "high": max(float(high), self.value)}


def _drawn(found: "Predictions", weight: np.ndarray, settings: Mapping, stream: int, alike: bool) -> dict[str, _Drawn]:
    """The metrics of the network, `<baseline>.<metric>` and `<baseline>-<metric>`, its lead; the same stream draws the same showers."""
    shower = resampling.numbered(len(weight), found.events["shower_id"])
    under = {name: weighting.weighted(one, weight) for name, one in _statistics(found).items()}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in under}
    for counts in resampling.draws(int(shower.max()) + 1, settings["bootstrap"], [settings["seed"], stream]):
        for start in range(0, len(counts), step := max(1, CELLS // len(weight))):
            times = counts[start : start + step].astype(np.float64)[:, shower]
            for name, statistic in under.items():
                drawn[name].append(statistic(times))
    return {
        name: _Drawn(
            float(statistic(np.ones((1, len(weight))))[0]),
            np.concatenate(drawn[name]),
            None if alike else weighting.influences(statistic, shower, settings["seed"]),
        )
        for name, statistic in under.items()
    }


def _statistics(found: "Predictions") -> dict[str, bootstrap.Statistic]:
    labels, _ = _of(found)
    ours = bootstrap.overall(found.logits, labels, found.signal)
    statistics = {name: ours[name] for name in COMPARED}
    for name, logits in found.baselines.items():
        theirs = bootstrap.overall(logits, labels, found.signal)
        statistics |= {f"{name}.{metric}": theirs[metric] for metric in COMPARED}
        statistics |= {f"{name}-{metric}": bootstrap.difference(ours[metric], theirs[metric]) for metric in COMPARED}
    return statistics


def _of(sample: "Predictions") -> tuple[np.ndarray, np.ndarray]:
    """Labels and numbers of showers (N,)."""
    return sample.events["label"].astype(np.int64), sample.events["shower_id"]


def _wider(one: Mapping, other: Mapping) -> dict:
    """An interval that holds another one, too."""
    return {"value": one["value"], "low": min(one["low"], other["low"]), "high": max(one["high"], other["high"])}


def _balance(labels: np.ndarray, weight: np.ndarray, reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Factors (N,) that give the classes of a set the shares that they have among the sealed showers."""
    factor = np.ones(len(labels))
    for label in np.unique(labels):
        mine, theirs = labels == label, reference == label
        factor[mine] = (other[theirs].sum() / other.sum()) / (weight[mine].sum() / weight.sum())
    return factor


def _exact(content: dict, found: "Predictions", sealed: "Predictions", weight: np.ndarray, confidence: float) -> dict:
    """How many labels change; where these are worth less than a shower, differences of accuracy and F1 reach to that share's limit.

    No draw shows a change that no shower, or none that counts for much, has made.
    """
    shower = found.events["shower_id"]
    changed = found.logits.argmax(axis=1) != sealed.logits.argmax(axis=1)
    share = float((weight * changed).sum() / weight.sum())
    worth = weighting.worth(weight, shower)
    low, high = bootstrap.clopper_pearson(min(share, 1.0) * worth, worth, confidence)
    if share * worth < 1:
        smallest = min(
            float(weight[found.events["label"] == k].sum() / weight.sum()) for k in range(len(found.classes))
        )
        for name, reach in (("accuracy", high), ("f1", min(1.0, high / smallest))):
            one = content[name]["difference"]
            content[name]["difference"] = _wider(one, {"low": -reach, "high": reach})
    return content | {"labels_changed": {"value": share, "low": low, "high": high}}
