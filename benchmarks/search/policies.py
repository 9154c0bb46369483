"""Ways to search, replayed on a factorial table: each returns what it chose and how many trial-epochs it trained.

The promotions are the library's own (cascada.selection.halving), and so are Sobol's and TPE's proposals.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cascada.experiment.batches import Finished, sizes
from cascada.experiment.proposers import sobol, tpe
from cascada.experiment.rungs import ETA, FIRST, budgets, going_on
from cascada.experiment.spaces import canonical
from cascada.selection.halving import COMPLETED, DIVERGED, Score, compare

SELECT, JUDGE = 0, 1
F1, LOSS = 0, 1
FINALISTS = 2  # that get more seeds, as in the demonstration


@dataclass(slots=True)
class Table:
    """A factorial table. `metrics` (configurations, seeds, epochs, halvings, 2 halves, metrics): F1 and cross entropy first.

    NaN after a divergence; `spaces`: of each family, as an experiment writes them; `values`: of each configuration in its space.
    `there`: the configurations that have been trained, with every seed; all of them unless given.
    """

    models: list[str]
    values: list[dict]
    spaces: dict[str, dict]
    metrics: np.ndarray
    there: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.there = self.there or list(range(len(self.models)))

    @property
    def epochs(self) -> int:
        return self.metrics.shape[2]


@dataclass(slots=True)
class View:
    """One replay: which configurations there are, which half selects, in which order seeds are trained; counts what is trained."""

    table: Table
    present: list[int]  # of the table's configurations, those that this replay has
    halving: int
    swapped: bool
    seeds: list[int]
    random: np.random.Generator
    trained: dict[tuple[int, int], int] = field(default_factory=dict)  # configuration and seed → epochs

    @property
    def cost(self) -> int:
        """Trial-epochs; what is trained on is counted once."""
        return sum(self.trained.values())

    def score(self, configuration: int, epochs: int, place: int = 0) -> Score:
        """Train to so many epochs; the best epoch's F1 and cross entropy on the selecting half, as the workflow keeps it.

        `place` of the seed in the replay's order.
        """
        self.trained[configuration, place] = max(epochs, self.trained.get((configuration, place), 0))
        side = int(self.swapped)
        found = self.table.metrics[configuration, self.seeds[place], :epochs, self.halving, side]
        best = best_epoch(found)
        value, loss = (None, None) if best is None else (float(found[best, F1]), float(found[best, LOSS]))
        status = COMPLETED if np.isfinite(found[:, :2]).all() else DIVERGED
        return Score(str(configuration), place, value, loss, status)

    def scores(self, configurations: list[int], epochs: int, seeds: int = 1) -> list[Score]:
        return [self.score(one, epochs, place) for one in configurations for place in range(seeds)]


def best_epoch(found: np.ndarray) -> int | None:
    """Index of the best of epochs (epochs, metrics): the largest F1, of equal ones the smaller cross entropy."""
    finite = np.isfinite(found[:, :2]).all(axis=1)
    if not finite.any():
        return None
    order = np.lexsort((found[:, LOSS], -found[:, F1]))
    return int(next(place for place in order if finite[place]))


def judged(table: Table, halving: int, swapped: bool) -> np.ndarray:
    """F1 and cross entropy (configurations, 2) on the judging half of each trial's best epoch, mean over seeds.

    The best epoch is that of the selecting half; NaN where a seed diverged.
    """
    select, judge = int(swapped), 1 - int(swapped)
    found = table.metrics[:, :, :, halving, :, :2]  # (C, S, E, 2 halves, 2 metrics)
    selecting = found[..., select, :]
    f1 = np.where(np.isfinite(selecting).all(-1), selecting[..., F1], -np.inf)
    tied = f1 == f1.max(axis=2, keepdims=True)
    best = np.where(tied, -selecting[..., LOSS], -np.inf)
    places = np.nan_to_num(best, nan=-np.inf).argmax(axis=2)
    chosen = np.take_along_axis(found[..., judge, :], places[:, :, None, None], axis=2)[:, :, 0]
    diverged = ~np.isfinite(found).all(axis=(2, 3, 4))
    return np.where(diverged[..., None], np.nan, chosen).mean(axis=1)


Policy = Callable[[View], int]
End = Callable[[View, list[int]], int]


def best_of(scores: list[Score]) -> int:
    return int(compare(scores, "f1")[0].configuration)


def to_the_end(view: View, configurations: list[int], seeds: int = 1) -> int:
    """Train all with so many seeds each; the best by the mean over them."""
    return best_of(view.scores(configurations, view.table.epochs, seeds))


def finalists(view: View, configurations: list[int], top: int = FINALISTS) -> int:
    """As `to_the_end`, and the best `top` of them with all other seeds, too; the best by the mean over all."""
    ranked = compare(view.scores(configurations, view.table.epochs), "f1")
    best = [int(place.configuration) for place in ranked[:top]]
    return to_the_end(view, best, len(view.seeds))


def climb(view: View, configurations: list[int], rungs: list[int], end: End = to_the_end) -> int:
    """Successive halving: as many go on as the library's formula says; `end` decides between those of the last rung."""
    going = configurations
    for epochs, following in itertools.pairwise(rungs):
        ranked = compare(view.scores(going, epochs), "f1")
        wanted = going_on(len(going), epochs, following)
        going = [int(place.configuration) for place in ranked if place.status == COMPLETED][:wanted] or going[:1]
    return end(view, going)


def best_after_one(view: View, configurations: list[int], kept: int) -> int:
    """The best `kept` after one epoch, trained to the end (R. Egele et al., arXiv:2307.15422)."""
    ranked = compare(view.scores(configurations, 1), "f1")
    return to_the_end(view, [int(place.configuration) for place in ranked[:kept]])


def everything(view: View) -> list[int]:
    return view.present


def drawn(view: View, number: int) -> list[int]:
    return view.random.choice(view.present, min(number, len(view.present)), replace=False).tolist()


def ladder(view: View, eta: int, first: int) -> list[int]:
    return budgets({"halving": {"eta": eta, "first": first}}, view.table.epochs)


def proposed(view: View, number: int, epochs: int, sampler=tpe, whole: bool = False) -> list[int]:
    """Propose `number` configurations in batches, shared out evenly between the families, each trained to `epochs`.

    `whole`: all in one batch, as Sobol's are. What this replay's table lacks counts as known.
    """
    families = sorted(view.table.spaces)
    place = {(view.table.models[i], canonical(view.table.values[i])): i for i in range(len(view.table.models))}
    lacking = sorted(set(range(len(view.table.models))) - set(view.present))
    seed, found = int(view.random.integers(2**31)), []
    for order, family in enumerate(families):
        known = [_finished(view, i, None) for i in lacking if view.table.models[i] == family]
        there = sum(view.table.models[i] == family for i in view.present)
        mine = min(number // len(families) + (order < number % len(families)), there)
        for batch, size in enumerate([mine] if whole else sizes(mine, max(1, -(-mine // 4)))):
            points = sampler.propose(view.table.spaces[family], size, f"{seed}/{family}", batch, known)
            chosen = [place[family, canonical(point)] for point in points]
            known += [_finished(view, i, view.score(i, epochs)) for i in chosen]
            found += chosen
    return found


def _finished(view: View, configuration: int, score: Score | None) -> Finished:
    name, values = f"{configuration:04}", view.table.values[configuration]
    if score is None:
        return Finished(name, values, None, "pending", 0)
    return Finished(name, values, score.value, score.status, view.table.epochs)


def policies(numbers: tuple[int, ...] = (24, 48), seeds: int = 3) -> dict[str, Policy]:
    """All that are compared, by the name that the table of results shows; those that train several seeds only where the table has them."""
    found: dict[str, Policy] = {"grid": lambda view: to_the_end(view, everything(view))}
    for eta, first in ((2, 1), (2, 2), (3, 1), (3, 2)):
        found[f"grid, halving η {eta} from {first}"] = lambda view, e=eta, f=first: climb(
            view, everything(view), ladder(view, e, f)
        )
    if seeds > 1:
        found[f"grid, halving η 3 from 1, {FINALISTS} finalists"] = lambda view: climb(
            view, everything(view), ladder(view, ETA, FIRST), finalists
        )
    for share in (12, 6, 4):
        found[f"grid, best 1/{share} after one epoch"] = lambda view, s=share: best_after_one(
            view, everything(view), -(-len(view.present) // s)
        )
    for n in numbers:
        found[f"random {n}"] = lambda view, n=n: to_the_end(view, drawn(view, n))
        found[f"sobol {n}"] = lambda view, n=n: to_the_end(view, proposed(view, n, view.table.epochs, sobol, True))
        found[f"tpe {n}"] = lambda view, n=n: to_the_end(view, proposed(view, n, view.table.epochs))
        for eta in (2, 3):
            found[f"random {n}, halving η {eta} from 1"] = lambda view, n=n, e=eta: climb(
                view, drawn(view, n), ladder(view, e, FIRST)
            )
        found[f"sobol {n}, halving η 3 from 1"] = lambda view, n=n: climb(
            view, proposed(view, n, FIRST, sobol, True), ladder(view, ETA, FIRST)
        )
        found[f"tpe {n}, halving η 3 from 1"] = lambda view, n=n: climb(
            view, proposed(view, n, FIRST), ladder(view, ETA, FIRST)
        )
        found[f"random {n}, best 1/6 after one epoch"] = lambda view, n=n: best_after_one(
            view, drawn(view, n), -(-n // 6)
        )
        if seeds > 1:
            found |= _with_seeds(n, seeds)
    return found


def _with_seeds(n: int, seeds: int) -> dict[str, Policy]:
    """More seeds for every configuration, and for the best few alone."""
    return {
        f"random {n}, {seeds} seeds each": lambda view: to_the_end(view, drawn(view, n), seeds),
        f"random {n}, {FINALISTS} finalists": lambda view: finalists(view, drawn(view, n)),
        f"sobol {n}, halving η 3 from 1, {FINALISTS} finalists": lambda view: climb(
            view, proposed(view, n, FIRST, sobol, True), ladder(view, ETA, FIRST), finalists
        ),
    }
