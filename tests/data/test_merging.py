"""Merging: every shower once, splits that are stratified and keep showers together, a summary, and refusals."""

import json

import h5py
import numpy as np
import pytest
import showers
from merges import read, run, shards

from cascada.core.errors import DataError
from cascada.data.checks import ks_limit
from cascada.data.format import EVENTS, IMAGES, SPLITS, Header, SourceRow, create, new_events
from cascada.data.skipped import Skipped
from cascada.report.data_card import warnings


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
    assert "Surrogate" in found and "core offset" not in found and "spectra" not in found
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


def test_the_ranges_are_those_of_the_training_showers(tmp_path):
    summary = run(tmp_path / "out", shards(tmp_path))
    events = read(tmp_path / "out/train.h5")[0]
    energies = events["true_energy"][events["split"] == SPLITS["train"]]
    assert summary["ranges"] == {"true_energy": [energies.min(), energies.max()], "zenith": [0, 0]}


def test_what_the_readers_left_out_is_summed(tmp_path):
    paths = shards(tmp_path)
    for path in paths:
        with h5py.File(path, "r+") as file:
            file.attrs["left_out"] = json.dumps({"neutrinos": 3.5, "unknown_particles": 1})
    assert run(tmp_path / "out", paths)["left_out"] == {"neutrinos": 7.0, "unknown_particles": 2}


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
