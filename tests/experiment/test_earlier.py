"""Earlier trials as plans read them, from the results of an earlier release and from folders that a search is writing."""

import json
import tarfile
from pathlib import Path

import pytest

from cascada.experiment import earlier

RELEASE = Path(__file__).parents[1] / "releases/cfd9df6.tar.xz"
TRIAL = {"model": "lenet", "device": "cpu", "wall_seconds": 12.0, "training_seconds": 10.0, "samples_per_second": 100.0}
CONFIG = {
    "experiment": "demo",
    "data": {
        "sources": {"a": {"kind": "surrogate", "showers": {"proton": 500, "iron": 500}}},
        "split": {"validation": 0.2, "test": 0.2},
    },
    "search": {"seeds": [1, 2]},
}


def write(results, experiment, name, **content):
    folder = results / experiment / "trials" / name / "seed-1/epochs-2"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(TRIAL | content))
    return folder / "metrics.json"


def test_the_trials_of_a_release_are_read(tmp_path):
    with tarfile.open(RELEASE) as archive:
        archive.extractall(tmp_path, filter="data")
    found = list(earlier.trials(tmp_path / "results"))
    assert {one["model"] for one in found} >= {"lenet"} and all(one["megabytes"] > 0 for one in found)
    assert list(earlier.some_trials(tmp_path / "results", ["lenet"])) == [o for o in found if o["model"] == "lenet"]


def test_a_dry_run_looks_at_some_of_many(tmp_path):
    for number in range(100):
        write(tmp_path, "old", f"lenet-{number:08x}", number=number)
    write(tmp_path, "old", "cae-00000000", model="cae")
    found = list(earlier.some_trials(tmp_path, ["lenet"]))
    assert [one["number"] for one in found] == list(range(0, 100, 5))  # spread over all
    assert {one["model"] for one in earlier.some_trials(tmp_path, ["lenet", "cae"])} == {"lenet", "cae"}
    assert len(list(earlier.trials(tmp_path))) == 101


def test_what_cannot_be_read_is_passed_over(tmp_path):
    write(tmp_path, "old", "lenet-00000000").write_text('{"model": "lenet"')
    write(tmp_path, "old", "lenet-00000001").write_text('{"model": "lenet"}')  # of another program
    write(tmp_path, "old", "lenet-00000002").write_text("[]")
    assert list(earlier.some_trials(tmp_path, ["lenet"])) == list(earlier.trials(tmp_path)) == []


def test_the_line_counts_what_is_known_or_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "results", "old", "lenet-00000000", wall_seconds=10.0)
    text = earlier.line(CONFIG, ["lenet"] * 3, {}, [4])
    minutes = 3 * 2 * 4 * 600 / 100 / 60  # configurations, seeds, epochs, showers, showers per second
    assert text.startswith(f"The search: 3 configurations, 6 trainings, 24 epochs; {minutes:.0f} min on cpu")
    asked = {"models": {"lenet": {"samples": 8}, "cae": {"samples": 1}}}
    assert earlier.line(CONFIG, [], asked, [1, 4]).startswith("The search: 9 configurations, at most 24 trainings")
    assert "time unknown" in earlier.line(CONFIG, [], asked, [1, 4])  # no cae has run


@pytest.mark.parametrize("kind", ["surrogate", "corsika7"])
def test_showers_of_raw_files_are_known_after_the_merge(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    source = {"kind": kind, "showers": {"proton": 500, "iron": 500}}
    config = CONFIG | {"data": CONFIG["data"] | {"sources": {"a": source}}}
    assert earlier.showers(config) == (600 if kind == "surrogate" else None)
    (tmp_path / "results/demo/dataset").mkdir(parents=True)
    (tmp_path / "results/demo/dataset/summary.json").write_text(
        json.dumps({"counts": {"train": {"proton": 7, "iron": 8}}})
    )
    assert earlier.showers(config) == (600 if kind == "surrogate" else 15)
