import dataclasses
from pathlib import Path

import numpy as np
import pytest
from corsika_writer import Shower, write_corsika

from cascada.core.errors import ConfigError, DataError
from cascada.core.options import declared
from cascada.data import catalogue, sources
from cascada.data.format import CHANNELS, open_showers
from cascada.data.sources import corsika7, surrogate


@pytest.mark.parametrize("kind", sources.kinds())
def test_every_source_keeps_the_contract(kind, tmp_path):
    module = sources.source(kind)
    assert kind == module.KIND
    fields = {field.name: field for field in dataclasses.fields(module.Options)}
    assert fields["channels"].default == ("energy",)
    assert isinstance(fields["altitude"].default, float)
    for path in (tmp_path, tmp_path / "absent", Path(__file__)):
        assert module.can_read(path) is False
    options = module.Options()
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.altitude = 0.0
    with pytest.raises(ConfigError, match=r"Unknown option.*Valid options are: channels, altitude"):
        sources.make_options(kind, {"chanels": ["energy"]})


@pytest.mark.parametrize("kind", sources.kinds())
def test_options_can_be_read_without_importing(kind):
    module, described = sources.source(kind), catalogue.describe(kind)
    read = {
        item.name: tuple(item.default) if isinstance(item.default, list) else item.default for item in described.options
    }
    assert read == dataclasses.asdict(module.Options())
    for name in ("Options", "Run"):
        fields = dataclasses.fields(getattr(module, name)) if hasattr(module, name) else ()
        found = {item.name: {"help": item.help, **item.limits} for item in declared(Path(module.__file__), name)}
        assert found == {field.name: dict(field.metadata) for field in fields}
        assert all(item["help"] for item in found.values())
    for name, value in (("SIGNATURES", described.signatures), ("FOLDER_WITH", described.folder_with)):
        assert value == getattr(module, name, type(value)())
    assert described.primaries == tuple(getattr(module, "PRIMARIES", ()))
    assert (described.takes == catalogue.RUNS) == hasattr(module, "Run")


def test_unknown_kinds_and_inputs_are_refused_with_the_valid_ones(tmp_path):
    with pytest.raises(ConfigError, match=f"'corsika6'. Valid kinds are: {', '.join(sources.kinds())}"):
        sources.source("corsika6")
    with pytest.raises(DataError, match="absent: no such file"):
        sources.detect(tmp_path / "absent")
    assert sources.detect(write_corsika(tmp_path / "DAT1", [Shower()])) == "corsika7"


def test_inputs_that_are_missing_given_twice_or_none_are_refused(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower()])
    options = sources.make_options("corsika7", {})
    output = tmp_path / "out" / "shard.h5"
    for inputs, message in (
        ([], "no input given"),
        ([path, tmp_path / "DAT2"], "DAT2: no such file or folder"),
        ([path, tmp_path / "." / "DAT1"], "DAT1: given twice"),
    ):
        with pytest.raises(DataError, match=message):
            sources.convert("corsika7", inputs, output, options)
    assert not output.parent.exists()


def test_a_second_input_that_fails_leaves_no_output(tmp_path):
    good = write_corsika(tmp_path / "DAT1", [Shower()])
    bad = write_corsika(tmp_path / "DAT2", [Shower()], end=False)
    with pytest.raises(DataError, match="DAT2"):
        sources.convert("corsika7", [good, bad], tmp_path / "out" / "s.h5", sources.make_options("corsika7", {}))
    assert list((tmp_path / "out").iterdir()) == []


def test_runs_are_named_and_an_empty_one_is_refused(tmp_path):
    runs = [surrogate.Run(primary=14, showers=number, seed=1, first=number) for number in (3, 2, 0)]
    options = surrogate.Options(energy_max=3000.0)
    assert sources.convert("surrogate", runs[:2], tmp_path / "s.h5", options) == 5
    with open_showers(tmp_path / "s.h5") as file:
        assert file["sources"]["file"][:].tolist() == [str(run).encode() for run in runs[:2]]
        assert file["sources"]["sha256"][:].tolist() == [b"", b""]
        assert file["events"]["shower_id"].tolist() == list(range(5))
        assert file["events"]["source"].tolist() == [0, 0, 0, 1, 1]
        assert file["events"]["run"].tolist() == [1] * 5  # the seed
        assert file["events"]["event"].tolist() == [3, 4, 5, 2, 3]  # the shower's own number
    with pytest.raises(DataError, match=r"surrogate primary=14 showers=0 .*: no shower in it"):
        sources.convert("surrogate", runs[1:], tmp_path / "t.h5", options)
    assert not (tmp_path / "t.h5").exists()


def test_large_inputs_come_in_several_blocks(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower()] * 300)
    options = sources.make_options("corsika7", {"channels": list(CHANNELS)})
    blocks = list(corsika7.showers(path, options))
    assert len(blocks) > 1
    assert max(block.images.nbytes for block in blocks) < 64 * 2**20
    assert np.concatenate([block.events["shower_id"] for block in blocks]).tolist() == list(range(300))
