"""The plan of a search as a table for the terminal."""

import time
from typing import TYPE_CHECKING

from cascada.experiment.plan import Cost, Plan, Span, Workplace, duration, short

if TYPE_CHECKING:
    from rich.console import RenderableType


def render(plan: Plan, workplace: Workplace, now: float | None = None) -> "RenderableType":
    """A row for each rung and one for all; beneath it what would be left on disk, and when it would end."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_footer=True)
    for name, foot in _columns(plan):
        table.add_column(name, foot, justify="left" if not table.columns else "right", no_wrap=True)
    for place, stage in enumerate(plan.stages):
        most = "≤ " if stage.decided else ""
        cells = [
            stage.name,
            f"{stage.configurations}",
            f"{most}{stage.trials}",
            f"{stage.start} → {stage.epochs}" if stage.start else f"{stage.epochs}",
            f"{most}{stage.trial_epochs}",
        ]
        table.add_row(*cells, *(most + _hours(costs[place].hours) for costs in plan.devices.values()))
    notes = [Text(note) for note in notes_of(plan, workplace, time.time() if now is None else now)]
    return Group(Text(_head(plan), style="bold"), table, *notes)


def _head(plan: Plan) -> str:
    families = ", ".join(f"{number} {model}" for model, number in plan.configurations.items())
    showers = "an unknown number of" if plan.showers is None else f"{plan.showers:,}"
    seeds = "1 seed" if plan.seeds == 1 else f"{plan.seeds} seeds"
    return f"{plan.experiment}: {families}; {seeds}; {showers} showers in an epoch"


def _columns(plan: Plan) -> list[tuple[str, str]]:
    most = "≤ " if plan.bounded else ""
    columns = [
        ("stage", "all"),
        ("configurations", f"{sum(plan.configurations.values())}"),
        ("trainings", f"{most}{plan.trials}"),
        ("epochs", ""),
        ("trial-epochs", f"{most}{plan.trial_epochs}"),
    ]
    return columns + [(f"time on {device}", most + _hours(_total(costs))) for device, costs in plan.devices.items()]


def _total(costs: list[Cost]) -> Span | None:
    total = Span(0, 0, 0)
    for cost in costs:
        if cost.hours is None:
            return None
        total = total.plus(cost.hours)
    return total


def _hours(hours: Span | None) -> str:
    if hours is None:
        return "unknown"
    return f"{duration(hours.median)} ({duration(hours.low)} – {duration(hours.high)})"


def _size(gigabytes: float) -> str:
    return f"{1000 * gigabytes:.3g} MB" if gigabytes < 1 else f"{gigabytes:,.1f} GB"


def notes_of(plan: Plan, workplace: Workplace, now: float) -> list[str]:
    """Sentences beneath the table, `now` in seconds since the epoch."""
    notes = []
    if plan.bounded:
        share = plan.trial_epochs / plan.full_trial_epochs
        notes.append(
            f"≤: a promotion decides which; {plan.full_trial_epochs} trial-epochs without halving, so this is {share:.0%}."
        )
    for device, costs in plan.devices.items():
        notes += _notes_of_device(device, costs, workplace, now)
    if not plan.devices:
        notes.append(
            "time: unknown, no trial of these families has run yet; run a small experiment with them on the device, "
            "or name a folder of results with --results."
        )
    if plan.showers is None:
        notes.append("showers: unknown before the raw files are converted and merged; run `snakemake merge` first.")
    notes.append(
        "files and space: unknown, no trial of some family is there to be measured."
        if plan.files is None
        else f"trials leave about {plan.files:,.0f} files, {_size(plan.gigabytes or 0)}{_weighed(plan)}."
    )
    if workplace.pack > 1:
        notes.append(f"{plan.allocations} allocations of up to {workplace.pack} trainings.")
    return notes


def _weighed(plan: Plan) -> str:
    return f" (of {', '.join(plan.weighed)} by the number of weights: no trial of it is there)" if plan.weighed else ""


def _notes_of_device(device: str, costs: list[Cost], workplace: Workplace, now: float) -> list[str]:
    missing = sorted({model for cost in costs for model in cost.unknown})
    if missing:
        return [
            f"time on {device}: unknown, no trial of {', '.join(missing)} has run there; run a small experiment with it first."
        ]
    if any(cost.elapsed_hours is None for cost in costs):
        return []
    elapsed = sum(cost.elapsed_hours or 0 for cost in costs)
    shared = f", {workplace.concurrent} trainings on each" if workplace.concurrent > 1 else ""
    end = time.strftime("%a %d %b %H:%M", time.localtime(now + elapsed * 3600))
    what = "processor" if device == "cpu" else device
    text = f"on {workplace.gpus} × {what}{shared}: at most {duration(elapsed)}, begun now until {end}"
    if device != "cpu":
        occupied = sum(cost.gpu_hours or 0 for cost in costs)
        text += f", {short(occupied)} GPU-hours"
        text += " if sharing a GPU does not slow them down" if workplace.concurrent > 1 else ""
    return [text + "."]
