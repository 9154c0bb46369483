"""The tables of the page of a search below the leaderboard: effects and rungs. Pure."""

from collections.abc import Mapping, Sequence

from cascada.report.search.axes import Axis
from cascada.report.search.content import Search
from cascada.report.search.importance import Importance
from cascada.statistics import effects
from cascada.statistics.words import interval


def effect_rows(
    axes: Sequence[Axis], values: Sequence[float | None], found: Mapping[str, Importance]
) -> list[tuple[str, str, str]]:
    """Of each hyperparameter, the most important first: name, importance, effect with its interval as words."""
    names = [*found, *(axis.name for axis in axes if axis.name not in found)]
    by_name = {axis.name: axis for axis in axes}
    return [(name, _share(found.get(name)), effect(by_name[name], values)) for name in names]


def _share(one: Importance | None) -> str:
    if one is None:
        return ""
    return f"{one.share:.0%} ({'chance reaches' if one.chance >= one.share else 'chance:'} {one.chance:.0%})"


def effect(axis: Axis, values: Sequence[float | None]) -> str:
    """A number's rank correlation, a category's means; only of configurations that have both a value and a result."""
    pairs = [(x, y) for x, y in zip(axis.values, values, strict=True) if x is not None and y is not None]
    if not pairs:
        return "no results"
    if not axis.number:
        return "; ".join(_mean(option, [y for x, y in pairs if x == option]) for option in axis.options)
    rho = effects.rank_correlation([float(x) for x, _ in pairs], [y for _, y in pairs])
    if rho is None:
        return f"too few different values for a rank correlation ({len(pairs)} configurations)"
    return f"rank correlation {rho['value']:+.2f} [{rho['low']:+.2f}, {rho['high']:+.2f}] ({len(pairs)} configurations)"


def _mean(option: str, values: list[float]) -> str:
    if not values:
        return f"{option}: no results"
    if len(set(values)) == 1:  # from which no interval follows
        return f"{option}: {values[0]:.4f} ({len(values)}{', all equal' if len(values) > 1 else ''})"
    return f"{option}: {interval(dict(effects.mean(values)))} ({len(values)})"


def rung_rows(search: Search) -> list[dict]:
    """Of each rung: epochs, how many were on it, how they ended, who goes on, and why the others stopped."""
    rows = []
    for place, epochs in enumerate(search.budgets):
        here = [one for one in search.configurations.values() if epochs in one.values]
        known = [value for one in here if (value := one.values[epochs]) is not None]
        record = next((one for one in search.records if one["epochs"] == epochs), None)
        rows.append(
            {
                "rung": place + 1,
                "epochs": epochs,
                "here": len(here),
                "diverged": sum(one.statuses[epochs] == "diverged" for one in here),
                "failed": sum(one.statuses[epochs] == "failed" for one in here),
                "best": (min(known) if search.smaller_is_better else max(known)) if known else None,
                "on": [row["configuration"] for row in record["promoted"]] if record else [],
                "stopped": [(row["configuration"], row["why"]) for row in record["stopped"]] if record else [],
            }
        )
    return rows
