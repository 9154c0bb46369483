"""An experiment beyond its schema: what must agree, and the conversion and training jobs that follow from it."""

import pytest

from cascada.core.errors import ConfigError
from cascada.experiment import configuration


def experiment(sources=None, **data):
    surrogate = {"kind": "surrogate", "showers": {"proton": 250, "iron": 100}, "showers_per_shard": 100, "seed": 3}
    content = {
        "classes": {"iron": 5626, "proton": 14},
        "channels": ["energy"],
        "split": {"validation": 0.2, "test": 0.25, "seed": 1},
        "sources": sources or {"showers": surrogate},
    }
    return {
        "data": content | data,
        "search": {"sampler": "grid", "seeds": [1, 2]},
        "training": {"epochs": 4},
    }


@pytest.mark.parametrize(
    "config, message",
    [
        (experiment(split={"validation": 0.5, "test": 0.5, "seed": 1}), "leave nothing to train on"),
        (experiment() | {"search": {"sampler": "random"}}, "search.samples is missing"),
    ],
)
def test_what_does_not_agree_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        configuration.check(config)


def test_a_surrogate_is_cut_into_runs_that_do_not_depend_on_each_other():
    shards = configuration.shards(experiment())
    found = [(one.name, one.specification["showers"], one.specification["first"]) for one in shards]
    assert found == [
        ("proton-0000", 100, 0),
        ("proton-0001", 100, 100),
        ("proton-0002", 50, 200),
        ("iron-0000", 100, 0),
    ]
    assert all(one.file is None and one.specification["seed"] == 3 for one in shards)


def test_an_unknown_primary_and_impossible_energies_are_named():
    source = {"kind": "surrogate", "showers": {"protn": 1}, "showers_per_shard": 1, "seed": 1}
    with pytest.raises(ConfigError, match=r"unknown primary 'protn' \(did you mean 'proton'\?\)"):
        configuration.shards(experiment({"s": source}))
    source = source | {"showers": {"proton": 1}, "energy_min": 10.0, "energy_max": 1.0}
    with pytest.raises(ConfigError, match=r"energy_min 10\.0 and energy_max 1\.0 given"):
        configuration.shards(experiment({"s": source}))


def test_every_file_of_a_pattern_is_a_job_and_equal_names_are_told_apart(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "DAT000001").touch()
    pattern = str(tmp_path / "*/DAT*")
    source = {"kind": "corsika7", "files": [pattern], "altitude": 4000.0, "seed": 9}
    shards = configuration.shards(experiment({"c": source}))
    assert len({one.name for one in shards}) == 2
    assert {one.file for one in shards} == {str(tmp_path / name / "DAT000001") for name in ("one", "two")}
    assert shards[0].specification["options"] == {"altitude": 4000.0, "seed": 9, "channels": ["energy"]}
    with pytest.raises(ConfigError, match="matches no file"):
        configuration.shards(experiment({"c": source | {"files": [str(tmp_path / "nothing*")]}}))


def test_the_two_files_of_the_thesis_layout_have_roles(tmp_path):
    for name in ("train.h5", "test.h5"):
        (tmp_path / name).touch()
    source = {"kind": "energy_ground", "train": str(tmp_path / "train.h5"), "test": str(tmp_path / "test.h5")}
    shards = configuration.shards(experiment({"thesis": source}))
    assert [(one.name, one.specification["options"]["role"]) for one in shards] == [
        ("train", "train"),
        ("test", "test"),
    ]
    with pytest.raises(ConfigError, match="does not exist"):
        configuration.shards(experiment({"thesis": source | {"test": str(tmp_path / "gone.h5")}}))


def surrogate(seed=1, **showers):
    return {"kind": "surrogate", "showers": showers, "showers_per_shard": 10, "seed": seed}


@pytest.mark.parametrize(
    "sources, classes, message",
    [
        ({"s": surrogate(gamma=5)}, {"gamma": 1, "proton": 14}, r"unknown primary 'gamma'.*makes \['helium', 'iron',"),
        (
            {"s": surrogate(proton=5, iron=5)},
            {"helium": 402, "proton": 14, "iron": 5626},
            r"no source has .*\['helium'\]",
        ),
        ({"s": surrogate(proton=5, iron=5)}, {"light": [14, 402], "gamma": [1]}, r"s\.showers: primaries \[5626\]"),
        ({"s": surrogate(proton=5, helium=5)}, {"proton": 14, "iron": 5626}, r"s\.showers: primaries \[402\]"),
        (
            {"a": surrogate(proton=5), "b": surrogate(proton=1, iron=1)},
            {"proton": 14, "iron": 5626},
            r"seed 1 is that of",
        ),
    ],
)
def test_what_the_merge_would_refuse_is_found_before_anything_runs(sources, classes, message):
    with pytest.raises(ConfigError, match=message):
        configuration.shards(experiment(sources, classes=classes))


def test_classes_and_primaries_that_may_agree_are_let_through(tmp_path):
    (tmp_path / "DAT000001").touch()
    files = {"kind": "corsika7", "files": [str(tmp_path / "DAT*")]}
    three = {"gamma": 1, "proton": 14, "iron": 5626}
    assert configuration.shards(experiment({"a": surrogate(proton=1, iron=1), "b": files}, classes=three))
    groups = {"light": [14, 402], "heavy": [1407, 5626]}
    assert configuration.shards(experiment({"a": surrogate(proton=1, iron=1)}, classes=groups))
    assert configuration.shards(experiment({"a": surrogate(1, proton=1), "b": surrogate(2, proton=1, iron=1)}))


def test_the_surrogate_s_primaries_are_those_of_the_configuration():
    from cascada.data.sources.surrogate import PRIMARIES

    assert sorted(configuration.PRIMARIES.values()) == sorted(PRIMARIES)


def test_companions_are_left_out_and_said(tmp_path):
    for name in ("DAT000001", "DAT000001.long", "DAT000001.dbase", "DAT000001.inp"):
        (tmp_path / name).touch()
    source, said = {"kind": "corsika7", "files": [str(tmp_path / "DAT*")]}, []
    (one,) = configuration.shards(experiment({"c": source}), said.append)
    assert one.file == str(tmp_path / "DAT000001")
    assert len(said) == 1 and "data.sources.c.files: left out" in said[0] and "DAT000001.dbase, " in said[0]
    with pytest.raises(ConfigError, match=r"matches only companions of particle files \(.*DAT000001\.long…\)"):
        configuration.shards(experiment({"c": source | {"files": [str(tmp_path / "*.long")]}}))


@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_what_cannot_be_read_is_refused_unless_it_may_be_skipped(tmp_path, on_error):
    (tmp_path / "DAT000001").write_bytes(b"RUNH" + bytes(1000))
    (tmp_path / "DAT000002").write_text("Dear all")
    source = {"kind": "corsika7", "files": [str(tmp_path / "DAT*")], "on_error": on_error}
    shards = configuration.shards(experiment({"c": source}))
    if on_error == "skip":
        assert all(one.specification["on_error"] == "skip" for one in shards)
        configuration.check_files(shards)
    else:
        assert all("on_error" not in one.specification for one in shards)
        with pytest.raises(
            ConfigError, match=r"data\.sources\.c: .*DAT000002 \(a text file .*\) cannot be read as corsika7"
        ):
            configuration.check_files(shards)
    (tmp_path / "DAT000002").unlink()
    (tmp_path / "DAT000002").symlink_to(tmp_path / "DAT000001")
    with pytest.raises(ConfigError, match=r"DAT000002 and .*DAT000001 \(data\.sources\.c\) are the same file"):
        configuration.check_files(configuration.shards(experiment({"c": source})))
