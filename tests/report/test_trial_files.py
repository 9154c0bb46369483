"""What `cascada status` finds with few calls of the file system is what pathlib finds."""

from pathlib import Path

from cascada.core import paths
from cascada.report import trial_files


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
