"""The next batch of a search: tell the sampler what is finished, write what it proposes."""

import statistics
from pathlib import Path

from cascada.core.files import read_json
from cascada.experiment import records, rungs
from cascada.experiment.batches import Finished
from cascada.experiment.proposals import BATCH, Proposal, Search
from cascada.experiment.spaces import Configuration

PENDING = "pending"


def propose(config: dict, number: int, folder: Path) -> list[Configuration]:
    """Write batch `number` into `folder` (of the records), unless it is there; return all configurations proposed so far.

    Of the batches before, the sampler is told the trials of every budget of which all seeds are there.
    """
    search = Search.of(config, folder)
    if search.path(number).exists():
        records.read(search.path(number), BATCH)
        print(f"{search.path(number)} is there and stays: what was proposed once is not proposed otherwise.")
    else:
        budgets = rungs.budgets(config["search"], config["training"]["epochs"])
        records.write(search.path(number), BATCH, _batch(search, config["search"], number, budgets))
    return list(search.configurations().values())


def _batch(search: Search, settings: dict, number: int, budgets: list[int]) -> dict:
    earlier = list(search.proposals(before=number))
    rows = []
    for model, wanted in (search.following(number) or [{}])[0].items():
        mine = [(batch, one) for batch, one in earlier if one.model == model]
        finished = [told for _, one in mine for told in _finished(one, search.folder.parent, settings, budgets)]
        seed, place = f"{search.options.seed}/{model}", len({batch for batch, _ in mine})
        for values in search.sampler.propose(search.spaces[model].entries, wanted, seed, place, finished):
            rows.append(
                {
                    "configuration": search.proposal(model, values).configuration.id,
                    "model": model,
                    "values": values,
                    "origin": search.origins[model],
                }
            )
        print(f"batch {number}: {wanted} configuration(s) of {model}, from {len(finished)} result(s)")
    return {"batch": number, "sampler": settings["sampler"], "proposals": rows}


def _finished(one: Proposal, results: Path, settings: dict, budgets: list[int]) -> list[Finished]:
    """What is known of a proposal, a `Finished` per budget; one that is pending where it has no results yet."""
    name, found = one.configuration.id, []
    for epochs in budgets:
        paths = [results / f"trials/{name}/seed-{seed}/epochs-{epochs}/metrics.json" for seed in settings["seeds"]]
        if all(path.exists() for path in paths):
            trials = [read_json(path) for path in paths]
            found.append(Finished(name, one.values, *_score(trials, settings["metric"]), epochs))
    return found or [Finished(name, one.values, None, PENDING, budgets[0])]


def _score(trials: list[dict], metric: str) -> tuple[float | None, str]:
    """The mean over the seeds that did not fail, larger is better, and the worst status of these."""
    there = [trial for trial in trials if trial["status"] != "failed"]
    values = [trial["validation"][metric] for trial in there]
    if not there:
        return None, "failed"
    if {trial["status"] for trial in there} != {"completed"} or None in values:
        return None, "diverged"
    return (-1 if metric == "loss" else 1) * statistics.fmean(values), "completed"
