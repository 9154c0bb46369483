"""Hyperparameters as axes: what varies, what is absent, and the place where absent values stand in parallel coordinates."""

import json
import math

import pytest

from cascada.report.search.axes import Axis, absent_at, constant, ticks, varying
from cascada.report.search.content import Configuration
from cascada.report.search.parallel import dimension, parallel

BRANCHED = [
    {"lr": 0.0001, "optimizer": "adam", "decay": 0.0, "normalize": True},
    {"lr": 0.01, "optimizer": "sgd", "momentum": 0.5, "decay": 0.0, "normalize": False},
    {"lr": 0.001, "optimizer": "sgd", "momentum": 0.9, "decay": 0.0, "normalize": True},
]


def test_what_varies_is_an_axis_and_what_a_branch_lacks_is_absent():
    found = {axis.name: axis for axis in varying(BRANCHED)}
    assert list(found) == ["lr", "momentum", "normalize", "optimizer"]
    assert found["momentum"].values == (None, 0.5, 0.9) and found["momentum"].number
    assert found["normalize"].values == ("true", "false", "true") and not found["normalize"].number
    assert (found["lr"].logarithmic, found["momentum"].logarithmic) == (True, False)
    assert constant(BRANCHED) == {"decay": 0.0}
    assert varying(BRANCHED[:1]) == varying([]) == [] and constant([]) == {}


def test_a_logarithmic_axis_has_plain_numbers_between_its_ends():
    assert ticks(0.0009, 0.03) == [0.001, 0.002, 0.005, 0.01, 0.02]
    assert ticks(1, 10) == [1, 2, 5, 10]


def test_few_lists_are_categories_and_many_are_an_axis_for_each_element():
    few = varying([{"channels": [2, 4]}, {"channels": [3, 4]}])
    assert [(axis.name, axis.values) for axis in few] == [("channels", ("[2, 4]", "[3, 4]"))]
    many = varying([{"channels": [width, 4][: 1 + width % 2]} for width in range(2, 12)])
    assert [axis.name for axis in many] == ["channels 1"]  # the second is 4 wherever it exists
    longer = varying([{"channels": [2, width][: 1 + width % 2]} for width in range(2, 16)])
    assert longer[-1].name == "channels 2" and longer[-1].values[:4] == (None, 3, None, 5)


@pytest.mark.parametrize("values", [[0.5, 0.9], [1.0], [0.0], [-3.0, 7.0], [1e-9, 2e-9], []])
def test_what_is_absent_stands_below_every_value_at_a_distance_that_is_seen(values):
    away = absent_at(values)
    for value in values:
        assert value - away >= 0.1 * (max(values) - min(values)) and away < value


def test_a_missing_value_has_a_place_and_a_name_of_its_own():
    found = dimension(Axis("momentum", True, (None, 0.5, 0.9)))
    labels = dict(zip(found["tickvals"], found["ticktext"], strict=True))
    assert labels[found["values"][0]] == "absent" and found["values"][0] < 0.5 and found["values"][1:] == [0.5, 0.9]
    branch = dimension(Axis("kind", False, ("b", None, "a")))
    assert branch["values"] == [1, -1, 0] and branch["ticktext"] == ["absent", "a", "b"]
    assert dimension(Axis("lr", True, (1e-4, 1e-2)))["values"] == [-4.0, -2.0]


def test_a_result_that_is_missing_is_no_zero_and_does_not_stretch_the_colours():
    group = [Configuration(f"m-{place}", "m", one, {2: value}) for place, (one, value) in
             enumerate(zip(BRANCHED, (0.9, None, 0.95), strict=True))]  # fmt: skip
    group[0].values[8] = 0.97
    trace = json.loads(parallel(varying(BRANCHED), group, [2, 8], "F1").to_json())["data"][0]
    by_label = {one["label"]: one for one in trace["dimensions"]}
    for label, missing in (("F1, 2 epochs", [1]), ("F1, 8 epochs", [1, 2])):
        one = by_label[label]
        assert [place for place, value in enumerate(one["values"]) if value < 0.9] == missing
        assert one["ticktext"][0] == "none" and one["tickvals"][0] == one["values"][1]
    assert (trace["line"]["cmin"], trace["line"]["cmax"], trace["ids"]) == (0.9, 0.95, ["m-0", "m-1", "m-2"])
    assert all(math.isfinite(value) for one in trace["dimensions"] for value in one["values"])
