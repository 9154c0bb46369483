"""Inputs that cannot be used, or that the model was not made for: refused, skipped or said."""

import os
import shutil

import h5py
import numpy as np
import pytest
from corsika_writer import Shower, random_rows, write_corsika
from exports import read

from cascada.cli import main
from cascada.core.errors import DataError
from cascada.data import projection
from cascada.data.format import EVENTS, Header, SourceRow, create, new_events
from cascada.export.predict import Model, predict


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
        (lambda folder: showers(folder / "muons.h5", ("muons",)), "the model needs the channels \\['energy'\\]"),
        (lambda folder: showers(folder / "nan.h5", value=np.nan), "image 1 holds a value that is not finite"),
        (lambda folder: showers(folder / "infinite.h5", value=np.inf), "image 1 holds a value that is not finite"),
        (lambda folder: showers(folder / "large.h5", value=1e38), "image 1 holds a value that is above 3e\\+12"),
        (lambda folder: showers(folder / "negative.h5", value=-1), "image 1 holds a value that is negative"),
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
    with create(tmp_path / "odd.h5", Header()) as writer:
        writer.append(images, events)
        writer.write_sources([SourceRow(file="x", sha256="", kind="corsika7", events=6)])
    blank, energies, zeniths = told(model, [tmp_path / "odd.h5"], tmp_path / "out.h5")
    assert "odd.h5: 2 of 6 images are blank" in blank
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
    assert f"{other}: is " in message and "its showers would occur twice; give it once" in message
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
