"""What the first screen of the page of a search says: what is chosen, how sure that is, what it took. Pure."""

from collections.abc import Sequence
from typing import Any

from cascada.core.classes import meaning
from cascada.report.search.content import Search
from cascada.report.search.leaderboard import metric_cell
from cascada.selection.leaderboard import ORIGIN
from cascada.statistics.names import TITLES
from cascada.statistics.words import interval


def tiles(search: Search) -> list[tuple[str, str, str]]:
    """Heading, the fact, what it means."""
    ranked = [row for row in search.leaderboard if row["rank"]]
    found = [
        _chosen(search, ranked),
        *_set(ranked),
        *_corrected(search),
        *_luck(search),
        *_baseline(search),
        _tried(search),
        _took(search),
    ]
    return [one for one in found if one[1]]


def _chosen(search: Search, ranked: list[dict[str, str]]) -> tuple[str, str, str]:
    named = search.best.get("configuration", "")
    row = next((row for row in ranked if row["configuration"] == named), None)
    if row is None:
        return "Chosen", "nothing", "no configuration has completed"
    title = f"{TITLES[search.metric]}{meaning(search.summary, search.metric)}"
    parts = ["mean" if row["seeds"] != "1" else "one seed"]
    parts += ["standard deviation (±) over seeds"] if row.get(f"validation_{search.metric}_spread") else []
    parts += ["interval over showers"] if row.get(f"validation_{search.metric}_low") else []
    return f"Chosen: {named}", metric_cell(row, search.metric), f"validation {title}: {', '.join(parts)}"


def _set(ranked: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """Of those that were compared, which are all or the finalists alone."""
    compared = [row["in_set"] for row in ranked if row.get("in_set")]
    if not compared:
        return []
    number = compared.count("yes")
    said = "cannot be told from the best" if number > 1 else "is the best alone: the others can be told from it"
    words = f"{said}, by these trained networks and these showers"
    return [("Not distinguishable", f"{number} of {len(compared)}", words)]


def _corrected(search: Search) -> list[tuple[str, str, str]]:
    """The metric without the optimism of the best of many, where the choice has it."""
    found = search.decision.get("optimism")
    if not found:
        return []
    words = f"{found['raw']:.4f} of the exported seed, without what being the best of many adds"
    return [("Corrected", interval({"value": found["corrected"]} | found), words)]


def _luck(search: Search) -> list[tuple[str, str, str]]:
    """The same of the last rung, where finalists got more seeds after it."""
    found = search.decision.get("before_finalists")
    if not found:
        return []
    words = (
        f"{found['raw']:.4f} of {found['configuration']}, the best of {found['configurations']} at {found['epochs']} epochs by "
        f"{_seeds(found['seeds'])} alone, without what being the best of them adds"
    )
    return [("Corrected, before finalists", interval({"value": found["corrected"]} | found), words)]


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"the seeds {', '.join(map(str, seeds))}"


def caveats(search: Search) -> list[str]:
    """Whom the choice was between, and which luck the corrections do not cover, as sentences."""
    return [*_candidates(search), *_not_covered(search)]


def _candidates(search: Search) -> list[str]:
    number = search.decision.get("compared", {}).get("candidates")
    full = [row for row in search.leaderboard if row["rank"] and row["status"] == "completed"]
    tried = sum(row["status"] != "baseline" for row in search.leaderboard)
    if number is None or number >= tried:
        return []
    reached = f"of {tried} configurations that were tried, {len(full)} reached {search.budgets[-1]} epochs"
    if number == len(full):
        return [f"The {number} candidates: {reached}, and the choice is between these."]
    return [
        f"The {number} candidates are the finalists: {reached}, the best {number} of these were trained with more seeds, and the "
        "choice is between them by the mean over all their seeds."
    ]


def _not_covered(search: Search) -> list[str]:
    """Which decisions the correction repeats, which not, and how many configurations these were between."""
    found = search.decision.get("optimism", {})
    if not found.get("not_replayed"):
        return []
    tried = sum(row["status"] != "baseline" for row in search.leaderboard)
    return [
        f"The correction repeats {', '.join(found['replayed'])} on draws of the showers. It leaves out: {'; '.join(found['not_replayed'])}. "
        f"So of the luck among all {tried} configurations a part remains in it; the sealed test has none."
    ]


def _baseline(search: Search) -> list[tuple[str, str, str]]:
    column = f"validation_{search.metric}_mean"
    rows = [row for row in search.leaderboard if row["status"] == "baseline" and row.get(column)]
    if not rows:
        return []
    best = (min if search.smaller_is_better else max)(rows, key=lambda row: float(row[column]))
    return [
        (
            "Best baseline",
            metric_cell(best, search.metric),
            f"{best['configuration'].replace('_', ' ')}, never selected",
        )
    ]


def _tried(search: Search) -> tuple[str, str, str]:
    statuses = [row["status"] for row in search.leaderboard]
    counts = {name: statuses.count(name) for name in ("completed", "stopped", "diverged", "failed")}
    words = [f"{number} {name}" for name, number in counts.items() if number]
    total = sum(counts.values())
    return "Tried", f"{total} configuration{'s' if total > 1 else ''}", f"{', '.join(words)}; sampler {search.sampler}"


def _took(search: Search) -> tuple[str, str, str]:
    by_name, unit = hours(search)
    total = sum(by_name.values())
    saved = [row for row in search.costs if row["of"] == "saved" and row["name"] == "halving"]
    text = f"halving saved {float(saved[0]['wall_hours']):.2f} hours (an estimate)" if saved else "all trials together"
    return "Took", f"{total:.2f} {unit}", text


def hours(search: Search) -> tuple[dict[str, float], str]:
    """GPU-hours of each configuration; without a GPU, hours of wall time."""
    gpu = {one.name: one.gpu_hours for one in search.configurations.values()}
    if any(gpu.values()):
        return gpu, "GPU-hours"
    return {one.name: one.wall_hours for one in search.configurations.values()}, "hours of wall time"


def provenance(search: Search) -> dict[str, Any]:
    """Where the leaderboard comes from; its rows all say the same."""
    first = search.leaderboard[0] if search.leaderboard else {}
    facts: dict[str, Any] = {name: first.get(name, "") for name in ORIGIN}
    return facts | {"git_dirty": facts["git_dirty"] == "True", "data_sha256": {"training": facts["data_sha256"]}}
