"""Predicting with an exported folder: every kind of input, and the file that comes out."""

import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from corsika_writer import Shower, random_rows, write_corsika
from exports import read
from showers import small_shard

from cascada.cli import main
from cascada.core.errors import DataError
from cascada.data.format import EVENTS, IMAGES, PROTON, Header, SourceRow, create
from cascada.export import prediction_inputs
from cascada.export.predict import Model, predict


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
    with pytest.raises(DataError, match=r"not an exported model \(model.json is missing\)"):
        Model(tmp_path)
    content = (results / "model/model.json").read_text()
    (tmp_path / "model.json").write_text(content.replace('"format": 2', '"format": 99'))
    with pytest.raises(DataError, match="expected format 1 or 2, got 99"):
        Model(tmp_path)
    (tmp_path / "model.json").write_text(content)
    (tmp_path / "model.onnx").write_bytes((results / "model/model.onnx").read_bytes()[:1000])
    with pytest.raises(DataError, match="not a readable model"):
        Model(tmp_path)


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
