"""One file for a set that is tested beside the sealed showers: what is in it, and what is refused."""

import h5py
import numpy as np
import pytest
from showers import CLASSES, images_of, small_dataset

from cascada.core.errors import DataError
from cascada.data.also import gather
from cascada.data.format import (
    IRON,
    PROTON,
    SPLITS,
    Header,
    SourceRow,
    create,
    new_events,
    open_showers,
    read_events,
    read_header,
    read_sources,
)  # fmt: skip
from cascada.data.merging import MergeOptions, merge

OPTIONS = MergeOptions(classes=CLASSES)


def shard(path, primary, showers=30, seed=5, run=7, altitude=5200.0, channels=("energy",), energy=None):
    random = np.random.default_rng([seed, primary])
    events = new_events(showers)
    events["primary"], events["zenith"], events["azimuth"] = primary, 0, 0
    events["true_energy"] = np.linspace(3000, 60000, showers) if energy is None else energy
    events["run"], events["event"] = run, np.arange(showers)
    images = np.repeat(images_of(primary, showers, random), len(channels), axis=1)
    with create(path, Header(channels=channels, observation_altitude=altitude)) as writer:
        writer.append(images, events)
        writer.write_sources([SourceRow(file=path.name, sha256="", kind="surrogate", events=showers)])
    return path


def pair(folder, **options):
    folder.mkdir(exist_ok=True)
    return [shard(folder / f"{name}.h5", primary, **options) for name, primary in CLASSES.items()]


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Training data of run 1; its shards stay beside it."""
    folder = tmp_path_factory.mktemp("train")
    shards = pair(folder / "shards", seed=1, run=1, showers=60)
    merge(
        shards, folder / "train.h5", folder / "test.h5", folder / "summary.json", MergeOptions(classes=CLASSES, seed=1)
    )
    return folder / "train.h5"


def test_all_showers_are_for_the_test_labelled_and_numbered(tmp_path, train):
    shards = pair(tmp_path / "shards", altitude=4300.0)  # another altitude is what a set may be about
    gather("high", shards, train, tmp_path / "also/high.h5", OPTIONS)
    with open_showers(tmp_path / "also/high.h5") as file:
        events, header = read_events(file), read_header(file)
        assert header.observation_altitude == 4300.0 and header.classes == tuple(CLASSES)
        assert len(events) == 60 == len(np.unique(events["shower_id"])) == len(np.unique(events["event_id"]))
        assert set(events["split"]) == {SPLITS["test"]}
        assert [row.file for row in read_sources(file)] == ["iron.h5", "proton.h5"]
        with h5py.File(shards[1]) as proton:
            assert np.array_equal(file["images"][events["label"] == 1], proton["images"][:])
        assert (events["primary"] == np.where(events["label"] == 1, PROTON, IRON)).all()


def test_showers_of_the_training_are_refused_by_their_images(tmp_path, train):
    shards = pair(tmp_path / "shards", seed=1, run=99, showers=60, energy=np.linspace(4000, 5000, 60))
    with pytest.raises(
        DataError, match=r"testing\.also\.again: \d+ of the showers of iron\.h5 stand in the training data, too"
    ):
        gather("again", shards, train, tmp_path / "again.h5", OPTIONS)
    assert not (tmp_path / "again.h5").exists()


def test_showers_of_the_training_are_refused_by_their_numbers_too(tmp_path, train):
    """As with another altitude or fill factor: the same showers, other images."""
    shards = pair(tmp_path / "shards", seed=2, run=1, showers=60)
    with pytest.raises(DataError, match=r"testing\.also\.again: .*tests nothing\. Give other showers"):
        gather("again", shards, train, tmp_path / "again.h5", OPTIONS)


def test_fewer_than_thirty_of_a_class_are_refused(tmp_path, train):
    shards = [shard(tmp_path / "i.h5", IRON, 30), shard(tmp_path / "p.h5", PROTON, 29)]
    with pytest.raises(DataError, match=r"testing\.also\.few: 29 showers of the class 'proton', at least 30"):
        gather("few", shards, train, tmp_path / "few.h5", OPTIONS)


def test_other_channels_are_refused(tmp_path, train):
    shards = pair(tmp_path / "shards", channels=("muon_energy",))
    with pytest.raises(
        DataError, match=r"testing\.also\.other: channels \['muon_energy'\] given, the network takes \['energy'\]"
    ):
        gather("other", shards, train, tmp_path / "other.h5", OPTIONS)


def test_a_primary_of_no_class_is_refused(tmp_path, train):
    shards = [*pair(tmp_path / "shards"), shard(tmp_path / "helium.h5", 402)]
    with pytest.raises(DataError, match=r"primaries \[402\] \(CORSIKA codes\) are named by no class"):
        gather("helium", shards, train, tmp_path / "helium_set.h5", OPTIONS)


def test_data_of_the_thesis_s_kind_are_compared_by_their_images_alone(tmp_path):
    """Without run numbers, equal numbers mean nothing."""
    small_dataset(tmp_path, showers=80)
    shards = pair(tmp_path / "shards", run=-1)
    gather("group", shards, tmp_path / "train.h5", tmp_path / "group.h5", OPTIONS)
    assert (tmp_path / "group.h5").exists()
