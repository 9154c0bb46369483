"""Predicting with an exported folder: every kind of input, the file that comes out, and what is refused."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from corsika_writer import Shower, random_rows, write_corsika
from exports import make_export
from showers import small_shard

from cascada.cli import main
from cascada.core.errors import DataError
from cascada.data import projection
from cascada.data.format import EVENTS, IMAGES, PROTON, Header, SourceRow, create, new_events
from cascada.export import prediction_inputs
from cascada.export.predict import Model, predict


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_export(tmp_path_factory.mktemp("export") / "results")


@pytest.fixture(scope="module")
def model(results):
    return Model(results / "model", threads=1)


def read(path):
    with h5py.File(path, "r") as file:
        return {name: file[name][:] for name in file} | dict(file.attrs)


def test_probabilities_come_with_event_ids_in_the_order_of_the_file(results, model, tmp_path):
    train = results / "dataset/train.h5"
    number = predict(model, [train], tmp_path / "out.h5")
    found = read(tmp_path / "out.h5")
    with h5py.File(train) as file:
        events, images = file[EVENTS][:], file[IMAGES][:]
    assert number == len(events) == len(found["probability"])
    for name in ("event_id", "shower_id", "run", "event", "label", "true_energy", "muons", "primary"):
        np.testing.assert_array_equal(found[name], events[name])
    expected = np.concatenate([model.probabilities(part) for part in np.array_split(images, 3)])
    np.testing.assert_allclose(found["probability"], expected, atol=1e-6)
    assert np.ptp(expected[:, 1]) > 1e-3  # the showers are told apart, or the comparison says nothing
    assert list(found["classes"]) == ["iron", "proton"] and found["surrogate"]


@pytest.mark.parametrize("signal", [None, "iron"])
def test_a_model_without_a_signal_means_the_second_class(signal, results, tmp_path):
    """As those of versions that had no choice."""
    import shutil

    from cascada.core.files import read_json, write_json

    folder = tmp_path / "model"
    shutil.copytree(results / "model", folder)
    content = read_json(folder / "model.json")
    content["output"].pop("signal")
    if signal:
        content["output"]["signal"] = signal
    write_json(folder / "model.json", content)
    predict(Model(folder, threads=1), [results / "dataset/test.h5"], tmp_path / "out.h5")
    assert read(tmp_path / "out.h5")["signal"] == (signal or "proton")


def test_labels_of_a_group_of_primaries(results, tmp_path):
    from cascada.core.files import read_json, write_json

    path = results / "model/model.json"
    before = read_json(path)
    try:
        write_json(path, before | {"classes": {"heavy": [1407, 5626], "light": [14, 402]}})
        shards = [small_shard(tmp_path / f"{code}.h5", code, 3) for code in (5626, 402, 2814, 1407, 14)]
        predict(Model(results / "model", threads=1), shards, tmp_path / "out.h5")
        assert read(tmp_path / "out.h5")["label"].tolist() == np.repeat([0, 1, -1, 0, 1], 3).tolist()
    finally:
        write_json(path, before)


def test_several_inputs_keep_their_sources_apart(results, model, tmp_path):
    shards = [small_shard(tmp_path / f"{seed}.h5", PROTON, 5, seed) for seed in (1, 2)]
    predict(model, [*shards, results / "dataset/train.h5"], tmp_path / "out.h5")
    found = read(tmp_path / "out.h5")
    assert [row["file"].decode() for row in found["sources"]][:2] == ["1.h5", "2.h5"]
    assert found["source"][:10].tolist() == [0] * 5 + [1] * 5 and found["source"].max() == 3
    assert set(found["label"][:10]) == {1}  # shards know the primary alone


def test_the_batches_do_not_show(results, model, tmp_path, monkeypatch):
    outputs = []
    for batch in (128, 7):
        monkeypatch.setattr(model, "batch", batch)
        monkeypatch.setattr(prediction_inputs, "BATCH", batch)
        predict(model, [results / "dataset/train.h5"], tmp_path / f"{batch}.h5")
        outputs.append(read(tmp_path / f"{batch}.h5"))
    np.testing.assert_allclose(outputs[0]["probability"], outputs[1]["probability"], atol=1e-6)
    np.testing.assert_array_equal(outputs[0]["event_id"], outputs[1]["event_id"])


def test_raw_corsika_files(results, tmp_path, capsys):
    rows = random_rows(3000, seed=1)
    raw = write_corsika(tmp_path / "DAT000001", [Shower(particles=rows), Shower(particles=rows)])
    output = tmp_path / "out.h5"
    figures = ["--figures", str(tmp_path / "figures"), "--set", "altitude=5200"]
    assert main(["predict", str(results / "model"), str(raw), "-o", str(output), *figures]) == 0
    assert "probabilities of 2 showers" in capsys.readouterr().out
    found = read(output)
    assert found["probability"].shape == (2, 2) and found["sources"][0]["kind"] == b"corsika7"
    assert found["run"].tolist() == [7, 7] and found["event"].tolist() == [1, 2]
    assert found["sources"][0]["events"] == 2 and len(found["sources"][0]["sha256"]) == 64
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"probability.png", "energy.png"}


def test_channels_are_found_by_name(results, model, tmp_path):
    shard = small_shard(tmp_path / "one.h5", PROTON, 4)
    predict(model, [shard], tmp_path / "expected.h5")
    with h5py.File(shard) as file:
        images, events = file[IMAGES][:], file[EVENTS][:]
    two = np.concatenate([np.full_like(images, 7), images], axis=1)
    with create(tmp_path / "two.h5", Header(channels=("muons", "energy"))) as writer:
        writer.append(two, events)
        writer.write_sources([SourceRow(file="x", sha256="", kind="surrogate", events=4)])
    predict(model, [tmp_path / "two.h5"], tmp_path / "out.h5")
    np.testing.assert_array_equal(
        read(tmp_path / "out.h5")["probability"], read(tmp_path / "expected.h5")["probability"]
    )


def test_another_altitude_is_said(model, tmp_path):
    said = []
    with create(tmp_path / "high.h5", Header(observation_altitude=1400)) as writer:
        events = new_events(1)
        events["true_energy"] = 5000
        writer.append(np.ones((1, 1, 80, 80), np.float32), events)
        writer.write_sources([SourceRow(file="x", sha256="", kind="corsika7", events=1)])
    predict(model, [tmp_path / "high.h5"], tmp_path / "out.h5", warn=said.append)
    assert len(said) == 1 and "observed at 1400 m, the model was trained for 5200 m" in said[0]


def showers(path, channels=("energy",), number=2, value=1.0):
    with create(path, Header(channels=channels)) as writer:
        images = np.ones((number, len(channels), 80, 80), np.float32)
        images[-1:, 0, 3, 3] = value
        writer.append(images, new_events(number))
        writer.write_sources([SourceRow(file="x", sha256="", kind="surrogate", events=number)])
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing.h5", "no such file or folder"),
        (lambda folder: showers(folder / "muons.h5", ("muons",)), "the model needs \\['energy'\\]"),
        (lambda folder: showers(folder / "nan.h5", value=np.nan), "image 1 holds a value that is not finite"),
        (lambda folder: showers(folder / "infinite.h5", value=np.inf), "image 1 holds a value that is not finite"),
        (lambda folder: showers(folder / "empty.h5", number=0), "no shower in it"),
        (lambda folder: folder, "no source can read this"),
    ],
)
def test_inputs_that_cannot_be_used_are_named_and_leave_no_output(results, model, tmp_path, capsys, make, message):
    bad, good = make(tmp_path), results / "dataset/train.h5"
    with pytest.raises(DataError, match=message) as error:
        predict(model, [good, bad], tmp_path / "out.h5")
    assert str(bad) in str(error.value)
    assert main(["predict", str(results / "model"), str(bad), "-o", str(tmp_path / "out.h5")]) == 1
    assert str(bad) in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if "out.h5" in path.name]


def test_an_output_is_not_overwritten_unless_forced(results, tmp_path, capsys):
    output = tmp_path / "out.h5"
    output.write_text("mine")
    arguments = ["predict", str(results / "model"), str(results / "dataset/train.h5"), "-o", str(output)]
    assert main(arguments) == 1 and output.read_text() == "mine" and "--force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0 and h5py.is_hdf5(output)
    same = ["predict", str(results / "model"), str(output), "-o", str(output), "--force"]
    assert main(same) == 1 and "is an input as well" in capsys.readouterr().err


@pytest.mark.parametrize("threads", ["0", "many"])
def test_wrong_usage_has_its_own_status(results, threads, capsys):
    with pytest.raises(SystemExit) as error:
        main(["predict", str(results / "model"), "in.h5", "-o", "out.h5", "--threads", threads])
    assert error.value.code == 2 and "at least 1" in capsys.readouterr().err


def test_a_folder_that_is_no_model_is_refused(results, tmp_path):
    with pytest.raises(DataError, match=r"no exported model \(model.json is missing\)"):
        Model(tmp_path)
    content = (results / "model/model.json").read_text()
    (tmp_path / "model.json").write_text(content.replace('"format": 1', '"format": 99'))
    with pytest.raises(DataError, match="format 99 given"):
        Model(tmp_path)
    (tmp_path / "model.json").write_text(content)
    (tmp_path / "model.onnx").write_bytes((results / "model/model.onnx").read_bytes()[:1000])
    with pytest.raises(DataError, match="not a readable model"):
        Model(tmp_path)


def told(model, paths, output, **options):
    """What `predict` warns of."""
    said = []
    predict(model, paths, output, warn=said.append, **options)
    return said


def test_showers_that_the_model_was_not_trained_for_are_said(results, model, tmp_path):
    ranges = model.content["data"]["ranges"]
    low, high = ranges["true_energy"]
    with h5py.File(results / "dataset/train.h5") as file:
        trained = file[EVENTS]["true_energy"][file[EVENTS]["split"] == 0]
    assert (low, high) == (trained.min(), trained.max()) and ranges["zenith"] == [0, 0]
    assert told(model, [results / "dataset/train.h5"], tmp_path / "train.h5") == []
    events = new_events(6)
    events["true_energy"] = [low * 0.9, low * 0.96, high, high * 1.04, high * 1.06, np.nan]
    events["zenith"] = [0, 0.01, 0.5, 0, np.nan, 0]
    images = np.ones((6, 1, 80, 80), np.float32)
    images[2:4] = 0
    images[1, 0, 0, :2] = [-7000, 602]  # odd, and not blank although its sum is zero
    with create(tmp_path / "odd.h5", Header()) as writer:
        writer.append(images, events)
        writer.write_sources([SourceRow(file="x", sha256="", kind="corsika7", events=6)])
    blank, energies, zeniths = told(model, [tmp_path / "odd.h5"], tmp_path / "out.h5")
    assert images[1].sum() == 0 and "odd.h5: 2 of 6 images are blank" in blank
    assert f"2 of 6 showers have energies outside of {low:g} to {high:g} GeV" in energies
    assert "1 of 6 showers have zenith angles outside of 0 to 0 rad" in zeniths


@pytest.mark.parametrize(
    ("trained", "of", "version", "kind", "said"),
    [
        (1, "corsika7", 1, "corsika7", ""), (2, "corsika7", 2, "corsika7", ""), (1, "surrogate", 2, "corsika7", ""),
        (1, "corsika7", 2, "surrogate", ""), (2, "surrogate", 1, "surrogate", ""),
        (1, "corsika8", 2, "corsika7", "neutrinos do not count in its images (data model version 2)"),
        (2, "surrogate", 1, "corsika7", "neutrinos count in its images (data model version 1)"),
        (2, "corsika7", 1, "corsika8", "neutrinos count in its images (data model version 1)"),
    ],
)  # fmt: skip
def test_neutrinos_that_count_here_and_not_there_are_said(results, tmp_path, trained, of, version, kind, said):
    model = Model(results / "model", threads=1)
    model.content["data"] |= {"data_model_version": trained, "sources": [{"kind": of}], "ranges": {}}
    with create(tmp_path / "in.h5", Header(version=version)) as writer:
        writer.append(np.ones((1, 1, 80, 80), np.float32), new_events(1))
        writer.write_sources([SourceRow(file="x", sha256="", kind=kind, events=1)])
    found = told(model, [tmp_path / "in.h5"], tmp_path / "out.h5")
    assert len(found) == bool(said) and all(said in text for text in found)


def test_a_raw_file_is_of_the_current_version(results, tmp_path):
    model = Model(results / "model", threads=1)
    model.content["data"] |= {"data_model_version": 1, "sources": [{"kind": "corsika7"}], "ranges": {}}
    raw = write_corsika(tmp_path / "DAT000001", [Shower(particles=random_rows(300, seed=1))])
    (said,) = told(model, [raw], tmp_path / "out.h5")
    assert "neutrinos do not count in its images (data model version 2)" in said


@pytest.mark.parametrize("how", ["path", "symlink", "hard link", "copy"])
def test_an_input_that_is_given_twice_is_refused(results, model, tmp_path, capsys, how):
    raw = write_corsika(tmp_path / "DAT000001", [Shower(particles=random_rows(300, seed=1))])
    other = tmp_path / "sub/../DAT000001" if how == "path" else tmp_path / "other"
    (tmp_path / "sub").mkdir()
    {"path": lambda: None, "symlink": lambda: other.symlink_to(raw), "hard link": lambda: os.link(raw, other),
     "copy": lambda: shutil.copy(raw, other)}[how]()  # fmt: skip
    command = ["predict", str(results / "model"), str(raw), str(other), "-o", str(tmp_path / "out.h5")]
    assert main(command) == 1
    message = capsys.readouterr().err
    assert f"{other}: is " in message and "its showers would be there twice; give it once" in message
    assert not (tmp_path / "out.h5").exists()
    assert main([*command, "--on-error", "skip"]) == 3
    assert len(read(tmp_path / "out.h5")["probability"]) == 1


def test_bad_inputs_are_skipped_and_listed_if_asked(results, tmp_path, capsys, monkeypatch):
    """The bad one breaks after showers that were good, and predicted already: they go with it."""
    monkeypatch.setattr(projection, "BLOCK_BYTES", 1)
    good = [
        write_corsika(tmp_path / f"DAT{n}", [Shower(particles=random_rows(300, seed=n))] * 2, run=n) for n in (1, 3)
    ]
    whole = write_corsika(tmp_path / "DAT2", [Shower(particles=random_rows(9000, seed=5))] * 3, run=2).read_bytes()
    (tmp_path / "DAT2").write_bytes(whole[: len(whole) - 60_000])
    output, inputs = tmp_path / "out.h5", [str(good[0]), str(tmp_path / "DAT2"), str(good[1])]
    command = ["predict", str(results / "model"), *inputs, "-o", str(output)]
    assert main(command) == 1 and not output.exists()
    capsys.readouterr()
    assert main([*command, "--on-error", "skip"]) == 3
    said = capsys.readouterr()
    assert "cascada predict: skipped: " in said.err and f"{tmp_path}/DAT2: " in said.err
    assert "probabilities of 4 showers" in said.out and f"1 input(s) skipped: {tmp_path}/out.skipped.tsv" in said.out
    found = read(output)
    assert found["run"].tolist() == [1, 1, 3, 3] and found["source"].tolist() == [0, 0, 1, 1]
    assert [row["file"] for row in found["sources"]] == [b"DAT1", b"DAT3"]
    (row,) = found["skipped"]
    assert row["file"] == b"DAT2" and b"truncated" in row["reason"]
    header, line = (tmp_path / "out.skipped.tsv").read_text().splitlines()
    assert header == "file\tkind\treason" and line.startswith("DAT2\t") and "truncated" in line
    assert main([*command[:2], inputs[0], "-o", str(output), "--force", "--on-error", "skip"]) == 0
    assert not (tmp_path / "out.skipped.tsv").exists() and "skipped" not in read(output)


def test_where_every_input_is_skipped_there_is_no_output(results, tmp_path, capsys):
    (tmp_path / "DAT1").write_text("no showers")
    command = ["predict", str(results / "model"), str(tmp_path / "DAT1"), "-o", str(tmp_path / "out.h5")]
    assert main([*command, "--on-error", "skip"]) == 1
    assert "every input was skipped" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["DAT1"]


MEMORY = """
import sys
from pathlib import Path
import numpy as np, psutil
from cascada.data.format import Header, create, new_events
from cascada.export.predict import Model, predict
model, folder = Model(sys.argv[1], threads=1), Path(sys.argv[2])
def peak(number):
    with create(folder / "in.h5", Header()) as writer:
        for _ in range(number // 500):
            writer.append(np.ones((500, 1, 80, 80), np.float32), new_events(500))
        writer.write_sources([])
    predict(model, [folder / "in.h5"], folder / "out.h5")
    return psutil.Process().memory_info().rss / 1e6
peak(500)
print(peak(4000) - peak(1000))
"""


def test_memory_does_not_grow_with_the_input(results, tmp_path):
    """3,000 more showers are 77 MB of images."""
    command = [sys.executable, "-c", MEMORY, str(results / "model"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 30
