"""The schema of experiments: defaults, clear errors, and its agreement with the code and the documents."""

import re
from pathlib import Path

import pytest
import yaml

from cascada.core.errors import ConfigError
from cascada.experiment import configuration, schema
from experiments import SCHEMA, experiment

ROOT = Path(__file__).parents[2]
EXPERIMENTS = [ROOT / "config.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_is_valid_and_complete(path):
    content = yaml.safe_load(path.read_text())
    schema.validate(content, SCHEMA)
    configuration.check(content)
    assert configuration.shards(content) and content["search"]["seeds"]


def test_defaults_are_filled_in_also_those_of_the_kind_of_source():
    content = experiment()
    schema.validate(content, SCHEMA)
    assert content["data"]["split"] == {"validation": 0.2, "test": 0.25, "seed": 1}
    assert content["data"]["sources"]["showers"]["core_offset"] == 30.0
    assert content["training"]["precision"] == "auto"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"serach": {}}, r"unknown key\(s\) \['serach'\] \(did you mean 'search'\?\)"),
        ({"data__sources__showers__fill_facter": 1}, r"data\.sources\.showers: .*did you mean 'fill_factor'"),
        ({"data__sources__showers__kind": "corsika9"}, r"data\.sources\.showers\.kind: 'corsika9' given, allowed are"),
        ({"data__sources__showers": {"kind": "corsika7"}}, r"data\.sources\.showers: key\(s\) \['files'\] missing"),
        ({"training__epochs": "five"}, r"training\.epochs \(Budget of every trial\): expected .*integer, got 'five'"),
        ({"training__epochs": 0}, r"training\.epochs: 0 is less than the minimum of 1"),
        ({"search__metric": "f2"}, r"search\.metric: 'f2' given .*allowed are \['f1', "),
        ({"experiment": "../up"}, r"experiment: '\.\./up' does not match"),
    ],
)
def test_errors_name_the_place_and_what_is_allowed(change, message):
    with pytest.raises(ConfigError, match=message):
        schema.validate(experiment(**change), SCHEMA)


def _properties(part, place=""):
    for name, inner in part.get("properties", {}).items():
        yield f"{place}{name}", inner
        yield from _properties(inner, f"{place}{name}.")


def test_every_key_is_described():
    content = schema.complete(SCHEMA)
    sections = [("", content), *((f"{name}.", part) for name, part in content["$defs"].items())]
    for start, part in sections:
        for place, inner in _properties(part, start):
            of_a_probe = place.startswith("behaviour.probes.") and place.count(".") == 3  # described with the probe
            assert of_a_probe or "$ref" in inner or inner.get("description"), place


def test_the_demonstration_explains_its_keys():
    """config.yaml is where people look first: each key has a comment once. What a model has is explained in its file."""
    keys, explained = set(), set()
    text = re.sub(r"^  models:.*?^(?=\S)", "", (ROOT / "config.yaml").read_text(), flags=re.MULTILINE | re.DOTALL)
    for line in text.splitlines():
        if found := re.match(r"\s*(\w+):", line):
            keys.add(found[1])
            if "#" in line:
                explained.add(found[1])
    sections = {"data", "search", "training", "testing", "sources", "split", "probes"}
    assert keys - explained - sections == set()
