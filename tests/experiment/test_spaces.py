"""The search: spaces to configurations, stable ids, and errors that list what is allowed."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from cascada import models
from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.core.extensions import Extension
from cascada.core.options import tree
from cascada.experiment import families, schema, spaces


def config(models_=None, **search_):
    settings = {"sampler": "grid", "metric": "f1", "seeds": [1], "seed": 1, "models": models_ or {"lenet": {}}}
    return {"search": settings | search_, "training": {"epochs": 3, "precision": "auto"}}


def test_a_grid_holds_every_combination():
    space = {"lenet": {"channels": {"choice": [[6, 16], [10, 20]]}, "learning_rate": {"choice": [0.001, 0.01]}}}
    found = spaces.configurations(config(space))
    values = {(tuple(one.hyperparameters["channels"]), one.hyperparameters["learning_rate"]) for one in found}
    assert values == {((6, 16), 0.001), ((6, 16), 0.01), ((10, 20), 0.001), ((10, 20), 0.01)}
    assert all(one.id.startswith("lenet-") and len(one.id) == len("lenet-") + 8 for one in found)


def test_lists_of_distributions_multiply():
    space = {"lenet": {"channels": [{"randint": [2, 3]}, {"choice": [4, 5, 6]}]}}
    assert len(spaces.configurations(config(space))) == 6


def test_a_plain_list_is_one_value():
    assert [
        one.hyperparameters["channels"] for one in spaces.configurations(config({"lenet": {"channels": [3, 5]}}))
    ] == [[3, 5]]


def test_defaults_are_filled_in_and_every_family_is_known():
    assert spaces.families() == models.families()
    for family in spaces.families():
        one = spaces.configurations(config({family: {}}))[0]
        models.build(family, one.hyperparameters, 1, 2)
        assert {"learning_rate", "batch_size"} < one.hyperparameters.keys()


def test_ids_do_not_depend_on_order_on_others_or_on_epochs():
    one = spaces.configurations(config({"lenet": {"learning_rate": 0.002, "batch_size": 32}}))[0].id
    more = config({"cae": {}, "lenet": {"batch_size": 32, "learning_rate": {"choice": [0.1, 0.002]}}})
    more["training"]["epochs"] = 9
    assert one in {other.id for other in spaces.configurations(more)}


def test_ids_depend_on_what_determines_the_result():
    base = config({"lenet": {"learning_rate": 0.002}})
    other = copy.deepcopy(base)
    other["training"]["precision"] = "float32"
    metric = copy.deepcopy(base)
    metric["search"]["metric"] = "loss"
    assert len({spaces.configurations(one)[0].id for one in (base, other, metric)}) == 3


ROOT = Path(__file__).parents[2]
RECORDED = json.loads((ROOT / "tests/recorded/ids.json").read_text())


@pytest.mark.parametrize("experiment", RECORDED)
def test_ids_are_those_that_they_were(experiment):
    content = yaml.safe_load((ROOT / experiment).read_text())
    schema.validate(content, ROOT / "rules/schemas/config.schema.yaml")
    assert sorted(one.id for one in spaces.configurations(content)) == RECORDED[experiment]


FAMILY = """
from cascada.experiment.hyperparameters import later

class Config:
    width: int = 3{field}

class Model: ...
"""


@pytest.fixture
def family(tmp_path, monkeypatch):
    """A function that writes the family `plain`, with a line more in its `Config`."""
    found, plain = extensions.found, Extension("plain", "plain", tmp_path / "plain.py")
    monkeypatch.setattr(
        extensions, "found", lambda room, group="": {"plain": plain} if room == "cascada.models" else found(room, group)
    )

    def write(field=""):
        (tmp_path / "plain.py").write_text(FAMILY.format(field=f"\n    {field}" if field else ""))
        tree.cache_clear()

    return write


def test_a_familys_later_hyperparameter_renames_nothing_while_it_is_neutral(family):
    def found(space):
        return spaces.configurations(config({"plain": space}))[0]

    family()
    before = found({})
    family("dropout: float = later(0.0)")
    for space in ({}, {"dropout": 0.0}, {"dropout": 0}):
        assert found(space) == before
    assert found({"dropout": 0.1}).id != before.id
    assert found({"dropout": 0.1}).hyperparameters["dropout"] == 0.1
    assert found({"dropout": False}).hyperparameters["dropout"] is False  # for the family to refuse
    family("dropout: float = 0.0")  # the test can fail: not marked, it renames
    assert found({}).id != before.id


def test_a_later_setting_of_the_training_renames_nothing_while_it_is_neutral(monkeypatch):
    def found(**settings):
        changed = config()
        changed["training"] |= settings
        return spaces.configurations(changed)[0]

    before = found()
    assert found(clipping=0.0).id != before.id
    monkeypatch.setattr(spaces, "LATER_SETTINGS", {"clipping": 0.0})
    assert found(clipping=0.0) == before and found(clipping=1.0).id != before.id


def test_parts_of_an_augmentation_have_one_order():
    orders = ["symmetries+shifts+scale", "scale+symmetries+shifts", "shifts+scale+symmetries"]
    found = spaces.configurations(config({"lenet": {"augmentation": {"choice": orders}}}))
    assert [one.hyperparameters["augmentation"] for one in found] == orders[:1]


@pytest.mark.parametrize("given", ["flips", "none+scale", "scale+scale", "symmetries+", ""])
def test_an_unknown_augmentation_is_refused(given):
    with pytest.raises(ConfigError, match=rf"augmentation: '{re.escape(given)}' given.*'symmetries'.*each once"):
        spaces.configurations(config({"lenet": {"augmentation": given}}))


def test_random_search_is_seeded_and_without_doubles():
    space = {"lenet": {"learning_rate": {"loguniform": [1e-4, 1e-2]}, "batch_size": {"randint": [32, 256]}}}
    one = spaces.configurations(config(space, sampler="random", samples=20))
    same = spaces.configurations(config(space, sampler="random", samples=20))
    other = spaces.configurations(config(space, sampler="random", samples=20, seed=2))
    assert [c.id for c in one] == [c.id for c in same] and len({c.id for c in one}) == 20
    assert {c.id for c in one}.isdisjoint(c.id for c in other)
    assert all(1e-4 <= c.hyperparameters["learning_rate"] <= 1e-2 for c in one)
    assert all(32 <= c.hyperparameters["batch_size"] <= 256 for c in one)


def test_a_random_search_that_grows_keeps_what_it_has():
    space = {"lenet": {"learning_rate": {"loguniform": [1e-4, 1e-2]}}}
    few = spaces.configurations(config(space, sampler="random", samples=5))
    many = spaces.configurations(config(space | {"cae": {}}, sampler="random", samples={"lenet": 9, "cae": 1}))
    assert {one.id for one in few} < {one.id for one in many}


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"lnet": {}}, r"unknown model 'lnet' \(did you mean 'lenet'\?\).*'cae'"),
        ({"lenet": {"learning_rat": 1}}, r"'learning_rat' \(did you mean 'learning_rate'\?\).*'batch_size'"),
        ({"lenet": {"batch_size": {"randin": [1, 2]}}}, r"unknown distribution.*did you mean 'randint'"),
        (
            {"lenet": {"batch_size": {"choice": []}}},
            r"batch_size\.choice: \[\] given, a list is needed that is not empty",
        ),
        ({"lenet": {"batch_size": {"randint": [5, 2]}}}, r"\[low, high\] with low ≤ high"),
        ({"lenet": {"batch_size": {"randint": [1.5, 2]}}}, "whole numbers"),
        ({"lenet": {"learning_rate": {"loguniform": [0, 1]}}}, "numbers above 0"),
        ({"lenet": {"learning_rate": {"loguniform": [0.1, 1]}}}, "no list of values for a grid"),
        (
            {"vae": {"layers": [{"randint": [500, 1000]}] * 4, "learning_rate": {"loguniform": [0.1, 1]}}},
            "vae.learning_rate: loguniform has no list of values for a grid",
        ),
        (
            {"lenet": {"optimizer": {"choice": ["adam", {"value": "sgd", "momentum": {"uniform": [0, 1]}}]}}},
            r"lenet\.optimizer\.choice\[1\]\.momentum: uniform has no list of values",
        ),
        (
            {"lenet": {"channels": [{"randint": [1, 500]}, {"randint": [1, 201]}]}},
            "lenet: a grid of 100,500 combinations, at most 100,000 are allowed",
        ),
        ({"lenet": {"optimizer": "adamm"}}, r"optimizer: expected one of \['adam', 'sgd'\], got 'adamm'"),
        ({"lenet": {"batch_size": 0}}, "at least 1"),
        ({}, "search.models is empty"),
    ],
)
def test_errors_name_the_place_and_what_is_allowed(space, message):
    settings = config()
    settings["search"]["models"] = space
    with pytest.raises(ConfigError, match=message):
        spaces.configurations(settings)


def test_too_many_samples_of_a_small_space():
    with pytest.raises(ConfigError, match="5 different samples asked for, the space gave 2"):
        spaces.configurations(config({"lenet": {"batch_size": {"choice": [8, 9]}}}, sampler="random", samples=5))


def test_the_table_can_be_read_back(tmp_path):
    found = spaces.configurations(config({"lenet": {"learning_rate": {"choice": [0.1, 0.2]}}, "cae": {}}))
    spaces.write_table(found, tmp_path / "configurations.tsv", [1, 2])
    expected = [{"configuration": c.id, "model": c.model, "hyperparameters": c.hyperparameters} for c in found]
    assert spaces.read_table(tmp_path / "configurations.tsv") == expected


@pytest.mark.parametrize(
    "space, message",
    [
        ({"normalize": "no"}, r"normalize: expected bool, got 'no'"),
        ({"batch_size": 32.5}, r"batch_size: expected int, got 32\.5"),
        ({"learning_rate": "1e-3"}, r"learning_rate: expected float, got '1e-3'.*write 1\.0e-3, not 1e-3"),
        ({"learning_rate": {"choice": ["1e-3"]}}, r"write 1\.0e-3"),
    ],
)
def test_a_value_of_the_wrong_type_is_found_at_the_dry_run(space, message):
    with pytest.raises(ConfigError, match=message):
        spaces.configurations(config({"lenet": space}))


def test_numbers_that_yaml_reads_as_text_are_explained():
    space = {"lenet": {"learning_rate": {"loguniform": ["1e-4", "1e-2"]}}}
    with pytest.raises(ConfigError, match=r"YAML reads 1e-3 as text"):
        spaces.configurations(config(space, sampler="random", samples=2))


BRANCHES = {"choice": ["adam", {"value": "sgd", "momentum": {"choice": [0.5, 0.9]}}]}


def test_what_a_branch_lacks_is_absent():
    """Not None, and not its default: a momentum that nothing uses tells no two configurations apart."""
    found = spaces.configurations(config({"lenet": {"optimizer": BRANCHES}}))
    points = [(one.hyperparameters["optimizer"], one.hyperparameters.get("momentum")) for one in found]
    assert points == [("adam", None), ("sgd", 0.5), ("sgd", 0.9)]
    assert "momentum" not in found[0].hyperparameters


def test_without_branches_a_default_is_written_down():
    (one,) = spaces.configurations(config())
    assert one.hyperparameters["momentum"] == 0.9


def test_a_number_is_shared_between_families():
    both = {"lenet": {"batch_size": {"randint": [8, 64]}}, "cae": {"batch_size": {"randint": [8, 64]}}}
    found = spaces.configurations(config(both, sampler="random", samples={"total": 5}))
    assert [one.model for one in found] == ["lenet"] * 3 + ["cae"] * 2


def test_a_helper_in_the_folder_of_families_is_none():
    assert "base" not in families.families() and {"lenet", "cae"} <= set(families.families())
    with pytest.raises(
        ConfigError, match=r"search\.models: 'base' is not a model family: .*base\.py defines no Config and"
    ):
        spaces.configurations(config({"base": {}}))
