"""Which states of trials stay once the best is chosen."""

from pathlib import Path

import pytest

from cascada.core.errors import CascadaError
from cascada.core.files import read_json, write_json
from cascada.selection import storage
from cascada.training import resume


@pytest.fixture
def results(tmp_path):
    for name in (
        "a-1/seed-1/epochs-2",
        "a-1/seed-1/epochs-4",
        "a-1/seed-2/epochs-4",
        "b-2/seed-1/epochs-4",
        "c-3/seed-1/epochs-2",
    ):
        folder = tmp_path / "trials" / name
        folder.mkdir(parents=True)
        for file in ("state.pt", "checkpoint.pt", "metrics.json", "scores.npy"):
            (folder / file).write_bytes(b"1234")
    write_json(tmp_path / "best.json", {"configuration": "a-1"})
    return tmp_path


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        ("all", ["a-1/seed-1/epochs-4", "a-1/seed-2/epochs-4", "b-2/seed-1/epochs-4"]),
        ("best", ["a-1/seed-1/epochs-4", "a-1/seed-2/epochs-4"]),
    ],
)
def test_states_of_shorter_budgets_go_and_with_best_those_of_all_others(results, keep, left):
    compared = sorted(results.glob("trials/*/*/epochs-4/metrics.json"))
    others = {path for path in results.glob("trials/*/*/*/*") if path.name != "state.pt"}
    content = storage.tidy(results, compared, results / "best.json", keep, results / "storage.json")
    found = sorted(str(path.parent.relative_to(results / "trials")) for path in results.glob("trials/*/*/*/state.pt"))
    assert found == left
    assert content["removed"] == {"files": 5 - len(left), "bytes": 4 * (5 - len(left))}
    assert content["left"]["files"] == len(left) and read_json(results / "storage.json") == content
    assert {path for path in results.glob("trials/*/*/*/*") if path.name != "state.pt"} == others


def test_an_unknown_word_removes_nothing():
    with pytest.raises(CascadaError, match=r"training\.keep: 'some' given, allowed are \['all', 'best'\]"):
        storage.is_kept(Path("trials/a-1/seed-1/epochs-2"), set(), "a-1", "some")


def test_the_state_has_the_name_that_training_gives_it():
    assert storage.STATE == resume.STATE
