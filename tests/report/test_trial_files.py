"""What `cascada status` finds with few calls of the file system is what pathlib finds."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.finished import write_search
from cascada.cli import main
from cascada.core import paths
from cascada.report.progress import trial_files
from cascada.statistics.names import METRICS


def test_folders_and_logs_are_those_of_the_patterns(tmp_path):
    for name in ("lenet-00000001/seed-10/epochs-2", "lenet-00000001/seed-2/epochs-18", "cae-0000000a/seed-1/epochs-2"):
        (tmp_path / "trials" / name).mkdir(parents=True)
        log = paths.training_log(tmp_path, *paths.trial_of(tmp_path / "trials" / name))
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    (tmp_path / "trials/lenet-00000001/notes.txt").touch()  # what others leave there is no trial
    (tmp_path / "trials/seed-3").touch()
    (log.parent / "notes.txt").touch()
    found = list(trial_files.folders(tmp_path))
    assert found == sorted(map(str, tmp_path.glob(paths.TRIALS))) and len(found) == 3
    assert [trial_files.trial_of(folder) for folder in found] == [paths.trial_of(Path(folder)) for folder in found]
    assert trial_files.logs(tmp_path) == {
        trial_files.log_of(tmp_path, *trial_files.trial_of(folder)) for folder in found
    }
    assert trial_files.logs(tmp_path) == {str(path) for path in tmp_path.glob("logs/train/*/*.log")}


def test_what_is_missing_is_empty(tmp_path):
    assert list(trial_files.folders(tmp_path)) == [] and trial_files.logs(tmp_path) == set()
    assert trial_files.read(str(tmp_path / "metrics.json")) is None


def test_the_log_of_a_trial_is_the_workflows():
    assert trial_files.log_of(Path("results/x"), "lenet-0", 3, 16) == str(
        paths.training_log(Path("results/x"), "lenet-0", 3, 16)
    )


def test_the_status_says_of_which_class_a_metric_is(tmp_path, capsys):
    folder = tmp_path / "trials/lenet-00000001/seed-1/epochs-2"
    for path, content in {
        folder / "metrics.json": {"status": "completed", "validation": {"f1": 0.9, "accuracy": 0.8}},
        tmp_path / "dataset/summary.json": {
            "classes": {"proton": 14, "iron": 5626}, "signal": "proton", "counts": {"validation": {"proton": 4, "iron": 4}},
        },
    }.items():  # fmt: skip
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
    assert main(["status", str(tmp_path)]) == 0
    assert "validation f1 (of proton) 0.9000" in capsys.readouterr().out
    assert main(["status", str(tmp_path), "--metric", "accuracy"]) == 0
    assert "validation accuracy 0.8000" in capsys.readouterr().out
    assert main(["status", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["meanings"]["f1"] == " (of proton)"


COUNTED = """
import collections, json, sys
counts = collections.Counter()
def seen(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith("results"):
        counts[event.removeprefix("os.")] += 1
sys.addaudithook(seen)
from cascada.cli import main
status = main(["status", "results/some", "--json"])
heavy = {"numpy", "torch", "pandas", "h5py", "scipy", "yaml", "rich", "prometheus_client"} & set(sys.modules)
print(json.dumps([status, counts, sorted(heavy)]), file=sys.stderr)
"""


def test_each_file_is_opened_once_and_nothing_heavy_is_imported(tmp_path):
    """What decides how long ten thousand trials take: a file of each trial, each record of the search once, and no library."""
    write_search(tmp_path / "results/some", 9)  # rungs of 9, 3 and 1
    done = subprocess.run([sys.executable, "-c", COUNTED], cwd=tmp_path, capture_output=True, text=True, check=True)
    status, counts, heavy = json.loads(done.stderr)
    assert json.loads(done.stdout)["counts"]["completed"] == 13
    assert status == 0 and heavy == []
    records = 3  # search.json, rung-2.json, rung-3.json
    summary = 1 + len(METRICS)  # its classes once, its number of showers for the best by each metric
    assert counts["open"] == 13 + records + summary
    assert counts["listdir"] == 2 + 3 * 9  # trials, logs/train, and of each configuration its seeds, epochs and logs
    assert counts.get("scandir", 0) <= 1  # batches
