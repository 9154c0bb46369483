"""Merging: every shower once, splits that are stratified and keep showers together, a summary, and refusals."""

import gzip
import json
import shutil

import h5py
import numpy as np
import pytest
import showers
from corsika_writer import Shower, random_rows, write_corsika
from numpy.lib import recfunctions as rfn

from cascada.data import sources
from cascada.data.card import warnings
from cascada.data.checks import ks_limit
from cascada.data.format import EVENTS, IMAGES, IRON, PROTON, SPLITS, Header, SourceRow, create, new_events
from cascada.data.merging import MergeOptions, merge
from cascada.data.skipped import Skipped
from cascada.errors import DataError


def run(folder, shards, **options):
    folder.mkdir(exist_ok=True)
    return merge(
        shards, folder / "train.h5", folder / "test.h5", folder / "summary.json",
        MergeOptions(**({"classes": showers.CLASSES} | options)),
    )  # fmt: skip


def shards(folder, number=100, **options):
    return [showers.small_shard(folder / f"{n}.h5", p, number, **options) for n, p in showers.CLASSES.items()]


def read(path):
    with h5py.File(path) as file:
        return file[EVENTS][:], file[IMAGES][:]


def test_every_shower_stands_in_one_split_with_its_image(tmp_path):
    summary = run(tmp_path / "out", shards(tmp_path))
    (train, train_images), (test, test_images) = (read(tmp_path / "out" / name) for name in ("train.h5", "test.h5"))
    assert len(train) + len(test) == summary["showers"] == 200
    assert len(set(train["event_id"]) | set(test["event_id"])) == 200
    assert set(test["split"]) == {SPLITS["test"]} and set(train["split"]) == {SPLITS["train"], SPLITS["validation"]}
    before = np.concatenate([read(tmp_path / f"{name}.h5")[1] for name in showers.CLASSES]).sum(axis=(1, 2, 3))
    after = np.concatenate([train_images, test_images]).sum(axis=(1, 2, 3))
    assert sorted(before.tolist()) == sorted(after.tolist())
    assert all(
        events["label"][i] == (events["primary"][i] == 14) for events in (train, test) for i in range(len(events))
    )


def test_fractions_hold_in_every_class_and_the_summary_counts_them(tmp_path):
    summary = run(tmp_path / "out", shards(tmp_path), test_fraction=0.25, validation_fraction=0.2)
    assert summary["counts"] == {
        "train": {"iron": 55, "proton": 55},
        "validation": {"iron": 20, "proton": 20},
        "test": {"iron": 25, "proton": 25},
    }
    written = json.loads((tmp_path / "out/summary.json").read_text())
    assert written["counts"] == summary["counts"] and written["surrogate"] is True


def test_splits_are_stratified_by_energy(tmp_path):
    run(tmp_path / "out", shards(tmp_path, 400))
    (train, _), (test, _) = (read(tmp_path / "out" / name) for name in ("train.h5", "test.h5"))
    difference = np.median(np.log(train["true_energy"])) - np.median(np.log(test["true_energy"]))
    assert abs(difference) < 0.08  # a purely random split of so few scatters by about 0.09


def test_the_result_does_not_depend_on_the_order_of_the_shards(tmp_path):
    paths = shards(tmp_path)
    run(tmp_path / "one", paths)
    run(tmp_path / "other", paths[::-1])
    for name in ("train.h5", "test.h5"):
        one, other = read(tmp_path / "one" / name), read(tmp_path / "other" / name)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def test_another_seed_deals_otherwise(tmp_path):
    paths = shards(tmp_path)
    run(tmp_path / "one", paths, seed=1)
    run(tmp_path / "other", paths, seed=2)
    assert set(read(tmp_path / "one/test.h5")[0]["event_id"]) != set(read(tmp_path / "other/test.h5")[0]["event_id"])


def test_images_of_one_shower_stay_together(tmp_path):
    paths = shards(tmp_path)
    for path in paths:
        with h5py.File(path, "r+") as file:
            events = file[EVENTS][:]
            events["shower_id"] = events["event_id"] // 4
            file[EVENTS][:] = events
    summary = run(tmp_path / "out", paths)
    train, test = read(tmp_path / "out/train.h5")[0], read(tmp_path / "out/test.h5")[0]
    assert not set(train["shower_id"]) & set(test["shower_id"])
    validation = set(train["shower_id"][train["split"] == 1])
    assert not validation & set(train["shower_id"][train["split"] == 0])
    assert summary["checks"]["showers_in_train_and_test"] == 0
    assert summary["checks"]["ks_limit_at_1_percent"] == ks_limit(25, 25)  # showers of a class, not images
    assert np.unique(np.concatenate([train, test])["shower_id"], return_counts=True)[1].tolist() == [4] * 50


def test_merged_images_can_be_mapped(tmp_path):
    run(tmp_path / "out", shards(tmp_path))
    with h5py.File(tmp_path / "out/train.h5") as file:
        assert file[IMAGES].chunks is None and file[IMAGES].id.get_offset() is not None


def test_roles_decide_the_split(tmp_path):
    train = [showers.small_shard(tmp_path / f"a{n}.h5", p, 60, 1, "train") for n, p in showers.CLASSES.items()]
    test = [showers.small_shard(tmp_path / f"b{n}.h5", p, 30, 2, "test") for n, p in showers.CLASSES.items()]
    summary = run(tmp_path / "out", train + test)
    assert summary["counts"]["test"] == {"iron": 30, "proton": 30}
    assert summary["counts"]["validation"] == {"iron": 12, "proton": 12}


def spoil(path, value):
    with h5py.File(path, "r+") as file:
        file[IMAGES][17, 0, 3, 4] = value


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_bad_images_are_refused_with_file_and_place(tmp_path, value):
    paths = shards(tmp_path)
    spoil(paths[1], value)
    with pytest.raises(DataError, match=r"proton\.h5: image 17 holds a value that is NaN, infinite or negative"):
        run(tmp_path / "out", paths)
    assert not list((tmp_path / "out").iterdir())


def test_one_class_alone_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"No shower of class\(es\) \['proton'\].*add a source that has them"):
        run(tmp_path / "out", shards(tmp_path)[:1])


def test_a_primary_that_no_class_names_is_refused(tmp_path):
    paths = [*shards(tmp_path), showers.small_shard(tmp_path / "helium.h5", 402, 10)]
    with pytest.raises(DataError, match=r"helium\.h5: primaries \[402\].*data\.classes names"):
        run(tmp_path / "out", paths)


def test_the_same_raw_file_twice_is_refused(tmp_path):
    paths = shards(tmp_path)
    for number in (1, 2):
        with create(tmp_path / f"same{number}.h5", Header(role=("train", "test")[number - 1])) as writer:
            events = new_events(1)
            events["primary"], events["true_energy"] = 14, 3000
            writer.append(np.ones((1, 1, 80, 80), np.float32), events)
            writer.write_sources([SourceRow(file="DAT1", sha256="ab" * 32, kind="corsika7", events=1)])
        paths.append(tmp_path / f"same{number}.h5")
    with pytest.raises(DataError, match="is the same file"):
        run(tmp_path / "out", paths)


def test_different_altitudes_are_refused(tmp_path):
    paths = shards(tmp_path)
    with h5py.File(paths[1], "r+") as file:
        file.attrs["observation_altitude"] = 2200.0
    with pytest.raises(DataError, match=r"observation_altitude 2200\.0 differs from 5200\.0"):
        run(tmp_path / "out", paths)


def test_a_class_without_showers_in_a_split_is_refused(tmp_path):
    paths = [showers.small_shard(tmp_path / "iron.h5", 5626, 50), showers.small_shard(tmp_path / "proton.h5", 14, 1)]
    with pytest.raises(DataError, match="No shower of class 'proton' in the split"):
        run(tmp_path / "out", paths)


def test_the_card_warns_of_leaks(tmp_path):
    paths = shards(tmp_path, 200)
    clean = run(tmp_path / "clean", paths)
    # by construction these showers' widths differ and with them their total energy; core and spectra do not
    found = " ".join(warnings(clean))
    assert "surrogate" in found and "core offset" not in found and "spectra" not in found
    with h5py.File(paths[1], "r+") as file:
        events = file[EVENTS][:]
        events["core_x"] += 30
        events["true_energy"] *= 3
        file[EVENTS][:] = events
    found = " ".join(warnings(run(tmp_path / "leaky", paths)))
    assert "core offset alone" in found and "energy spectra of the classes differ" in found


def test_total_energy_is_that_of_all_groups_of_particles(tmp_path):
    """Without the channel `energy`, the leak check adds the others up, counts of muons left out."""
    channels = ("muons", "electromagnetic_energy", "muon_energy")
    for name, primary in showers.CLASSES.items():
        events = new_events(40)
        events["primary"], events["true_energy"] = primary, np.geomspace(1e3, 1e4, 40)
        images = np.zeros((40, 3, 80, 80), np.float32)
        images[:, 0, 0, 0] = np.arange(40) % 7 + 1
        images[:, 1, 0, 0] = np.arange(40) + (50 if name == "iron" else 1)  # iron's is the larger, always
        with create(tmp_path / f"{name}.h5", Header(channels=channels)) as writer:
            writer.append(images, events)
            writer.write_sources([SourceRow(file=name, sha256="", kind="corsika7", events=40)])
    summary = run(tmp_path / "out", [tmp_path / f"{name}.h5" for name in showers.CLASSES])
    assert summary["checks"]["auc_of_total_energy"] == 1.0


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
    assert "30 showers stand twice in one raw file" in " ".join(warnings(summary))
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


def test_the_ranges_are_those_of_the_training_showers(tmp_path):
    summary = run(tmp_path / "out", shards(tmp_path))
    events = read(tmp_path / "out/train.h5")[0]
    energies = events["true_energy"][events["split"] == SPLITS["train"]]
    assert summary["ranges"] == {"true_energy": [energies.min(), energies.max()], "zenith": [0, 0]}


def skipped_shard(path, reason="DAT9: cut short."):
    with create(path, Header()) as writer:
        writer.write_sources([])
        writer.write_skipped([Skipped(file=path.stem, kind="corsika7", reason=reason)])
    return path


def test_files_that_were_skipped_are_listed_with_their_reasons(tmp_path):
    summary = run(tmp_path / "out", [*shards(tmp_path), skipped_shard(tmp_path / "DAT9.h5")])
    assert summary["skipped"] == [{"file": "DAT9", "kind": "corsika7", "reason": "DAT9: cut short."}]
    assert summary["showers"] == 200 and len(summary["sources"]) == 2
    assert (tmp_path / "out/skipped.tsv").read_text() == "file\tkind\treason\nDAT9\tcorsika7\tDAT9: cut short.\n"
    assert "1 raw file(s) could not be read and were skipped: skipped.tsv" in " ".join(warnings(summary))
    assert (run(tmp_path / "all", shards(tmp_path))["skipped"]) == []
    assert (tmp_path / "all/skipped.tsv").read_text() == "file\tkind\treason\n"


def test_nothing_but_skipped_files_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"All 2 raw files were skipped, the first because of: DAT9: cut short"):
        run(tmp_path / "out", [skipped_shard(tmp_path / "a.h5"), skipped_shard(tmp_path / "b.h5")])


def test_images_of_another_shape_are_refused(tmp_path):
    paths = shards(tmp_path, 10)
    with h5py.File(paths[1], "r+") as file:
        attributes = dict(file[IMAGES].attrs)
        del file[IMAGES]
        file.create_dataset(IMAGES, (10, 1, 64, 64), "<f4")
        file[IMAGES].attrs.update(attributes)
    with pytest.raises(DataError, match=r"proton\.h5: images: float32 \(10, 1, 64, 64\) given, expected float32 \(N"):
        run(tmp_path / "out", paths)
    assert not list((tmp_path / "out").iterdir())
