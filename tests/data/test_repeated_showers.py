"""Merging: a shower that comes twice, what only looks like one, and data of both versions."""

import gzip
import shutil

import h5py
import numpy as np
import pytest
import showers
from corsika_writer import Shower, random_rows, write_corsika
from merges import read, run, shards
from numpy.lib import recfunctions as rfn

from cascada.core.errors import DataError
from cascada.data import sources
from cascada.data.format import EVENTS, IMAGES, IRON, PROTON
from cascada.report.data_card import warnings


def test_images_that_two_files_share_are_refused_with_both_names(tmp_path):
    """Whatever the files say: the same showers, converted from files that are not the same byte by byte."""
    paths = shards(tmp_path)
    copy = showers.small_shard(tmp_path / "copy.h5", PROTON, 10)
    with h5py.File(paths[1]) as file, h5py.File(copy, "r+") as other:
        other[IMAGES][3:7] = file[IMAGES][3:7]
    assert run(tmp_path / "clean", paths)["checks"]["images_in_several_splits"] == 0
    message = (
        r"proton\.h5 \(.*/proton\.h5\): 4 of its showers are in copy\.h5 \(.*/copy\.h5\) too, with the same images"
    )
    with pytest.raises(DataError, match=message):
        run(tmp_path / "out", [*paths, copy])
    assert not list((tmp_path / "out").iterdir())


def test_a_test_file_that_is_a_part_of_the_training_file_is_refused(tmp_path):
    train = [showers.small_shard(tmp_path / f"a{n}.h5", p, 40, 1, "train") for n, p in showers.CLASSES.items()]
    test = [showers.small_shard(tmp_path / f"b{n}.h5", p, 20, 2, "test") for n, p in showers.CLASSES.items()]
    for path, copy in zip(train, test, strict=True):
        with h5py.File(path) as file, h5py.File(copy, "r+") as other:
            other[IMAGES][:] = file[IMAGES][:20]
    with pytest.raises(DataError, match=r"biron\.h5 .*: 20 of its showers are in airon\.h5"):
        run(tmp_path / "out", train + test)
    assert not list((tmp_path / "out").iterdir())


def test_a_shower_that_one_file_holds_twice_stays_in_one_split_and_is_counted(tmp_path):
    paths = shards(tmp_path)
    with h5py.File(paths[0], "r+") as file:
        for start in range(0, 60, 2):
            file[IMAGES][start + 1] = file[IMAGES][start]
    summary = run(tmp_path / "out", paths)
    assert summary["checks"]["showers_twice_in_one_file"] == 30 and summary["checks"]["images_in_several_splits"] == 0
    assert "30 showers appear twice in one raw file" in " ".join(warnings(summary))
    found = np.concatenate([read(tmp_path / "out" / name)[0] for name in ("train.h5", "test.h5")])
    assert len(np.unique(found["shower_id"])) == 170
    assert len({(one["shower_id"], one["split"]) for one in found}) == 170


def converted(folder, name, *raw, **options):
    """Convert particle files of showers as the rule does."""
    made = sources.make_options("corsika7", options)
    sources.convert("corsika7", list(raw), folder / f"{name}.h5", made)
    return folder / f"{name}.h5"


def particle_file(path, run_number, primary=PROTON, number=24, seed=0, energy=1000.0):
    made = [
        Shower(primary=primary, energy=energy, particles=random_rows(400, seed=1000 * run_number + seed + i))
        for i in range(number)
    ]
    path.parent.mkdir(exist_ok=True)
    return write_corsika(path, made, run=run_number)


@pytest.fixture(scope="module")
def irons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("irons")
    return converted(folder, "irons", particle_file(folder / "DAT000002", 2, IRON))


def test_a_packed_copy_of_a_particle_file_is_refused(irons, tmp_path):
    """The case of `DAT*` beside `DAT*.gz`: two files, two sums, one set of showers."""
    raw = particle_file(tmp_path / "DAT000001", 1)
    packed = tmp_path / "DAT000001.gz"
    packed.write_bytes(gzip.compress(raw.read_bytes()))
    shards = [irons, converted(tmp_path, "plain", raw), converted(tmp_path, "packed", packed)]
    message = r"DAT000001 \(.*plain\.h5\): 24 of its showers are in DAT000001\.gz \(.*packed\.h5\) too.*first: run 1, event 1, "
    with pytest.raises(DataError, match=message):
        run(tmp_path / "out", shards)


@pytest.mark.parametrize("what", ["parts", "cores"])
def test_one_shower_in_two_files_with_other_images_is_refused(irons, tmp_path, what):
    """Parts of one shower are no showers; the same shower with other random cores is one shower still."""
    raw = particle_file(tmp_path / "DAT000001", 1)
    one = converted(tmp_path, "one", raw)
    if what == "parts":
        other = converted(tmp_path, "other", particle_file(tmp_path / "DAT000001_2", 1, seed=500))
    else:
        packed = tmp_path / "DAT000001.gz"
        packed.write_bytes(gzip.compress(raw.read_bytes()))
        other = converted(tmp_path, "other", packed, core_offset=20.0)
    message = (
        r"24 of its showers have run, event, .* showers in DAT000001 .*but other images .*set data\.repeated_numbers"
    )
    with pytest.raises(DataError, match=message):
        run(tmp_path / "out", [irons, one, other])
    if what == "parts":  # or other showers, as somebody may know who numbered two productions alike
        summary = run(tmp_path / "out", [irons, one, other], repeated_numbers="allow")
        assert summary["showers"] == 72 and summary["checks"]["showers_twice_in_one_file"] == 0


def test_numbers_that_start_again_are_no_repetition(irons, tmp_path):
    """Other runs, other primaries, other energies; and several images of one shower in one file."""
    raw = [
        particle_file(tmp_path / "DAT000001", 1), particle_file(tmp_path / "DAT000003", 3),
        particle_file(tmp_path / "other/DAT000001", 1, seed=100, energy=2000.0),
        particle_file(tmp_path / "irons/DAT000001", 1, IRON, seed=200),
    ]  # fmt: skip
    shards = [converted(tmp_path, f"{n}", path, cores_per_shower=2, core_offset=20.0) for n, path in enumerate(raw)]
    summary = run(tmp_path / "out", [irons, *shards])
    assert summary["showers"] == 24 + 4 * 48 and summary["checks"]["showers_in_train_and_test"] == 0
    assert summary["checks"]["showers_twice_in_one_file"] == 0 and summary["data_model_version"] == 2


def test_surrogate_runs_with_other_seeds_or_numbers_are_no_repetition(tmp_path):
    options, shards = sources.make_options("surrogate", {"energy_max": 4000.0}), []
    for primary, seed, first in ((14, 1, 0), (14, 1, 20), (14, 2, 0), (5626, 1, 0), (5626, 2, 0)):
        module = sources.source("surrogate")
        shards.append(tmp_path / f"{primary}-{seed}-{first}.h5")
        one = module.Run(primary=primary, showers=20, seed=seed, first=first)
        sources.convert("surrogate", [one], shards[-1], options)
    assert run(tmp_path / "out", shards)["showers"] == 100
    shards.append(tmp_path / "again.h5")
    sources.convert("surrogate", [module.Run(primary=14, showers=10, seed=1, first=25)], shards[-1], options)
    with pytest.raises(
        DataError, match=r"again\.h5\): 10 of .* too, with the same images \(the first: run 1, event 25, "
    ):
        run(tmp_path / "twice", shards)


def old_version(path, kind="corsika7"):
    """What cascada wrote before: no run, no event, and neutrinos in the images."""
    with h5py.File(path, "r+") as file:
        events = file[EVENTS][:]
        names = [name for name in events.dtype.names if name not in ("run", "event")]
        del file[EVENTS]
        file[EVENTS] = rfn.repack_fields(events[names])
        file.attrs["data_model_version"] = 1
        rows = file["sources"][:]
        rows["kind"] = kind
        file["sources"][:] = rows
    return path


def test_data_of_version_1_merge_by_their_images_alone(tmp_path):
    paths = [old_version(path) for path in shards(tmp_path)]
    summary = run(tmp_path / "out", paths)
    with h5py.File(tmp_path / "out/train.h5") as file:
        assert summary["data_model_version"] == 1 == file.attrs["data_model_version"]
        assert set(file[EVENTS]["run"]) == {-1}
    copy = tmp_path / "copy.h5"
    shutil.copy(paths[0], copy)
    with pytest.raises(DataError, match=r"copy\.h5\) too, with the same images \(the first: primary 5626, "):
        run(tmp_path / "twice", [*paths, copy])


def test_versions_of_corsika_do_not_mix(irons, tmp_path):
    old = old_version(showers.small_shard(tmp_path / "old.h5", PROTON, 24))
    message = (
        r"old\.h5: data model version 1, in which neutrinos count, beside version 2 of .*irons\.h5.*convert the raw"
    )
    with pytest.raises(DataError, match=message):
        run(tmp_path / "out", [irons, old])
    surrogate = old_version(showers.small_shard(tmp_path / "surrogate.h5", PROTON, 24), "surrogate")
    assert run(tmp_path / "out", [irons, surrogate])["data_model_version"] == 2
