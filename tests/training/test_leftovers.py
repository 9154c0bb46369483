"""An attempt that was killed at its very end, just before or just after it renamed resume.pt to state.pt: no epoch is trained twice."""

import json
from pathlib import Path

import pytest
import trials

from cascada.core.files import sha256
from cascada.training import attempts
from cascada.training.failures import recorded
from cascada.training.leftovers import settle
from cascada.training.resume import locked
from cascada.training.trial import Machine, Trial, train

DECLARED = ("metrics.json", "history.tsv", "checkpoint.pt")


def trial(folder: Path, data: Path, epochs: int) -> Trial:
    plain = trials.specification(folder, data, epochs=epochs) | {"folder": str(folder / f"epochs-{epochs}")}
    return Trial.of(**(plain | {name: Path(plain[name]) for name in ("data", "folder", "tensorboard")}))


def run(one: Trial) -> list[str]:
    """Train as the rule's script does; what was said."""
    said: list[str] = []
    with recorded(one, "stop"):
        train(one, Machine(device="cpu"), said.append)
    return said


def epochs_of(said: list[str]) -> list[int]:
    return [int(line.split()[1].partition("/")[0]) for line in said if line.startswith("epoch ")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data):
    """Four epochs in one piece."""
    one = trial(tmp_path_factory.mktemp("whole"), data, 4)
    run(one)
    return one.folder


@pytest.fixture
def short(tmp_path, data):
    """Two epochs, done."""
    one = trial(tmp_path, data, 2)
    run(one)
    return one


def test_a_longer_budget_goes_on_from_a_trial_that_was_killed_before_the_rename(short, whole, tmp_path, data):
    (short.folder / "state.pt").rename(short.folder / "resume.pt")
    longer = trial(tmp_path, data, 4)
    assert epochs_of(run(longer)) == [3, 4]
    assert sha256(longer.folder / "checkpoint.pt") == sha256(whole / "checkpoint.pt")
    assert (short.folder / "state.pt").exists() and not (short.folder / "resume.pt").exists()


def test_a_trial_that_was_killed_before_it_was_recorded_writes_its_outputs_again(short):
    before = sha256(short.folder / "checkpoint.pt"), sha256(short.folder / "scores.npy")
    for name in DECLARED:  # as Snakemake does
        (short.folder / name).unlink()
    assert epochs_of(run(short)) == []
    assert (sha256(short.folder / "checkpoint.pt"), sha256(short.folder / "scores.npy")) == before
    assert (short.folder / "state.pt").exists() and not (short.folder / "resume.pt").exists()
    first, second = attempts.read(short.folder)
    assert (first["epochs"], second["epochs"], second["first_epoch"]) == (2, 0, 3)
    assert json.loads((short.folder / "metrics.json").read_text())["status"] == "completed"


@pytest.mark.parametrize("change", ["versions", "reason"])
def test_what_another_library_or_a_failed_attempt_left_is_trained_again(short, change):
    line = attempts.read(short.folder)[-1]
    other = {"versions": line["versions"] | {"torch": "1.0"}, "reason": "failed: OSError"}[change]
    (short.folder / attempts.NAME).write_text(json.dumps(line | {change: other}) + "\n")
    (short.folder / "metrics.json").unlink()
    assert epochs_of(run(short)) == [1, 2]


def test_a_trial_that_another_process_trains_is_left_alone(short, tmp_path, data):
    (short.folder / "state.pt").rename(short.folder / "resume.pt")
    with locked(short.folder / "trial.lock"):
        settle(trial(tmp_path, data, 4))
    assert (short.folder / "resume.pt").exists()


def test_a_trial_that_is_not_done_keeps_its_resume_file(short, tmp_path, data):
    (short.folder / "state.pt").rename(short.folder / "resume.pt")
    (short.folder / "metrics.json").unlink()
    settle(trial(tmp_path, data, 4))
    assert (short.folder / "resume.pt").exists()
