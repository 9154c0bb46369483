"""The composition of a set of unknown showers, from their predictions and the exported model that made them. NumPy, SciPy, h5py.

The statistics are in cascada.statistics.composition. Here the templates are weighted to the stated spectrum, and made again for
what may be otherwise: another index, and each further set of showers that the model was tested on (`testing.also`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.core.files import sha256
from cascada.export.folder import ONNX, read_content
from cascada.export.scores import Scores, read_scores
from cascada.export.unknown import Unknown, read_unknown
from cascada.statistics import composition, mixture, spectrum, templates
from cascada.statistics.templates import FEWEST, Binning, Templates
from cascada.statistics.weights import LOG_UNIFORM, effective_number, spectrum_weights

FLATTEST, STEEPEST = 0, -6  # indices that a spectrum may be given; nature's are about -2.7
DRAWS, SEED = 30, 1  # of the test showers, for the error of a shift


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """dN/dE ∝ E^index of the unknown showers, by how much the index may be otherwise, and the confidence of the intervals.

    `simulated`: the index with which the test showers were simulated; −1 is log-uniform.
    """

    index: float
    change: float = 0.1
    confidence: float = 0.95
    simulated: float = LOG_UNIFORM

    def __post_init__(self):
        for name, index, such_as in (
            ("index", self.index, "-2.7"),
            ("simulated", self.simulated, "-1 for log-uniform"),
        ):
            if not STEEPEST <= index <= FLATTEST:
                raise DataError(
                    f"--{name} {index:g}: expected the index of a spectrum dN/dE ∝ E^index, from {STEEPEST} to "
                    f"{FLATTEST}, such as {such_as}."
                )
        if not 0 <= self.change <= 1:
            raise DataError(f"--index-change {self.change:g}: expected a change of the index from 0 to 1, such as 0.1.")
        if not 0.5 <= self.confidence < 1:
            raise DataError(f"--confidence {self.confidence:g}: expected at least 0.5 and less than 1, such as 0.95.")

    @property
    def others(self) -> dict[str, float]:
        """The other indices, by what they are called."""
        changed = (self.index - self.change, self.index + self.change) if self.change else ()
        return {f"spectrum E^{index:g}": index for index in changed}


def measure(folder: Path, predictions: Sequence[Path], question: Question) -> dict:
    """Return the composition of the showers in files that `cascada predict` wrote with the model in `folder`, as plain values.

    Raises DataError where the files or the folder cannot be used. Why an answer is not to be believed is in `refusals`.
    """
    content = read_content(folder)
    tested, further = read_scores(folder)
    for name, scores in {"test": tested, **{f"set {name!r} of the test": one for name, one in further.items()}}.items():
        _check_simulated(scores, question, name)
    classes, model = list(content["output"]["classes"]), sha256(folder / ONNX)
    unknown = read_unknown(predictions, model, classes)
    bins = templates.binning(tested.probability)
    counts = bins.count(unknown.probability)
    sets = _Sets(tested=tested, further=further, bins=bins, classes=classes, question=question)
    nominal, variants = sets.estimate()
    found = composition.fit(counts, nominal, question.confidence)
    shifts = composition.systematics(counts, nominal, variants)
    sizes = _sizes(shifts, question)
    low, high = composition.total_interval(found, sizes)
    values = {
        "value": found.fractions, "low": found.low, "high": found.high, "low_with_systematics": low, "high_with_systematics": high,
        "expected_error": found.expected_error,
    }  # fmt: skip
    of_test = {"showers": sets.showers(), "worth": sets.worth(tested, question.index)}
    return {
        "model": content["configuration"],
        "model_version": (content.get("published") or {}).get("version", ""),
        "model_sha256": model,
        "surrogate": bool(content["data"]["surrogate"] or unknown.surrogate),
        "predictions": [path.name for path in predictions],
        "showers": len(unknown.probability),
        "images_left_out": unknown.left_out,
        "spectrum_index": question.index,
        "index_change": question.change,
        "simulated_index": question.simulated,
        "confidence": question.confidence,
        "energies_gev": list(_range(tested)[0]),
        "fractions": _by_class(classes, values),
        "test": _by_class(classes, of_test),
        "shifts": {name: _named(classes, shift) for name, shift in shifts.items()},
        "errors_of_shifts": {name: _named(classes, one) for name, one in sets.errors(counts, found.fractions).items()},
        "systematics": {name: _named(classes, size) for name, size in sizes.items()},
        "p_value": found.p_value,
        "bins": _bins(bins, classes, counts, found, nominal),
        "remarks": _remarks(unknown, tested, question),
        "refusals": composition.refusals(found),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sets:
    """The scores of the test and of its further sets, from which templates are made under one spectrum or another."""

    tested: Scores
    further: Mapping[str, Scores]
    bins: Binning
    classes: list[str]
    question: Question

    def showers(self) -> np.ndarray:
        """Test showers (K,) of each class."""
        one = self.tested
        return np.array([len(np.unique(one.shower_id[one.label == label])) for label in range(len(self.classes))])

    def worth(self, scores: Scores, index: float) -> np.ndarray:
        """How many showers those of each class (K,) are worth under a spectrum; 0 where there are none."""
        weight, found = (
            spectrum_weights(scores.true_energy, index, self.question.simulated),
            np.zeros(len(self.classes)),
        )
        for label in np.unique(scores.label[scores.label >= 0]):
            own = scores.label == label
            found[label] = effective_number(weight[own], scores.shower_id[own])
        return found

    def estimate(self) -> tuple[Templates, dict[str, Templates]]:
        """The templates, and by name those with which they might have to be replaced. Raises DataError for too few showers."""
        index = self.question.index
        variants = {name: self._templates(self.tested, other, "test") for name, other in self.question.others.items()}
        variants |= {
            name: self._templates(one, index, f"set {name!r} of the test") for name, one in self.further.items()
        }
        return self._templates(self.tested, index, "test"), variants

    def _templates(self, scores: Scores, index: float, what: str) -> Templates:
        for name, worth in zip(self.classes, self.worth(scores, index), strict=True):
            if worth < FEWEST:
                raise DataError(
                    f"The showers of {name} in the {what} are worth {worth:.0f} under E^{index:g}, needed are "
                    f"{FEWEST}: no "
                    "composition can be measured; test with more showers, or give a spectrum nearer to the simulated "
                    "one."
                )
        return self._weighted(scores, index, np.ones(len(scores.label)))

    def _weighted(self, scores: Scores, index: float, times: np.ndarray) -> Templates:
        weight = times * spectrum_weights(scores.true_energy, index, self.question.simulated)
        return templates.estimate(scores.probability, scores.label, self.bins, weight, scores.shower_id)

    def errors(self, counts: np.ndarray, near: np.ndarray) -> dict[str, np.ndarray]:
        """Standard error (K,) of each shift by the number of test showers: their scatter when each counts 0, 1, 2, … times.

        `near`: fractions (K,) from where the search starts.
        """
        random, index = np.random.default_rng(SEED), self.question.index
        drawn: dict[str, list[np.ndarray]] = {name: [] for name in [*self.question.others, *self.further]}

        def fractions(scores: Scores, index: float, times: np.ndarray) -> np.ndarray:
            return mixture.minimum(counts, self._weighted(scores, index, times), near=near)[0]

        for _ in range(DRAWS):
            times = _times(self.tested, random)
            best = fractions(self.tested, index, times)
            for name, other in self.question.others.items():
                drawn[name].append(fractions(self.tested, other, times) - best)
            for name, one in self.further.items():
                theirs = times if _same_showers(one, self.tested) else _times(one, random)
                drawn[name].append(fractions(one, index, theirs) - best)
        return {name: np.std(shifts, axis=0, ddof=1) for name, shifts in drawn.items()}


def _times(scores: Scores, random: np.random.Generator) -> np.ndarray:
    """How often the images (N,) count in a Poisson bootstrap: all images of a shower equally often."""
    _, shower = np.unique(scores.shower_id, return_inverse=True)
    return random.poisson(1, shower.max() + 1)[shower].astype(float)


def _same_showers(one: Scores, other: Scores) -> bool:
    """Whether a set is the test's showers, transformed: they are then drawn together."""
    return np.array_equal(one.shower_id, other.shower_id) and np.array_equal(one.true_energy, other.true_energy)


def _sizes(shifts: Mapping[str, np.ndarray], question: Question) -> dict[str, np.ndarray]:
    """How far each source of uncertainty may shift the fractions (K,), either way: of the two indices the larger shift, once."""
    spectrum = [np.abs(shifts[name]) for name in question.others]
    sizes = {f"spectrum, index ± {question.change:g}": np.max(spectrum, axis=0)} if spectrum else {}
    return sizes | {name: np.abs(shift) for name, shift in shifts.items() if name not in question.others}


def _named(classes: list[str], values: np.ndarray) -> dict[str, float]:
    return dict(zip(classes, map(float, values), strict=True))


def _by_class(classes: list[str], columns: Mapping[str, np.ndarray]) -> dict[str, dict]:
    """Columns of values (K,) by class, None for what is not finite."""
    return {
        name: {
            column: float(values[label]) if np.isfinite(values[label]) else None for column, values in columns.items()
        }
        for label, name in enumerate(classes)
    }


def _bins(
    bins: Binning, classes: list[str], counts: np.ndarray, found: composition.Composition, by: Templates
) -> list[dict]:
    """For each bin what is predicted there, the showers observed, those fitted with their error, and of which class these are."""
    number = counts.sum()
    error = number * np.sqrt(found.fractions**2 @ by.variances)
    of_class = number * found.fractions[:, None] * by.shares
    return [
        {
            "predicted": classes[label],
            "observed": int(counts[place]),
            "fitted": float(found.fitted[place]),
            "error": float(error[place]),
            "of_class": _named(classes, of_class[:, place]),
        }
        for place, label in enumerate(bins.predicted)
    ]


def _remarks(unknown: Unknown, tested: Scores, question: Question) -> list[str]:
    """What may be wrong with the question, a sentence each."""
    found = []
    if unknown.left_out:
        found.append(
            f"Of each shower one image counts; {unknown.left_out} further images of the same showers were left out."
        )
    energy = unknown.true_energy[np.isfinite(unknown.true_energy) & (unknown.true_energy > 0)]
    ends, uncertain = _range(tested)
    if len(energy) >= FEWEST and not spectrum.follows(energy, question.index, *ends, uncertain):
        expected, deviation = spectrum.log_energy(question.index, *ends)
        found.append(
            f"The true energies of these showers do not follow E^{question.index:g} between {ends[0] / 1000:.3g} and "
            f"{ends[1] / 1000:.3g} TeV: "
            f"the mean of ln(E/GeV) is {np.log(energy).mean():.2f}, expected is {expected:.2f} ± "
            f"{deviation / len(energy) ** 0.5:.2f}. "
            "Give their own spectrum to --index."
        )
    return found


def _range(tested: Scores) -> tuple[tuple[float, float], float]:
    """The ends of the test's energies [GeV], and how uncertain their logarithms are."""
    low, high = float(tested.true_energy.min()), float(tested.true_energy.max())
    return (low, high), float(np.log(high / low) / len(np.unique(tested.shower_id)))


def _check_simulated(scores: Scores, question: Question, name: str) -> None:
    """Raise DataError where showers were not simulated with the spectrum that their weights start from."""
    if not (np.isfinite(scores.true_energy) & (scores.true_energy > 0)).all():
        raise DataError(
            f"Showers of the {name} have no true energy: they cannot be weighted to a spectrum, and no composition "
            "can be measured."
        )
    ends, uncertain = _range(scores)
    if not spectrum.follows(scores.true_energy, question.simulated, *ends, uncertain):
        raise DataError(
            f"The showers of the {name} were not simulated with E^{question.simulated:g} between {ends[0] / 1000:.3g} "
            f"and {ends[1] / 1000:.3g} TeV: "
            f"the mean of ln(E/GeV) is {np.log(scores.true_energy).mean():.2f}, expected is "
            f"{spectrum.log_energy(question.simulated, *ends)[0]:.2f}; give the index of their spectrum to --simulated."
        )
