"""What a search will cost before it runs: trials, epochs, hours by the speed of earlier trials, files, space. Pure.

Where a promotion decides what is trained, all numbers are upper bounds: of the configurations that go on, as many as possible are
those of the slowest family. Standard library only.
"""

import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from cascada.experiment.rungs import Rung, ladder


@dataclass(frozen=True, slots=True)
class Span:
    """The median of what earlier trials showed, between their smallest and largest value."""

    median: float
    low: float
    high: float

    def times(self, factor: float) -> "Span":
        return Span(*(part * factor for part in (self.median, self.low, self.high)))

    def plus(self, other: "Span") -> "Span":
        return Span(self.median + other.median, self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier trials of one family on one kind of device showed.

    `seconds_per_shower`: of training, validation included; `start_seconds`: what a trial takes besides; `megabytes` and
    `files` that a trial leaves (medians).
    """

    model: str
    device: str
    trials: int
    seconds_per_shower: Span
    start_seconds: float
    megabytes: float
    files: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A rung, or the finalists' further seeds: what it trains at most."""

    name: str
    configurations: int
    trials: int
    epochs: int  # that one trial ends with
    start: int  # that it has been trained before
    decided: bool  # by a promotion: then everything here is an upper bound

    @property
    def trial_epochs(self) -> int:
        return self.trials * (self.epochs - self.start)


@dataclass(frozen=True, slots=True)
class Workplace:
    """`gpus` (or processors) at work at a time, with `concurrent` trials on each; `pack`: trials in an allocation."""

    gpus: int = 1
    concurrent: int = 1
    pack: int = 1

    @property
    def slots(self) -> int:
        return self.gpus * self.concurrent


@dataclass(frozen=True, slots=True)
class Cost:
    """A stage on one kind of device. `hours`: of all its trials, one after the other; None where no speed is known."""

    hours: Span | None
    gpu_hours: float | None
    elapsed_hours: float | None
    unknown: tuple[str, ...] = ()  # families of which no trial has run on such a device


@dataclass(slots=True)
class Plan:
    experiment: str
    configurations: dict[str, int]
    seeds: int
    showers: int | None
    stages: list[Stage]
    allocations: int
    devices: dict[str, list[Cost]] = field(default_factory=dict)  # device → one for each stage
    files: float | None = None
    gigabytes: float | None = None
    weighed: tuple[str, ...] = ()  # families whose space follows from their weights: no trial of them is there

    @property
    def trials(self) -> int:
        """Training jobs: a trial that climbs a rung is one more."""
        return sum(stage.trials for stage in self.stages)

    @property
    def trial_epochs(self) -> int:
        return sum(stage.trial_epochs for stage in self.stages)

    @property
    def full_trial_epochs(self) -> int:
        """Of the search without halving: every configuration with every seed to the last epoch."""
        last = max(stage.epochs for stage in self.stages)
        extra = sum(stage.trial_epochs for stage in self.stages if stage.name == FINALISTS)
        return sum(self.configurations.values()) * self.seeds * last + extra

    @property
    def bounded(self) -> bool:
        return any(stage.decided for stage in self.stages)


FINALISTS = "finalists"
FILES_OF_TRIAL = (
    8  # metrics.json, history.tsv, checkpoint.pt, state.pt, scores.npy, attempts.jsonl, progress.json, trial.lock
)
TIMES_WEIGHTS = 5  # the checkpoint's, and in the state: weights, Adam's two moments and those of the best epoch


def stages(configurations: int, seeds: int, rungs: list[int], rescore: dict[str, Any] | None = None) -> list[Stage]:
    """Return what each rung trains, and the further seeds of the finalists, which begin at the first epoch."""
    found = [_stage(rung, seeds, len(rungs)) for rung in ladder(configurations, rungs)]
    if rescore:
        trials = rescore["top"] * len(rescore["seeds"])
        found.append(Stage(FINALISTS, rescore["top"], trials, rungs[-1], 0, True))
    return found


def _stage(rung: Rung, seeds: int, rungs: int) -> Stage:
    name = f"rung {rung.number}" if rungs > 1 else "search"
    return Stage(name, rung.configurations, rung.configurations * seeds, rung.epochs, rung.start, rung.number > 1)


def make(
    experiment: str,
    configurations: dict[str, int],
    seeds: int,
    rungs: list[int],
    rescore: dict[str, Any] | None,
    showers: int | None,
    earlier: Iterable[Earlier],
    workplace: Workplace,
    weights: dict[str, float] | None = None,
) -> Plan:
    """Plan a search of so many configurations per family; `showers`: that one epoch trains with, None where not known yet.

    `weights`: megabytes of the weights of families without trials.
    """
    found = stages(sum(configurations.values()), seeds, rungs, rescore)
    plan = Plan(
        experiment, configurations, seeds, showers, found, sum(-(-stage.trials // workplace.pack) for stage in found)
    )
    earlier = list(earlier)
    for device in dict.fromkeys(one.device for one in earlier):
        known = {one.model: one for one in earlier if one.device == device}
        plan.devices[device] = [_cost(stage, plan, known, workplace) for stage in found]
    _estimate_space(plan, earlier, weights or {})
    return plan


def _cost(stage: Stage, plan: Plan, known: dict[str, Earlier], workplace: Workplace) -> Cost:
    missing = tuple(model for model in plan.configurations if model not in known)
    if missing or plan.showers is None:
        return Cost(None, None, None, missing)
    each = {model: _trial_hours(stage, plan.showers, known[model]) for model in plan.configurations}
    hours, longest, left = Span(0, 0, 0), 0.0, stage.configurations
    for model in sorted(each, key=lambda model: -each[model].median):  # the slowest first: an upper bound
        number = min(left, plan.configurations[model])
        left -= number
        hours = hours.plus(each[model].times(number * stage.trials / stage.configurations))
        longest = max(longest, each[model].median if number else 0.0)
    slots = workplace.slots
    # list scheduling: no order of trials takes longer (R. L. Graham, SIAM J. Appl. Math. 17 (1969) 416)
    elapsed = hours.median / slots + longest * (1 - 1 / slots)
    return Cost(hours, hours.median / workplace.concurrent, elapsed)


def _trial_hours(stage: Stage, showers: int, one: Earlier) -> Span:
    start = one.start_seconds / 3600
    training = one.seconds_per_shower.times(showers * (stage.epochs - stage.start) / 3600)
    return training.plus(Span(start, start, start))


def _estimate_space(plan: Plan, earlier: list[Earlier], weights: dict[str, float]) -> None:
    """Files and gigabytes of all trials: the larger of what a family's trials left on any device, or else its weights."""
    size = {model: TIMES_WEIGHTS * megabytes for model, megabytes in weights.items()}
    files = dict.fromkeys(weights, float(FILES_OF_TRIAL))
    for one in earlier:
        size[one.model] = max(one.megabytes, size.get(one.model, 0.0))
        files[one.model] = max(one.files, files.get(one.model, 0.0))
    if all(model in size for model in plan.configurations):
        shares = _trials_of(plan)
        plan.files = sum(files[model] * trials for model, trials in shares.items())
        plan.gigabytes = sum(size[model] * trials for model, trials in shares.items()) / 1000
        plan.weighed = tuple(model for model in plan.configurations if model in weights)


def _trials_of(plan: Plan) -> dict[str, float]:
    """Jobs of each family, those of later stages shared out as the configurations are."""
    total = sum(plan.configurations.values())
    return {model: plan.trials * number / total for model, number in plan.configurations.items()}


def summarize(trials: Iterable[dict[str, Any]]) -> list[Earlier]:
    """Return what earlier trials showed, by family and device.

    Each is the content of a metrics.json with `megabytes` and `files` of its folder; those without a speed are passed over.
    """
    groups: dict[tuple[str, str], list[dict]] = {}
    for trial in trials:
        if trial.get("samples_per_second") and trial.get("training_seconds"):
            groups.setdefault((trial["model"], trial["device"]), []).append(trial)
    return [_summary(model, device, group) for (model, device), group in sorted(groups.items())]


def _summary(model: str, device: str, group: list[dict]) -> Earlier:
    seconds = [1 / trial["samples_per_second"] for trial in group]
    starts = [max(0.0, trial["wall_seconds"] - trial["training_seconds"]) for trial in group]
    return Earlier(
        model,
        device,
        len(group),
        Span(statistics.median(seconds), min(seconds), max(seconds)),
        statistics.median(starts),
        statistics.median(trial["megabytes"] for trial in group),
        statistics.median(trial["files"] for trial in group),
    )


def training_showers(data: dict[str, Any]) -> int | None:
    """Return how many showers an epoch trains with, by an experiment's `data`; None where raw files hold an unknown number."""
    if any(source["kind"] != "surrogate" for source in data["sources"].values()):
        return None
    total = sum(sum(source["showers"].values()) for source in data["sources"].values())
    return math.floor(total * (1 - data["split"]["validation"] - data["split"]["test"]))


def line(plan: Plan) -> str:
    """One line for the dry-run."""
    most = "at most " if plan.bounded else ""
    share = f", {plan.trial_epochs / plan.full_trial_epochs:.0%} of the full search" if plan.bounded else ""
    totals = {device: total_hours(costs) for device, costs in plan.devices.items()}
    hours = [f"{duration(total)} on {device}" for device, total in totals.items() if total]
    return (
        f"The search: {sum(plan.configurations.values())} configurations, {most}{plan.trials} trainings, {plan.trial_epochs} epochs{share}; "
        f"{' or '.join(hours) or 'time unknown'} (cascada plan tells more)"
    )


def duration(hours: float) -> str:
    """Hours in the unit that suits them, with about two digits."""
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    return f"{60 * hours:.0f} min" if hours < 1 else f"{short(hours)} h"


def short(value: float) -> str:
    """A number with about two digits."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def total_hours(costs: list[Cost]) -> float | None:
    known = [cost.hours.median for cost in costs if cost.hours is not None]
    return sum(known) if len(known) == len(costs) else None


def as_json(plan: Plan) -> dict[str, Any]:
    """Plain values: the plan with its totals."""
    totals = {
        "trials": plan.trials,
        "trial_epochs": plan.trial_epochs,
        "full_trial_epochs": plan.full_trial_epochs,
        "upper_bound": plan.bounded,
    }
    return asdict(plan) | totals
