"""What a stream leaves: nothing that was answered is lost while the disk is full or away."""

import h5py
import numpy as np
import pytest

from cascada.serving.stream import sink as sinks
from cascada.serving.stream.messages import Sent
from cascada.serving.stream.sink import Sink


def add(sink, numbers, now):
    for number in numbers:
        sink.add(Sent("a", number, 1.5, {}), np.array([0.25, 0.75], np.float32), "1.0.0", now)


def written(folder):
    found = []
    for path in sorted(folder.glob("*.h5")):
        with h5py.File(path) as file:
            assert np.array_equal(file["probability"][0], [0.25, 0.75]) and file["model"][0] == b"1.0.0"
            found += file["sequence"][:].tolist()
    return found


@pytest.fixture
def made(tmp_path):
    """A function that makes a sink and the list of what it says."""

    def make(may_lose=True):
        said = []
        return Sink(tmp_path / "answers", ("iron", "proton"), 1.0, may_lose, said.append), said

    return make


def test_a_segment_ends_when_it_is_old_or_full_and_counting_goes_on(made, monkeypatch):
    monkeypatch.setattr(sinks, "ROWS", 3)
    sink, said = made()
    add(sink, range(4), now=0)
    assert written(sink.folder) == [0, 1, 2] and sink.unwritten == 1
    sink.tick(0.9)
    assert sink.unwritten == 1
    sink.tick(1.1)
    assert written(sink.folder) == [0, 1, 2, 3]
    again, _ = made()
    add(again, [4], now=0)
    assert again.flush() and [path.name for path in sorted(sink.folder.iterdir())] == [
        f"answers-{number:06d}.h5" for number in (1, 2, 3)
    ]
    assert not said


def test_what_cannot_be_written_is_kept_told_once_and_written_later(made, monkeypatch):
    monkeypatch.setattr(sinks, "ROWS", 3)
    sink, said = made()
    add(sink, range(3), now=0)
    away = sink.folder.rename(sink.folder.with_name("away"))
    sink.folder.touch()  # as if another disk were mounted in its place
    add(sink, range(3, 10), now=1)
    sink.tick(sinks.AGAIN)
    assert sink.unwritten == 7 and len(said) == 1 and "answers cannot be written (" in said[0]
    sink.folder.unlink()
    away.rename(sink.folder)
    sink.tick(1 + sinks.AGAIN)
    assert written(sink.folder) == list(range(10)) and sink.unwritten == sink.lost == 0 and not sink.trouble
    assert said[1:] == [f"{sink.folder}: answers are written again, 0 were lost"]


@pytest.mark.parametrize("may_lose", [True, False])
def test_no_more_are_kept_than_memory_allows(made, monkeypatch, may_lose):
    monkeypatch.setattr(sinks, "KEPT", 5)
    sink, said = made(may_lose)
    sink.folder.rmdir()
    sink.folder.touch()
    add(sink, range(8), now=0)
    assert sink.full and not sink.flush() and ("are let go" if may_lose else "the stations wait") in said[0]
    sink.folder.unlink()
    assert sink.flush()
    assert written(sink.folder) == list(range(3 if may_lose else 0, 8)) and sink.lost == (3 if may_lose else 0)
