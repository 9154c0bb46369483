import math
import random
from pathlib import Path

import pytest
import yaml

from cascada.core.errors import ConfigError
from cascada.experiment import schema, spaces
from cascada.experiment.entries import completed, conditional, dimensions, drawing, every, locate, size, walk
from cascada.experiment.entry_checks import check

ROOT = Path(__file__).parents[2]
KNOWN = ("optimizer", "momentum", "nesterov", "depth", "channels", "learning_rate", "batch_size", "threshold")
BRANCHES = {
    "learning_rate": {"loguniform": [0.0001, 0.01]},
    "optimizer": {"choice": ["adam", {"value": "sgd", "momentum": {"uniform": [0.5, 0.99]}}]},
    "depth": {
        "choice": [
            {"value": 1, "channels": [{"randint": [2, 20]}]},
            {"value": 2, "channels": [{"randint": [2, 20]}, {"choice": [16, 32]}]},
        ]
    },
    "batch_size": 64,
}


def taking(**picks):
    return lambda path, kind, values: picks[path]


def test_what_a_branch_lacks_is_absent():
    picks = {"learning_rate": 0.001, "optimizer": 0, "depth": 0, "depth#0.channels[0]": 5}
    assert walk(BRANCHES, taking(**picks)) == {
        "learning_rate": 0.001, "optimizer": "adam", "depth": 1, "channels": [5], "batch_size": 64,
    }  # fmt: skip
    picks = {
        "learning_rate": 0.00123456789, "optimizer": 1, "optimizer#1.momentum": 0.75,
        "depth": 1, "depth#1.channels[0]": 5, "depth#1.channels[1]": 1,
    }  # fmt: skip
    assert walk(BRANCHES, taking(**picks)) == {
        "learning_rate": 0.00123457, "optimizer": "sgd", "momentum": 0.75, "depth": 2, "channels": [5, 32], "batch_size": 64,
    }  # fmt: skip


def test_a_space_knows_what_varies_and_under_which_condition():
    assert list(dimensions(BRANCHES)) == [
        "learning_rate", "optimizer", "optimizer#1.momentum", "depth", "depth#0.channels[0]", "depth#1.channels[0]",
        "depth#1.channels[1]",
    ]  # fmt: skip
    assert conditional(BRANCHES) == {"momentum", "channels"}
    assert conditional({"batch_size": {"choice": [1, {"randint": [2, 3]}]}}) == set()


def made(model, space, points):
    """The ids of points, by today's names for configurations."""
    defaults, neutral = spaces.check_space(model, {}), spaces.neutral_defaults(model)
    training = {"precision": "auto", "metric": "f1"}
    return [
        spaces.make_configuration(model, completed(space, values, defaults), training, neutral).id for values in points
    ]


@pytest.mark.parametrize("name", ["config.yaml", "experiments/smoke.yaml", "experiments/thesis.yaml"])
def test_spaces_without_branches_give_the_configurations_that_they_always_gave(name):
    config = yaml.safe_load((ROOT / name).read_text())
    schema.validate(config, ROOT / "rules/schemas/config.schema.yaml")
    expected = [one.id for one in spaces.configurations(config)]
    search, found = config["search"], []
    for model, space in search["models"].items():
        if search["sampler"] == "grid":
            points = list(every(space))
        else:
            pick = drawing(random.Random(f"{search['seed']}/{model}"))
            points = [walk(space, pick) for _ in range(search["samples"])]
        found += made(model, space, points)
    assert found == expected


def test_what_is_absent_is_absent_from_the_id():
    space = {"optimizer": {"choice": ["adam", {"value": "sgd", "momentum": {"choice": [0.5, 0.9]}}]}}
    defaults = {"optimizer": "adam", "momentum": 0.9, "batch_size": 64}
    assert completed(space, {"optimizer": "adam"}, defaults) == {"optimizer": "adam", "batch_size": 64}
    assert completed(space, {"optimizer": "sgd", "momentum": 0.5}, defaults) == {
        "optimizer": "sgd", "momentum": 0.5, "batch_size": 64,
    }  # fmt: skip
    assert completed({"optimizer": {"choice": ["adam", "sgd"]}}, {"optimizer": "adam"}, defaults) == defaults
    ids = made("lenet", space, [{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.9}])
    plain = made("lenet", {}, [{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.9}])
    assert ids[0] != plain[0]  # its momentum, which adam does not have, is in no hash any more
    assert ids[1] == plain[1]


def test_a_point_is_found_again_in_its_space():
    generator = random.Random(1)
    for _ in range(300):
        picked = {}

        def pick(path, kind, values, picked=picked):
            picked[path] = drawing(generator)(path, kind, values)
            return picked[path]

        values = walk(BRANCHES, pick)
        found = locate(BRANCHES, values)
        assert found.keys() == picked.keys()
        assert walk(BRANCHES, lambda path, kind, given, found=found: found[path]) == values
        assert [found["optimizer"], found["depth"]] == [picked["optimizer"], picked["depth"]]


@pytest.mark.parametrize(
    ("space", "values"),
    [
        ({"batch_size": {"choice": [1, 2]}}, {"batch_size": 3}),
        ({"batch_size": {"randint": [1, 4]}}, {"batch_size": 5}),
        ({"batch_size": {"randint": [1, 4]}}, {"batch_size": 2.5}),
        ({"batch_size": {"randint": [0, 4]}}, {"batch_size": True}),
        ({"learning_rate": {"loguniform": [0.1, 1.0]}}, {"learning_rate": 0.0999}),
        ({"channels": [{"randint": [1, 4]}]}, {"channels": [1, 2]}),
        ({"batch_size": 1, "depth": 2}, {"batch_size": 1}),
        ({"batch_size": 1}, {"batch_size": 1, "depth": 2}),
        ({"batch_size": {"choice": [True]}}, {"batch_size": 1}),
        ({"optimizer": {"choice": [{"value": "sgd", "momentum": 0.9}]}}, {"optimizer": "sgd"}),
    ],
)
def test_a_point_outside_is_not_found(space, values):
    assert locate(space, values) is None


def test_options_alike_are_told_apart_by_their_branches():
    space = {"optimizer": {"choice": ["sgd", {"value": "sgd", "momentum": {"choice": [0.5, 0.9]}}]}}
    assert locate(space, {"optimizer": "sgd"}) == {"optimizer": 0}
    assert locate(space, {"optimizer": "sgd", "momentum": 0.9}) == {"optimizer": 1, "optimizer#1.momentum": 1}


def test_a_value_that_rounding_carried_over_a_bound_is_found():
    low = 0.000123456449
    assert locate({"learning_rate": {"loguniform": [low, 0.1]}}, {"learning_rate": 0.000123456}) == {
        "learning_rate": low
    }


def test_the_grid_has_every_point_once_and_in_order():
    space = {
        "batch_size": {"randint": [1, 2]},
        "optimizer": {"choice": ["adam", {"value": "sgd", "momentum": {"choice": [0.5, 0.9]}}]},
    }
    assert list(every(space)) == [
        {"batch_size": 1, "optimizer": "adam"},
        {"batch_size": 1, "optimizer": "sgd", "momentum": 0.5},
        {"batch_size": 1, "optimizer": "sgd", "momentum": 0.9},
        {"batch_size": 2, "optimizer": "adam"},
        {"batch_size": 2, "optimizer": "sgd", "momentum": 0.5},
        {"batch_size": 2, "optimizer": "sgd", "momentum": 0.9},
    ]
    assert size(space) == 6
    assert list(every({"channels": [{"choice": [1, 2]}, {"choice": [3, 4]}]})) == [
        {"channels": [1, 3]}, {"channels": [1, 4]}, {"channels": [2, 3]}, {"channels": [2, 4]},
    ]  # fmt: skip


def test_the_size_of_a_space():
    assert size({}) == 1
    assert size({"batch_size": {"randint": [3, 7]}, "depth": {"choice": [1, {"randint": [2, 4]}]}}) == 20
    assert size(BRANCHES) == math.inf
    assert size({"learning_rate": {"uniform": [1, 1]}}) == 1


def test_present_spaces_and_branches_are_valid():
    check("lenet", BRANCHES, KNOWN)
    check("lenet", {"batch_size": {"choice": [{"randint": [1, 2]}, 7]}, "channels": [{"randint": [2, 3]}, 4]}, KNOWN)
    nested = {"value": "sgd", "momentum": {"choice": [0.0, {"value": 0.9, "nesterov": {"choice": [True, False]}}]}}
    check("lenet", {"optimizer": {"choice": ["adam", nested]}}, KNOWN)
    assert conditional({"optimizer": {"choice": ["adam", nested]}}) == {"momentum", "nesterov"}
    # what decides may itself stand in several branches
    inner = {"momentum": {"choice": [0.5, {"value": 0.9, "nesterov": True}]}}
    check("lenet", {"depth": {"choice": [{"value": 1, **inner}, {"value": 2, **inner}]}}, KNOWN)
    # one name in several branches of one choice, but never in two at once
    check("lenet", {"depth": {"choice": [{"value": 1, "channels": [2]}, {"value": 2, "channels": [2, 3]}]}}, KNOWN)


def sgd(**more):
    return {"optimizer": {"choice": ["adam", {"value": "sgd", **more}]}}


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ({"deph": 2}, r"search.models.lenet: unknown hyperparameter 'deph' \(did you mean 'depth'\?\). lenet has"),
        (
            sgd(momentun=0.9),
            r"lenet.optimizer.choice\[1\]: unknown hyperparameter 'momentun' \(did you mean 'momentum'",
        ),
        (sgd(optimizer="adam"), "a condition in a circle, optimizer → optimizer"),
        (
            sgd(momentum={"choice": [{"value": 0.9, "optimizer": "adam"}]}),
            "a condition in a circle, (optimizer → momentum → optimizer|momentum → optimizer → momentum)",
        ),
        (
            sgd(momentum=0.9) | {"momentum": {"choice": [{"value": 0.5, "optimizer": "adam"}]}},
            "a condition in a circle",
        ),
        (
            sgd(momentum=0.9) | {"momentum": 0.5},
            r"search.models.lenet: \['momentum'\] would be set twice at a time",
        ),
        (
            sgd(momentum=0.9) | {"depth": {"choice": [{"value": 1, "momentum": 0.5}]}},
            r"search.models.lenet: \['momentum'\] would be set twice at a time",
        ),
        (sgd(momentum={"uniform": [0.9]}), r"optimizer.choice\[1\].momentum.uniform: \[0.9\] given, \[low, high\]"),
        ({"optimizer": {"choice": [{"momentum": 0.9}]}}, "given without `value`; a branch is written"),
        ({"optimizer": {"value": "sgd", "momentum": 0.9}}, "a branch .* stands in a choice"),
        ({"depth": {"randin": [1, 2]}}, r"unknown distribution \['randin'\] \(did you mean 'randint'\?\)"),
        ({"depth": {}}, r"unknown distribution \[\]"),
        ({"depth": {"choice": []}}, r"depth.choice: \[\] given, a list is needed that is not empty"),
        ({"depth": {"randint": [1, 2.5]}}, "whole numbers are needed"),
        ({"threshold": {"uniform": [math.nan, 1]}}, r"\[low, high\] with low ≤ high"),
        ({"threshold": {"loguniform": ["1e-3", 1]}}, "write 1.0e-3"),
        ({"threshold": {"loguniform": [0, 1]}}, "numbers above 0"),
    ],
)
def test_what_cannot_be_understood_is_said_in_one_sentence(space, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        check("lenet", space, KNOWN)
    assert "\n" not in str(caught.value)
