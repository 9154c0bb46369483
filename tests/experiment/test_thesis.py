"""The search of the thesis, at full and at reduced size, with each sampler: what it proposes can be trained, and is as much as was asked for."""

import copy
from collections import Counter

import pytest
import yaml

from cascada.experiment import configuration, proposals, rungs, samplers, schema
from cascada.models import Design
from cascada.selection.proposing import propose
from experiments import ROOT, SCHEMA

FAMILIES = ("lenet", "resnet", "cae", "vae")


def discrete(value):
    """A space for `grid`: two values of what it may choose or what varies by itself, the lower end in lists."""
    if isinstance(value, list):
        return [discrete(item)["choice"][0] if isinstance(item, dict) else item for item in value]
    if isinstance(value, dict):
        (ends,) = value.values()
        return {"choice": [ends[0], ends[-1]]}
    return value


def thesis(name: str, sampler: str) -> dict:
    content = yaml.safe_load((ROOT / f"experiments/{name}.yaml").read_text())
    search = content["search"] | {"sampler": sampler}
    if sampler == "grid":  # all combinations: of three hyperparameters, the others are fixed
        search["models"] = {
            model: {key: discrete(space[key]) for key in ("optimizer", "normalize", "learning_rate")}
            for model, space in copy.deepcopy(search["models"]).items()
        }
        del search["samples"], search["seed"]
    content["search"] = search
    schema.validate(content, SCHEMA)
    configuration.check(content)
    return content


@pytest.mark.parametrize("name", ["thesis", "thesis_reduced"])
@pytest.mark.parametrize("sampler", samplers.names())
def test_each_sampler_proposes_for_the_four_families(name, sampler, tmp_path):
    config = thesis(name, sampler)
    found, number = proposals.candidates(config, tmp_path), 0
    while found.batches > number:
        number += 1
        propose(config, number, tmp_path)
        found = proposals.candidates(config, tmp_path)
    each = {"grid": 8}.get(sampler, config["search"].get("samples"))
    assert Counter(one.model for one in found.all().values()) == dict.fromkeys(FAMILIES, each)
    for one in found.all().values():
        Design.of(one.model, one.hyperparameters)


def test_the_reduced_thesis_varies_what_the_thesis_varies():
    """And has rungs and finalists, with at least forty configurations."""
    large, small = (thesis(name, "sobol") for name in ("thesis", "thesis_reduced"))
    kinds = [{model: shape(space) for model, space in one["search"]["models"].items()} for one in (large, small)]
    assert kinds[0] == kinds[1]
    budgets = rungs.check(small["search"], small["training"]["epochs"])
    assert budgets == [1, 3, 9] and small["search"]["rescore"]["top"] == 2
    assert [rungs.going_on(40, 1, 3), rungs.going_on(14, 3, 9)] == [14, 5]


def shape(space: dict) -> dict:
    """How each hyperparameter varies, without the ends."""
    return {key: str(value) if "choice" in str(value) else kinds(value) for key, value in space.items()}


def kinds(value):
    if isinstance(value, list):
        return [kinds(item) for item in value]
    return next(iter(value)) if isinstance(value, dict) else "fixed"
