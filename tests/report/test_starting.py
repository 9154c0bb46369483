"""A trial that is just starting is not said to have been lost; one that failed to start is, from its log's last line on."""

import io
import json
import os

import pytest

from cascada.core import paths
from cascada.report.progress import status

NAME, NOW = ("lenet-0123abcd", 1, 2), 10_000.0


@pytest.fixture
def results(tmp_path):
    (tmp_path / "trials/lenet-0123abcd/seed-1/epochs-2").mkdir(parents=True)
    (tmp_path / "search").mkdir()
    (tmp_path / "search/configurations.tsv").write_text("configuration\tmodel\tseeds\nlenet-0123abcd\tlenet\t1\n")
    return tmp_path


def leave(results, age, text="", progress=None, ended=None):
    """A log that was last written so many seconds ago, and what an earlier attempt left: words of so many seconds ago."""
    log, folder = paths.training_log(results, *NAME), results / "trials/lenet-0123abcd/seed-1/epochs-2"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)
    os.utime(log, (NOW - age, NOW - age))
    if progress:
        state, ago = progress
        content = {"status": state, "time": NOW - ago, "epoch": 1, "step": 1, "steps": 2}
        (folder / "progress.json").write_text(json.dumps(content))
    if ended is not None:
        (folder / "attempts.jsonl").write_text(json.dumps({"started": 0, "ended": NOW - ended}) + "\n")
    return str(log)


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ("starting", {"age": 5}),
        ("starting", {"age": 5, "text": "resuming at epoch 1, batch 3 from resume.pt\n"}),
        ("starting", {"age": 5, "progress": ("running", 900), "ended": 900}),  # killed, and started again
        ("starting", {"age": 5, "progress": ("saved", 20), "ended": 19}),
        ("running", {"age": 5, "progress": ("running", 6)}),  # it logs an epoch after it has told of it
        ("saved", {"age": 20, "progress": ("saved", 18), "ended": 17}),
        ("silent", {"age": 200, "progress": ("running", 200)}),
        (None, {"age": 200}),  # a start that takes too long to be one
        (None, {"age": 5, "text": "train: Device 'cuda' given, but no GPU is visible.\n"}),
        (None, {"age": 5, "ended": 4}),  # an error that is no user's, which the log does not have
    ],
)
def test_a_start_is_told_from_an_end(results, state, left):
    log = leave(results, **left)
    found = status.collect(results, now=NOW)
    assert [trial.state for trial in found.trials] == ([state] if state else [])
    assert found.counts["waiting"] == (0 if state else 1)
    assert found.failures == ([log] if state in (None, "silent") else [])


def test_a_folder_without_a_log_is_a_start_while_it_is_young(results):
    folder = results / "trials/lenet-0123abcd/seed-1/epochs-2"
    os.utime(folder, (NOW - 5, NOW - 5))
    assert status.collect(results, now=NOW).counts["starting"] == 1
    assert status.collect(results, now=NOW + 200).counts["starting"] == 0


def test_a_start_stands_in_the_table_and_in_the_count(results):
    (results / "search/search.json").write_text(
        json.dumps({"configurations": 2, "budgets": [2], "seeds": [1], "rescore": None})
    )
    leave(results, 5)
    found = status.collect(results, now=NOW)
    assert found.counts["starting"] == found.counts["waiting"] == 1
    from rich.console import Console

    console = Console(width=160, record=True, file=io.StringIO())
    console.print(status.render(found))
    text = console.export_text()
    assert "starting 1" in text and "lenet-0123abcd seed 1  starting" in text and "no result" not in text
