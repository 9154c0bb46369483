"""Files of showers as such: versions, and the one check on opening."""

import h5py
import numpy as np

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
