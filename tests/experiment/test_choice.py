"""The section `selection`: what the schema and the check before the first job refuse."""

import pytest

from cascada.core.errors import ConfigError
from cascada.experiment import choice, schema
from experiments import SCHEMA, experiment


def checked(selection=None, **search) -> dict:
    content = experiment(**{f"search__{name}": value for name, value in search.items()})
    if selection is not None:
        content["selection"] = selection
    schema.validate(content, SCHEMA)
    choice.check(content)
    return content["selection"]


def test_without_the_section_the_best_is_chosen_and_its_median_seed():
    alone = {"ensemble": False, "calibration": "none"}
    assert checked() == {"rule": "best", "tolerance": 0.002, "seed": "median", **alone}


def test_seeds_of_the_search_and_of_its_finalists_may_be_declared():
    assert checked({"seed": 2}, seeds=[1, 2])["seed"] == 2
    assert checked({"seed": 9}, seeds=[1], rescore={"top": 1, "seeds": [9]})["seed"] == 9


def test_an_ensemble_takes_the_seeds_of_the_search_or_of_its_finalists():
    assert checked({"ensemble": True}, seeds=[1, 2])["ensemble"]
    assert checked({"ensemble": True}, seeds=[1], rescore={"top": 1, "seeds": [9]})["ensemble"]


@pytest.mark.parametrize(
    "selection, said",
    [
        ({"rule": "luckiest"}, r"selection\.rule: 'luckiest' given .*allowed are \['best', 'cheapest'\]"),
        ({"tolerance": -0.1}, r"selection\.tolerance: -0\.1 is less than the minimum of 0"),
        ({"tolerance": "small"}, r"selection\.tolerance .*expected a value of type number, got 'small'"),
        ({"ensemble": True}, r"selection\.ensemble: true given, but the search trains with the one seed 1; give search\.seeds several"),
        ({"ensemble": "yes"}, r"selection\.ensemble .*expected a value of type boolean, got 'yes'"),
        ({"calibration": "platt"}, r"selection\.calibration: 'platt' given .*allowed are \['none', 'temperature'\]"),
        ({"seed": 3}, r"selection\.seed: 3 given, but the search trains with the seeds \[1\]; give one of these, or 'median'"),
        ({"seed": True}, r"selection\.seed .*got True"),
        ({"seed": "medain"}, r"selection\.seed: 'medain' given \(did you mean 'median'\?\), but the search trains with"),
        ({"roule": "best"}, r"selection: unknown key\(s\) \['roule'\] \(did you mean 'rule'\?\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_is_allowed(selection, said):
    with pytest.raises(ConfigError, match=said):
        checked(selection)
