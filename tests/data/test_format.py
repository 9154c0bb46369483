"""Files of showers as such: versions, and the one check on opening."""

import h5py
import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.data import format as showers_format
from cascada.data.format import EVENT_DTYPE, EVENTS, Header, SourceRow, create, new_events, open_showers, read_events

VERSION_1 = [name for name in EVENT_DTYPE.names if name not in ("run", "event")]


def write_showers(path, number=3, channels=("energy",), version=2):
    """Write a small file of showers, of any readable version."""
    events = new_events(number)
    events["primary"], events["true_energy"], events["zenith"] = 14, 3000, 0.5
    events["run"], events["event"] = 37, 1 + np.arange(number)
    with create(path, Header(channels=channels)) as writer:
        writer.append(np.ones((number, len(channels), 80, 80), np.float32), events)
        writer.write_sources([SourceRow(file="DAT000037", sha256="", kind="corsika7", events=number)])
    if version == 1:
        with h5py.File(path, "a") as file:
            del file[EVENTS]
            file[EVENTS] = events[VERSION_1]
            file.attrs["data_model_version"] = 1
    return path


def test_a_file_of_version_2_keeps_the_numbers_of_run_and_shower(tmp_path):
    with open_showers(write_showers(tmp_path / "s.h5")) as file:
        assert file.attrs["data_model_version"] == showers_format.DATA_MODEL_VERSION == 2
        events = read_events(file)
    assert events["run"].tolist() == [37] * 3 and events["event"].tolist() == [1, 2, 3]


def test_a_file_of_version_1_gives_the_same_columns_with_unknown_numbers(tmp_path):
    with open_showers(write_showers(tmp_path / "s.h5", version=1)) as file:
        assert file[EVENTS].dtype.names == tuple(VERSION_1)
        events, some = read_events(file), read_events(file, slice(1, 3))
    assert events.dtype == some.dtype == EVENT_DTYPE
    assert events["run"].tolist() == events["event"].tolist() == [-1] * 3
    assert events["true_energy"].tolist() == [3000] * 3 and some["event_id"].tolist() == [1, 2]


def damage(file: h5py.File, how: str) -> None:
    """Change a file of three showers in one way."""
    replaced = {
        "images float64": ("images", np.ones((3, 1, 80, 80))),
        "images of 64 cells": ("images", np.ones((3, 1, 64, 64), np.float32)),
        "images without channel": ("images", np.ones((3, 80, 80), np.float32)),
        "fewer images": ("images", np.ones((2, 1, 80, 80), np.float32)),
        "events no table": ("events", np.ones(3)),
        "sources no table": ("sources", np.ones(1)),
    }
    if how in replaced:
        name, values = replaced[how]
        channels = file["images"].attrs["channels"]
        del file[name]
        file[name] = values
        file["images"].attrs["channels"] = channels
    if how.startswith("no "):
        del file[how[3:]]
    if how.startswith("without "):
        column = how[8:]
        name = "sources" if column == "sha256" else "events"
        table = file[name][:]
        del file[name]
        file[name] = table[[one for one in table.dtype.names if one != column]]
    if how == "energies as float64":
        table = file["events"][:]
        del file["events"]
        types = [(name, "<f8" if name == "true_energy" else table.dtype[name]) for name in table.dtype.names]
        file["events"] = table.astype(types)
    attributes = {
        "version 3": ("data_model_version", 3),
        "version text": ("data_model_version", "two"),
        "versions": ("data_model_version", [1, 2]),
        "altitude NaN": ("observation_altitude", np.nan),
        "altitude text": ("observation_altitude", "5200 m"),
        "role": ("role", "validation"),
        "classes": ("classes", 7),
        "left_out": ("left_out", "{"),
    }
    if how in attributes:
        name, value = attributes[how]
        file.attrs[name] = value
    channels = {"two channels": ["energy", "muons"], "channel twice": ["energy", "energy"], "channel number": [1]}
    if how in channels:
        file["images"].attrs["channels"] = channels[how]
    for name in ("data_model_version", "observation_altitude", "role", "classes"):
        if how == f"{name} missing":
            del file.attrs[name]
    if how == "channels missing":
        del file["images"].attrs["channels"]
    values = {"energy 0": ("true_energy", 0), "energy NaN": ("true_energy", np.nan), "zenith": ("zenith", 45)}
    values |= {"muons": ("muons", -1), "source": ("source", 1), "label": ("label", 0), "split": ("split", 3)}
    if how in values:
        name, value = values[how]
        table = file["events"][:]
        table[name][1] = value
        file["events"][:] = table
    if how == "virtual":
        layout = h5py.VirtualLayout((3, 1, 80, 80), "<f4")
        layout[:] = h5py.VirtualSource("shard.h5", "images", (3, 1, 80, 80))
        del file["images"]
        file.create_virtual_dataset("images", layout).attrs["channels"] = ["energy"]
    if how == "bytes that are no text":
        table = file["sources"][:]
        table["file"][0] = b"DAT\xff\x98"
        file["sources"][:] = table
    if how == "never written":
        del file["images"]
        file.create_dataset("images", (3, 1, 80, 80), "<f4", chunks=(1, 1, 80, 80)).attrs["channels"] = ["energy"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no images", r"\['images'\] missing, data model 2 needs"),
        ("no events", r"\['events'\] missing, data model 2 needs"),
        ("no sources", r"\['sources'\] missing, data model 2 needs"),
        ("images float64", r"images: float64 \(3, 1, 80, 80\) given, expected float32 \(N, channels, 80, 80\)"),
        ("images of 64 cells", r"images: float32 \(3, 1, 64, 64\) given, expected"),
        ("images without channel", r"images: float32 \(3, 80, 80\) given, expected"),
        ("fewer images", "3 rows in events, but 2 images; expected as many"),
        ("events no table", r"events: float64 \(3,\) given, expected a table of \['event_id', 'source'"),
        ("sources no table", r"sources: float64 \(1,\) given, expected a table of \['file', 'sha256'"),
        ("without true_energy", "events: column true_energy is missing, expected float32"),
        ("without run", "events: column run is missing, expected int64"),
        ("without sha256", "sources: column sha256 is missing, expected a text"),
        ("energies as float64", "events: column true_energy is float64, expected float32"),
        ("version 3", r"data model version 3 given, this cascada reads \[1, 2\]; convert the raw files again"),
        ("version text", "data model version two given, this cascada reads"),
        ("versions", r"data model version \[1 2\] given, this cascada reads"),
        ("data_model_version missing", "data model version None given"),
        ("altitude NaN", "attribute `observation_altitude` is .*nan.*, expected a height in m"),
        ("altitude text", "attribute `observation_altitude` is '5200 m', expected a height in m"),
        ("observation_altitude missing", "attribute `observation_altitude` is missing, expected a height"),
        ("role", r"attribute `role` is 'validation', expected one of \['', 'train', 'test'\]"),
        ("role missing", "attribute `role` is missing"),
        ("classes", "attribute `classes` is .*7.*, expected names of classes, none in a shard"),
        ("classes missing", "attribute `classes` is missing, expected names of classes"),
        ("left_out", "attribute `left_out` is '{', expected counts in JSON"),
        ("channels missing", r"images: attribute `channels` is missing, expected the names of 1 channel\(s\)"),
        ("two channels", r"images: attribute `channels` is .*'energy', 'muons'.*expected the names of 1 channel"),
        ("channel twice", "images: attribute `channels` is "),
        ("channel number", "images: attribute `channels` is "),
        ("energy 0", "events: row 1: true_energy is 0, expected a finite energy above 0 GeV"),
        ("energy NaN", "events: row 1: true_energy is nan, expected a finite energy above 0 GeV"),
        ("zenith", "events: row 1: zenith is 45, expected an angle from 0 to π rad"),
        ("muons", "events: row 1: muons is -1, expected a finite number of at least 0"),
        ("source", "events: row 1: source is 1, expected 0 to 0"),
        ("label", "events: row 1: label is 0, expected -1 to -1"),
        ("split", "events: row 1: split is 3, expected -1 to 2"),
        ("bytes that are no text", r"sources: cannot be read \('utf-8' codec"),
        ("virtual", "images: a virtual data set, whose missing parts read as zeros"),
        ("never written", "images: 0 bytes of 76800 are in the file, the others were never written"),
    ],
)
def test_a_file_that_is_not_as_the_data_model_says_is_refused_on_opening(tmp_path, how, message):
    path = write_showers(tmp_path / "s.h5")
    with h5py.File(path, "r+") as file:
        damage(file, how)
    with pytest.raises(DataError, match=f"s.h5: {message}"), open_showers(path):
        pass


def test_a_shower_of_primary_0_is_one_of_which_nothing_is_known(tmp_path):
    with create(tmp_path / "s.h5", Header()) as writer:
        writer.append(np.ones((2, 1, 80, 80), np.float32), new_events(2))
        writer.write_sources([])
    with open_showers(tmp_path / "s.h5") as file:
        assert read_events(file)["true_energy"].tolist() == [0, 0]


def test_a_damaged_image_names_the_file_where_it_is_read(tmp_path):
    path = tmp_path / "s.h5"
    with create(path, Header()) as writer:
        writer.append(np.ones((3, 1, 80, 80), np.float32), new_events(3))
        writer.write_sources([])
    with h5py.File(path, "r+") as file:
        del file["images"]
        data = file.create_dataset("images", (3, 1, 80, 80), "<f4", chunks=(1, 1, 80, 80), compression="gzip")
        data.attrs["channels"] = ["energy"]
        data[:] = np.random.default_rng(1).random((3, 1, 80, 80))
        chunk = data.id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 100] = bytes(100)
    path.write_bytes(content)
    with (
        pytest.raises(DataError, match=r"s.h5: cannot be read to its end \(.*convert the raw files again"),
        open_showers(path) as file,
    ):
        file["images"][1]


def test_errors_that_are_not_the_file_s_pass(tmp_path):
    path = write_showers(tmp_path / "s.h5")
    with pytest.raises(OSError, match="no space"), open_showers(path):
        raise OSError("no space left on device")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("byte", [0x00, 0xFF], ids=["zeros", "ones"])
def test_a_broken_heap_of_texts_is_refused_and_not_read_for_ever(tmp_path, byte):
    path = write_showers(tmp_path / "s.h5")
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 24 : heap + 280] = bytes([byte]) * 256
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"s.h5: its heap of texts is damaged"), open_showers(path):
        pass
