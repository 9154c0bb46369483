"""Replay ways to search on the factorial table: what each costs and what it loses.

python -m benchmarks.search.replay                         # 200 replays, a table in Markdown
python -m benchmarks.search.replay --picture search.png

A replay has two thirds of the configurations, drawn anew, one of the random halvings of the validation showers, and an order of the
seeds: the first is trained, a policy that trains several takes the others in that order. Regret: how much the chosen configuration is
behind the best one of the replay on the judging half, mean over all seeds; for F1 and for cross entropy. The interval is that of the
mean over replays. All replays draw from one table, so it does not cover that another data set might give another table.

An unfinished table is a fair sample of the configurations. It is replayed with those that have all seeds; where these are fewer than
half of all, with fewer seeds, so that a single one that selects is the one that judges, too, and its luck does not show as regret.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.search.policies import F1, LOSS, Policy, Table, View, judged, policies
from benchmarks.search.table import TABLE
from cascada.core.errors import CascadaError

PRESENT = 2 / 3  # of the table's configurations, in a replay
NUMBERS = (24, 48)  # of configurations, of policies that do not take all
LEAST, ENOUGH = 12, 0.5  # configurations to be replayed at all, and the share of them that one more seed takes
NORMAL_95 = 1.959964
PAIRS = (  # whose regrets are subtracted replay by replay
    ("grid, halving η 3 from 1", "grid"),
    ("grid, halving η 3 from 1", "grid, halving η 3 from 2"),
    ("grid, halving η 3 from 1", "grid, best 1/6 after one epoch"),
    *((f"{sampler} {n}", f"random {n}") for n in NUMBERS for sampler in ("tpe", "sobol")),
    *((f"tpe {n}, halving η 3 from 1", f"random {n}, halving η 3 from 1") for n in NUMBERS),
)
GOAL = 0.002  # regret in F1 that a third of the full cost should not exceed


@dataclass(slots=True)
class Outcome:
    """Replays of one policy: share of the full cost, regret in F1 and in cross entropy, each (replays,)."""

    cost: np.ndarray
    share: np.ndarray
    f1: np.ndarray
    loss: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.replay", description=__doc__.partition("\n")[0])
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    table = read(arguments.table)
    seeds = table.metrics.shape[1]
    print(f"{len(table.there)} of {len(table.models)} configurations × {seeds} seeds × {table.epochs} epochs (surrogate showers), "
          f"{arguments.replays} replays\n")  # fmt: skip
    numbers = tuple(n for n in NUMBERS if n <= len(table.there) * PRESENT)
    found = replay(
        table, policies(numbers, seeds), arguments.replays, arguments.seed, lambda name: print(f"… {name}", flush=True)
    )
    print(markdown(found))
    print("\n" + differences(found, PAIRS))
    if arguments.picture:
        draw(found, arguments.picture)


def read(path: Path) -> Table:
    """Read data/table.npz with as many seeds as enough configurations have (see above). Raises CascadaError."""
    try:
        with np.load(path, allow_pickle=False) as content:
            about, metrics, trained = json.loads(str(content["about"])), content["metrics"], content["trained"]
    except (OSError, ValueError, KeyError) as error:
        raise CascadaError(f"{path}: no table ({error}); make it with `python -m benchmarks.search.table`.") from None
    seeds = seeds_of(trained)
    there = np.flatnonzero(trained[:, :seeds].all(axis=1)).tolist()
    if len(there) < LEAST:
        raise CascadaError(
            f"{path}: {len(there)} of {len(trained)} configurations have been trained, at least {LEAST} are needed; go on with "
            "`python -m benchmarks.search.table`."
        )
    models, spaces = about["models"], about["spaces"]
    values = [
        {name: all_of[name] for name in spaces[model]}
        for model, all_of in zip(models, about["hyperparameters"], strict=True)
    ]
    return Table(models, values, {model: spaces[model] for model in sorted(set(models))}, metrics[:, :seeds], there)


def numbers_for(table: Table) -> tuple[int, ...]:
    """Of NUMBERS those that leave something to choose: at most half of the smallest family's configurations in a replay."""
    least = min(sum(table.models[i] == family for i in table.there) for family in table.spaces)
    return tuple(number for number in NUMBERS if number / len(table.spaces) <= PRESENT * least / 2)


def seeds_of(trained: np.ndarray) -> int:
    """Of trials (configurations, seeds), trained seed by seed: the most seeds that enough configurations have, at least one."""
    whole = [int(trained[:, :seeds].all(axis=1).sum()) for seeds in range(1, trained.shape[1] + 1)]
    return max((seeds for seeds, number in enumerate(whole, 1) if number >= ENOUGH * len(trained)), default=1)


def replay(
    table: Table, compared: dict[str, Policy], replays: int, seed: int, say: Callable[[str], None] = lambda name: None
) -> dict[str, Outcome]:
    """Replay each policy on the same resampled tables. The same seed gives the same numbers."""
    found = {}
    for name, policy in compared.items():
        say(name)
        found[name] = Outcome(*np.array([_one(table, policy, seed, number) for number in range(replays)]).T)
    return found


def _one(table: Table, policy: Policy, seed: int, number: int) -> tuple[float, float, float, float]:
    """One replay: cost, its share of training every present configuration to the end, regret in F1 and cross entropy."""
    generator = np.random.default_rng([seed, number])  # the same table for every policy
    seeds, halvings = table.metrics.shape[1], table.metrics.shape[3]
    present = np.sort(generator.choice(table.there, math.ceil(PRESENT * len(table.there)), replace=False)).tolist()
    halving, swapped = int(generator.integers(halvings)), bool(generator.integers(2))
    view = View(table, present, halving, swapped, generator.permutation(seeds).tolist(), generator)
    truth = judged(table, view.halving, view.swapped)
    chosen = policy(view)
    best_f1, best_loss = np.nanmax(truth[present, F1]), np.nanmin(truth[present, LOSS])
    return (
        view.cost,
        view.cost / (len(present) * table.epochs),
        best_f1 - np.nan_to_num(truth[chosen, F1], nan=0.0),
        np.nan_to_num(truth[chosen, LOSS], nan=math.log(2)) - best_loss,  # a diverged choice knows nothing
    )


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of replays (R,) and its 95 % interval, normal: replays are many and drawn independently."""
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - NORMAL_95 * error, mean + NORMAL_95 * error


def front(found: dict[str, Outcome]) -> set[str]:
    """The policies that no other beats in mean cost and mean regret in F1 at once."""
    points = {name: (one.cost.mean(), one.f1.mean()) for name, one in found.items()}
    return {
        name
        for name, (cost, regret) in points.items()
        if not any(c <= cost and r <= regret and (c, r) != (cost, regret) for c, r in points.values())
    }


def markdown(found: dict[str, Outcome]) -> str:
    best = front(found)
    lines = [
        "|  | policy | trial-epochs | of all | regret in F1 [95 %] | regret in cross entropy [95 %] | on the front |"
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    for number, (name, one) in enumerate(found.items(), 1):
        cells = [str(number), name, f"{one.cost.mean():.0f}", f"{one.share.mean():.3f}", _text(one.f1), _text(one.loss)]
        lines.append("| " + " | ".join([*cells, "yes" if name in best else ""]) + " |")
    return "\n".join(lines)


def differences(found: dict[str, Outcome], pairs: Iterable[tuple[str, str]]) -> str:
    """How much larger the regret of the first of each pair is, in the same replays: those that were drawn alike tell more than two means."""
    lines = ["| policy | minus | regret in F1 [95 %] | regret in cross entropy [95 %] |", "|---|---|---|---|"]
    for one, other in pairs:
        if one in found and other in found:
            mine, theirs = found[one], found[other]
            lines.append(f"| {one} | {other} | {_text(mine.f1 - theirs.f1)} | {_text(mine.loss - theirs.loss)} |")
    return "\n".join(lines)


def _text(values: np.ndarray) -> str:
    mean, low, high = interval(values)
    return f"{mean:.4f} [{low:.4f}, {high:.4f}]"


def draw(found: dict[str, Outcome], path: Path) -> None:
    """Regret against cost, with intervals and the numbers of the Markdown table; the front as a line, the goal dotted.

    The first policy is the full search.
    """
    from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

    from cascada.report import style

    drawing, axes = style.figure(10, 6)
    kinds = sorted({_kind(name) for name in found})
    best = sorted((found[name].cost.mean(), found[name].f1.mean()) for name in front(found))
    axes.plot(*zip(*best, strict=True), color="0.7", linewidth=1, zorder=0)
    for number, (name, one) in enumerate(found.items(), 1):
        colour = style.COLOURS[kinds.index(_kind(name)) % len(style.COLOURS)]
        mean, low, high = interval(one.f1)
        error = [[mean - low], [high - mean]]
        axes.errorbar(one.cost.mean(), mean, error, fmt="o", color=colour, markersize=4, label=f"{number}  {name}")
        # a neighbour's number stands on the other side
        axes.annotate(
            str(number),
            (one.cost.mean(), mean),
            xytext=(4 if number % 2 else -12, 3),
            textcoords="offset points",
            fontsize=7,
        )
    axes.set(xscale="log", xlabel="trial-epochs", ylabel="regret in F1 (mean and 95 % interval over replays)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    # the goal: below one line and left of the other, a third of the full cost
    axes.axhline(GOAL, color="0.7", linewidth=0.8, linestyle=":")
    axes.axvline(next(iter(found.values())).cost.mean() / 3, color="0.7", linewidth=0.8, linestyle=":")
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))
    style.tidy(axes)
    style.save(drawing, path, True)


def _kind(name: str) -> str:
    """How configurations were proposed: the first word."""
    return name.partition(" ")[0].rstrip(",")


if __name__ == "__main__":
    try:
        main()
    except CascadaError as error:
        sys.exit(str(error))
