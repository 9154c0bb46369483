"""What an experiment may ask to be tested beside the sealed showers, and how soon a mistake is found."""

import copy

import pytest

from cascada.core.errors import ConfigError
from cascada.experiment import also, configuration, schema
from cascada.testing.also import TRANSFORMS
from experiments import SCHEMA, experiment

OTHER = {
    "kind": "surrogate", "variant": "deep", "showers": {"proton": 40, "iron": 30}, "showers_per_shard": 25, "seed": 1,
}  # fmt: skip


def checked(showers=200, **sets):
    content = experiment(testing__also=copy.deepcopy(sets))
    content["data"]["sources"]["showers"]["showers"] = {"proton": showers, "iron": showers}
    schema.validate(content, SCHEMA)
    also.check(content)
    return content


def test_a_source_becomes_shards_of_its_own_and_a_transform_none():
    content = checked(other={"source": OTHER}, dead={"transform": {"dead_cells": 0.05}})
    shards = also.shards(content)
    assert [(one.source, one.name) for one in shards] == [
        ("also/other", f"{primary}-{number:04}") for primary in ("proton", "iron") for number in range(2)
    ]
    assert shards[0].specification["options"]["variant"] == "deep" and shards[0].specification["seed"] == 1
    assert shards[0].place == "testing.also.other.source"
    assert not [one for one in configuration.shards(content) if one.source.startswith("also")]


def test_defaults_of_the_source_are_filled_in():
    source = checked(other={"source": OTHER})["testing"]["also"]["other"]["source"]
    assert source["core_offset"] == 30.0 and source["altitude"] == 5200.0


def test_of_files_made_for_one_purpose_the_test_s_alone_is_asked_for(tmp_path):
    (tmp_path / "theirs.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (shard,) = also.shards(checked(group={"source": {"kind": "energy_ground", "test": str(tmp_path / "theirs.h5")}}))
    assert (shard.name, shard.specification["options"]["role"]) == ("test", "test")


def test_the_schema_knows_the_transforms_that_there_are():
    found = schema.complete(SCHEMA)["properties"]["testing"]["properties"]["also"]["additionalProperties"]
    assert list(found["properties"]["transform"]["properties"]) == list(TRANSFORMS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"transform": {"ded_cells": 0.1}}, r"transform: unknown key\(s\) \['ded_cells'\] \(did you mean 'dead_cells'\?\)"),
        ({"transform": {"dead_cells": 1.5}}, r"testing\.also\.bad\.transform\.dead_cells: 1\.5 is greater"),
        ({"transform": {}}, r"testing\.also\.bad\.transform: .*non-empty|should be non-empty"),
        ({}, r"testing\.also\.bad: nothing given; give either a transform"),
        ({"transform": {"noise": 0.01}, "source": OTHER}, r"\['source', 'transform'\] given; give either"),
        ({"source": OTHER | {"kind": "sibyll"}}, r"testing\.also\.bad\.source\.kind: 'sibyll' given, allowed are"),
        ({"source": OTHER | {"variant": "deeper"}}, r"source\.variant: 'deeper' given .*'deep', 'shallow'"),
        ({"source": OTHER | {"alltitude": 4300.0}}, r"testing\.also\.bad\.source: .*did you mean 'altitude'"),
        ({"source": OTHER | {"showers": {"proton": 40, "iron": 29}}}, r"29 showers of the class 'iron' to test, at least 30"),
        ({"source": OTHER | {"showers": {"proton": 40}}}, r"0 showers of the class 'iron' to test"),
        (
            {"source": OTHER | {"showers": {"proton": 40, "iron": 40, "helium": 40}}},
            r"helium \(CORSIKA code 402\) is a primary of no class, and the main test has none of it",
        ),
        (
            {"source": OTHER | {"variant": "standard"}},
            r"testing\.also\.bad\.source: seed 1 is that of data\.sources\.showers too.*no shower that the training saw",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_anything_runs(given, message):
    with pytest.raises(ConfigError, match=message):
        checked(bad=given)


def test_too_few_sealed_showers_are_found_before_anything_runs():
    checked(showers=120, dead={"transform": {"dead_cells": 0.05}})
    with pytest.raises(ConfigError, match=r"testing\.also\.dead: 29 showers of the class 'iron' to test"):
        checked(showers=116, dead={"transform": {"dead_cells": 0.05}})


def test_a_name_that_would_be_another_path_is_refused():
    with pytest.raises(ConfigError, match=r"\.\./up"):
        checked(**{"../up": {"transform": {"noise": 0.01}}})
