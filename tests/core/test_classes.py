"""Classes as lists of primaries and their signal: what is taken, what is refused in one sentence, what files keep."""

import pytest
import yaml

from cascada.core import classes
from cascada.core.errors import ConfigError
from cascada.experiment import configuration, schema
from experiments import SCHEMA, experiment

THREE = {"light": [14, 402], "medium": 1407, "heavy": [2814, 5626]}


def checked(**data):
    content = experiment(**{f"data__{name}": value for name, value in data.items()})
    schema.validate(content, SCHEMA)
    configuration.check(content)
    return content["data"]


@pytest.mark.parametrize(
    "data",
    [
        {"classes": {"iron": 5626, "proton": 14}},
        {"classes": {"gamma": 1, "hadron": [14, 402, 5626]}},
        {"classes": {"gamma": 1, "hadron": [14, 402, 5626]}, "signal": "gamma"},
        {"classes": THREE, "signal": "medium"},
    ],
)
def test_classes_that_are_taken(data):
    assert checked(**data)["classes"] == data["classes"] and checked(**data).get("signal") == data.get("signal")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"classes": {"iron": 5626, "heavy": 5626}}, r"data\.classes: the primary 5626 is named by the classes 'iron' and 'heavy'"),
        ({"classes": {"a": [14, 402], "b": [402, 5626]}}, r"the primary 402 is named by the classes 'a' and 'b'"),
        ({"classes": {"a": [14, 14], "b": 5626}}, r"the primary 14 is named by class 'a' twice"),
        ({"classes": {"a": [], "b": 5626}}, r"data\.classes\.a: an empty list given; name one primary"),
        ({"classes": {"iron": 5626}}, r"data\.classes: \{'iron': 5626\} given, a classifier needs two classes or more"),
        ({"classes": {"a,b": 14, "c": 5626}}, r"data\.classes: 'a,b' given as the name of a class; a name is a word"),
        ({"classes": {True: 14, "c": 5626}}, r"data\.classes: True given as the name"),
        ({"classes": {}}, r"data\.classes: \{\} given, a classifier needs two"),
        ({"classes": {"a": "proton", "b": 14}}, r"data\.classes\.a.*: expected a value of type .*, got 'proton'"),
        ({"classes": {"a": [14, "x"], "b": 5626}}, r"data\.classes\.a\.1.*: expected .*integer, got 'x'"),
        ({"classes": {"a": 0, "b": 5626}}, r"data\.classes\.a: 0 is less than the minimum of 1"),
        ({"classes": THREE}, r"data\.signal is missing; with 3 classes name .*\['light', 'medium', 'heavy'\]"),
        ({"classes": THREE, "signal": "helium"}, r"data\.signal: 'helium' given, which is not a class; allowed are \['light', "),
        ({"signal": "gamma"}, r"data\.signal: 'gamma' given, which is not a class; allowed are \['iron', 'proton'\]"),
        ({"signal": 14}, r"data\.signal.*: expected .*string, got 14"),
    ],
)  # fmt: skip
def test_what_is_refused(data, message):
    with pytest.raises(ConfigError, match=message) as error:
        checked(**data)
    assert str(error.value).count("\n") == 0


def test_whole_numbers_with_a_point_are_codes():
    assert checked(classes={"light": [14.0, 402], "heavy": 5626.0})
    assert classes.codes([14.0, 402]) == [14, 402] and classes.describe(5626.0) == "CORSIKA code 5626"


def test_labels_follow_the_order_of_the_classes():
    assert classes.labels(THREE) == {14: 0, 402: 0, 1407: 1, 2814: 2, 5626: 2}
    assert classes.labels({"iron": 5626, "proton": 14}) == {5626: 0, 14: 1}


def test_the_second_class_is_the_signal_and_leaves_no_trace():
    names = ("iron", "proton")
    assert classes.index(names) == classes.index(names, "proton") == 1
    assert classes.stored(names) == classes.stored(names, "proton") == ""
    assert classes.index(names, "iron") == 0 and classes.stored(names, "iron") == "iron"
    with pytest.raises(ConfigError, match=r"signal 'gamma' is none of the classes \['iron', 'proton'\]"):
        classes.index(names, "gamma")


def test_words_for_people():
    assert classes.background(["iron", "proton"], 1) == "iron" and classes.background(["iron", "proton"], 0) == "proton"
    assert classes.background(list(THREE), 1) == "light and heavy"
    assert classes.background(["a", "b", "c", "d"], 0) == "b, c and d"
    assert classes.meanings(["iron", "proton"], 0) == {"f1": "of iron", "roc_auc": "of iron against proton"}
    assert classes.meanings(list(THREE), 0)["f1"] == "mean over 3 classes"
    assert classes.describe(14) == "CORSIKA code 14" and classes.describe([14, 402]) == "CORSIKA codes 14, 402"


def test_the_schema_says_what_a_class_is():
    data = yaml.safe_load(SCHEMA.read_text())["properties"]["data"]["properties"]
    assert "list of codes" in data["classes"]["description"] and "default" not in data["signal"]
