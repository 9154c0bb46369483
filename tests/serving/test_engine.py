"""Which version answers: what cannot be used is refused in a sentence, at the start and while another one answers."""

import shutil

import h5py
import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.core.files import read_json
from cascada.export.folder import FILES, write_description
from cascada.serving.engine import Engine, in_parts, load

NEEDED = [name for name in FILES if name != "model.pt2"]


@pytest.fixture
def folder(model, tmp_path):
    return shutil.copytree(model, tmp_path / "model")


def describe(folder, **changes):
    """Write model.json with changes, and hashes that fit."""
    content = read_json(folder / "model.json")
    for name, change in changes.items():
        content[name] = content[name] | change if isinstance(change, dict) else change
    write_description(folder, content)


def without_known_events(folder):
    with h5py.File(folder / "probe.h5", "a") as file:
        del file["event_id"]
    describe(folder)


def of_other_probabilities(folder):
    with h5py.File(folder / "probe.h5", "a") as file:
        name = next(key for key in file if key.startswith("probabilit"))
        file[name][:] = file[name][:][::-1]
    describe(folder)


SPOILT = {
    "another format": (lambda folder: describe(folder, format=99), "expected format 1 or 2, got 99"),
    "another's channels": (
        lambda folder: describe(folder, input={"channels": ["energy", "muons"], "units": ["GeV", "1"]}),
        "channels",
    ),
    "another's classes": (lambda folder: describe(folder, output={"classes": ["gamma", "proton"]}), "classes"),
    "no hashes": (lambda folder: (folder / "SHA256SUMS").write_text(""), "empty"),
    "a damaged graph": (lambda folder: (folder / "model.onnx").write_bytes(b"damaged"), "model.onnx"),
    "a probe without events": (without_known_events, "cannot be used (KeyError"),
    "other probabilities": (of_other_probabilities, "other probabilities than it records"),
    "a folder of somebody else's": (lambda folder: shutil.rmtree(folder), "not an exported model"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_an_incomplete_folder_is_not_served(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=rf"{folder}.*{'SHA256SUMS' if name == 'SHA256SUMS' else name}"):
        load(folder, 1)


@pytest.mark.parametrize("case", SPOILT)
def test_what_cannot_be_used_is_refused_and_the_present_version_goes_on(folder, case):
    told = []
    engine = Engine(folder, 1, told=lambda outcome, sentence: told.append((outcome, sentence)))
    spoil, word = SPOILT[case]
    spoil(folder)
    before = engine.current
    assert engine.reload() is False
    assert word in engine.trouble and str(folder) in engine.trouble
    assert told == [("refused", f"version {before.number} goes on answering: {engine.trouble}")]
    probabilities, answered = engine.run([np.ones((2, 1, 80, 80), np.float32)])
    assert answered is before and np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [([3], [3]), ([9], [4, 4, 1]), ([1, 1, 1], [3]), ([3, 2], [3, 2]), ([1, 3, 1, 6, 2], [4, 1, 4, 4])],
)
def test_requests_are_computed_in_parts_that_fit_into_the_caches(requests, expected):
    numbers = iter(range(100))
    arrays = [np.array([next(numbers) for _ in range(size)]) for size in requests]
    parts = list(in_parts(arrays, 4))
    assert [len(part) for part in parts] == expected
    assert np.array_equal(np.concatenate(parts), np.arange(sum(requests)))
