"""A predictor with the showers that it is probed on, and what a probe finds."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from cascada.behaviour.settings import Limit, Settings
from cascada.data.loading import Showers
from cascada.statistics import bootstrap, weights
from cascada.statistics.bootstrap import Interval
from cascada.statistics.verdicts import AT_MOST, judge

Predictor = Callable[[np.ndarray], np.ndarray]  # images float32 (N, C, 80, 80) [GeV] -> probabilities (N, K)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One quantity with its interval; `sense`: how it has to compare with its threshold.

    `significant`: as in `verdicts.judge`. `details`: rows of `at`, `value`, `low`, `high`: what the quantity was taken from.
    `weighted`: the same under a stated spectrum, None where none is stated or the quantity is none of many showers.
    """

    name: str
    value: float
    low: float
    high: float
    meaning: str
    sense: str = AT_MOST
    significant: bool = False
    details: list[dict] = field(default_factory=list)
    weighted: Interval | None = None

    def judged(self, limit: Limit) -> dict:
        """As in behaviour.json: with `threshold`, `severity`, `kept`, `verdict`; the last two for `weighted`, too."""
        content = asdict(self) | asdict(limit) | self._verdict(self.value, self.low, self.high, limit)
        if self.weighted is None:
            del content["weighted"]
        else:
            content["weighted"] |= self._verdict(**self.weighted, limit=limit)
        return content

    def _verdict(self, value: float, low: float, high: float, limit: Limit) -> dict:
        return judge(value, low, high, self.sense, limit.threshold, self.significant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the model was trained, so that a short training can be repeated."""

    data: Path
    model: str
    hyperparameters: dict
    showers: int = 600
    epochs: int = 2
    threads: int = 1
    device: str = "cpu"


@dataclass
class Subject:
    """`images` float32 (N, C, 80, 80) [GeV] and `events` (N,) of validation; `recipe` is None where it is unknown.

    `classes`: their names in the order of the labels, if they are known. With `weight`, what is measured over many showers has
    an entry `weighted` beside it.
    """

    predict: Predictor
    images: np.ndarray
    events: np.ndarray
    settings: Settings = field(default_factory=Settings)
    recipe: Recipe | None = None
    unaveraged: Predictor | None = None  # of a predictor that averages over rotations and mirrors: itself without that
    classes: Sequence[str] = ()
    weight: np.ndarray | None = None  # what each image counts under a stated spectrum (N,)

    @classmethod
    def read(
        cls,
        data: str | os.PathLike,
        predict: Predictor,
        settings: Settings | None = None,
        recipe: Recipe | None = None,
        unaveraged: Predictor | None = None,
    ) -> "Subject":
        """Take the validation showers of train.h5, at most `settings.showers`, evenly spread over the file."""
        settings = settings or Settings()
        showers = Showers(data, "validation", tier="stream")
        step = -(-len(showers) // settings.showers)
        images = showers.images(settings.showers).numpy()
        return cls(predict, images, showers.events[::step], settings, recipe, unaveraged, showers.classes)

    def name_of(self, label: int) -> str:
        return self.classes[label] if self.classes else f"class {label}"

    @cached_property
    def labels(self) -> np.ndarray:
        return self.events["label"].astype(np.int64)

    @cached_property
    def probability(self) -> np.ndarray:
        """Probabilities (N, K) of the images as they are."""
        return self.probabilities(self.images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(self.predict(np.ascontiguousarray(images, np.float32)), np.float64)

    def intervals(
        self, statistics: Mapping[str, bootstrap.Statistic], chosen: np.ndarray | slice = slice(None)
    ) -> dict[str, dict[str, np.ndarray]]:
        """`bootstrap.intervals` of the images, or of the chosen ones alone; images of one shower are drawn together."""
        showers = self.events["shower_id"][chosen]
        options = (self.settings.bootstrap, self.settings.confidence, self.settings.seed)
        return bootstrap.intervals(statistics, len(showers), *options, showers)

    def under(
        self,
        statistic: bootstrap.Statistic,
        chosen: np.ndarray | slice = slice(None),
        share: bool = False,
        name: str = "mean",
    ) -> dict:
        """`weighted`: the statistic of the images, or of the chosen ones, under the stated spectrum; nothing where none is stated.

        `share`: it is one, whose interval is at least the exact one for the effective number; `name`: as in weights.JUMPING.
        """
        if self.weight is None:
            return {}
        weight, showers = self.weight[chosen], self.events["shower_id"][chosen]
        found = weights.intervals(
            {name: statistic}, weight, resamples=self.settings.bootstrap, confidence=self.settings.confidence,
            seed=self.settings.seed, shower_id=showers,
        )[name]  # fmt: skip
        one = plain(found)
        if share:
            worth = max(1, int(weights.effective_number(weight, showers)))
            one = bootstrap.exact(one, worth, self.settings.confidence)
        return {"weighted": one}

    def exact(self, share: Interval, chosen: np.ndarray | slice = slice(None)) -> Interval:
        """Widen the interval of a share of the images, or of the chosen ones, to the exact one at least."""
        showers = self.events["shower_id"][chosen]
        return bootstrap.exact(share, len(showers), self.settings.confidence, len(np.unique(showers)))

    def interval(self, values: np.ndarray, share: bool = False) -> dict:
        """Mean of one value per image (N,), with its bootstrap interval; of a share, at least the exact one."""
        mean = bootstrap.mean(values.astype(float))
        found = plain(self.intervals({"mean": mean})["mean"])
        return (self.exact(found) if share else found) | self.under(mean, share=share)

    def largest(self, cases: np.ndarray, share: bool = False) -> dict:
        """Largest of the means of several cases (N, cases), with the interval of that maximum: all cases on the same resamples.

        Of shares, at least the exact interval of the largest. The worst case of a resample need not be that of the sample, so that the
        interval of the worst case alone would be too low.
        """
        values = cases.astype(float)
        statistics = {"largest": lambda weights: (weights @ values / weights.sum(1, keepdims=True)).max(1)}
        found = plain(self.intervals(statistics)["largest"])
        found["low"], found["high"] = min(found["low"], found["value"]), max(found["high"], found["value"])
        return (self.exact(found) if share else found) | self.under(statistics["largest"], share=share, name="largest")


def plain(found: Mapping[str, np.ndarray]) -> Interval:
    """`value`, `low` and `high` of one number, or of the array that holds it, as numbers that JSON knows."""
    return {"value": float(found["value"]), "low": float(found["low"]), "high": float(found["high"])}


def worst(rows: Iterable[dict]) -> Interval:
    """The row of the largest value, without its place; one that is not a number is the worst."""
    row = max(rows, key=lambda r: (r["value"] != r["value"], r["value"]))
    return {"value": row["value"], "low": row["low"], "high": row["high"]}
