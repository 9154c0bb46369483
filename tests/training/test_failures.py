"""What a trial that fails leaves: an error, a job that is killed again and again, and what is not the trial's fault."""

import csv
import json
import os
import signal

import pytest
import torch
import trials
from showers import small_dataset

from cascada.core.errors import ConfigError, DataError
from cascada.training import failures
from cascada.training.settings import Trial
from cascada.training.trial import Machine, train

TOO_LARGE = {"channels": [1000, 10**12]}  # 100 petabytes of weights: more than there are addresses


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("data"), showers=80)[0]


def make(tmp_path, data, **changes):
    plain = trials.specification(tmp_path, data, **changes)
    paths = {name: type(tmp_path)(plain[name]) for name in ("data", "folder", "tensorboard")}
    return Trial.of(**(plain | paths))


def run(trial, on_failure, said=None):
    with failures.recorded(trial, on_failure, said.append if said is not None else print) as wanted:
        if wanted:
            train(trial, Machine(device="cpu"), lambda text: None)


def test_an_error_ends_the_trial_as_failed(tmp_path, data):
    said, trial = [], make(tmp_path, data, hyperparameters=TOO_LARGE)
    run(trial, "record", said)
    found = json.loads((trial.folder / "metrics.json").read_text())
    assert found["status"] == "failed" and found["configuration"] == trial.configuration and found["seed"] == 7
    assert found["reason"].startswith("RuntimeError: ") and found["reason"] in said[0]
    assert set(found["validation"].values()) == {None}
    assert torch.load(trial.folder / "checkpoint.pt", weights_only=True) == {"failed": found["reason"]}
    assert list(csv.DictReader((trial.folder / "history.tsv").open(), delimiter="\t")) == []


def test_without_the_setting_it_is_an_error(tmp_path, data):
    trial = make(tmp_path, data, hyperparameters=TOO_LARGE)
    with pytest.raises(RuntimeError):
        run(trial, "stop")
    assert not (trial.folder / "metrics.json").exists() and not (trial.folder / failures.STARTS).exists()


@pytest.mark.parametrize(
    "error", [ConfigError("x"), DataError("x"), OSError(28, "No space left on device"), SystemExit(1)]
)
def test_what_says_nothing_of_the_trial_is_not_recorded(tmp_path, data, error):
    trial = make(tmp_path, data)
    with pytest.raises(type(error)), failures.recorded(trial, "record"):
        raise error
    assert not (trial.folder / "metrics.json").exists()


def test_a_trial_whose_last_allocation_ends_is_recorded_and_can_go_on(tmp_path, data, monkeypatch):
    """The warning of a time limit (SIGUSR2) while a restart is left is an interruption as any other."""
    said, trial = [], make(tmp_path, data, epochs=2)

    def warned(text):
        if text.startswith("epoch 1/"):
            os.kill(os.getpid(), signal.SIGUSR2)

    def attempt():
        with failures.recorded(trial, "record", said.append):
            train(trial, Machine(device="cpu"), warned)

    monkeypatch.setenv(failures.REQUEUES_LEFT_VARIABLE, "1")
    with pytest.raises(SystemExit):
        attempt()
    assert not (trial.folder / "metrics.json").exists() and not said
    monkeypatch.setenv(failures.REQUEUES_LEFT_VARIABLE, "0")
    (trial.folder / "resume.pt").unlink()
    attempt()
    found = json.loads((trial.folder / "metrics.json").read_text())
    assert found["status"] == "failed" and "out of time" in found["reason"]
    assert "signal SIGUSR2: saved at epoch 2" in found["reason"]
    assert (trial.folder / "resume.pt").exists(), "tried again, it goes on from there"


def test_a_trial_that_ends_well_is_as_without_the_setting(tmp_path, data):
    trial = make(tmp_path, data, epochs=1)
    run(trial, "record")
    assert json.loads((trial.folder / "metrics.json").read_text())["status"] == "completed"
    assert not (trial.folder / failures.STARTS).exists()


def kill(tmp_path, data, trial, line):
    """Train in another process as rule `train` does, and kill it once it has said a line that begins so."""
    failures.count_start(trial.folder)
    process = trials.start(trials.specification(tmp_path, data, epochs=500))
    for said in process.stdout:
        if said.startswith(line):
            break
    process.kill()
    process.communicate(timeout=60)


def test_a_trial_that_is_killed_again_and_again_is_recorded(tmp_path, data):
    trial, said = make(tmp_path, data, epochs=500), []
    trial.folder.mkdir(parents=True)
    kill(tmp_path, data, trial, "epoch 2/")  # as far as it comes
    starts = [failures.count_start(trial.folder) for _ in range(3)]  # killed before they did anything
    assert starts == [1, 2, 3]
    run(trial, "record", said)
    assert json.loads((trial.folder / "metrics.json").read_text())["status"] == "failed"
    assert "killed from outside: 3 starts without one more epoch" in said[0]


def test_an_epoch_more_or_a_saved_attempt_begins_the_count_anew(tmp_path):
    write = lambda **content: (tmp_path / "progress.json").write_text(json.dumps(content))  # noqa: E731
    assert [failures.count_start(tmp_path) for _ in range(2)] == [1, 2]
    write(status="running", epoch=1, time=1.0)
    assert failures.count_start(tmp_path) == 3
    write(status="running", epoch=2, time=2.0)
    assert [failures.count_start(tmp_path) for _ in range(2)] == [1, 2]
    write(status="saved", epoch=2, time=3.0)
    assert failures.count_start(tmp_path) == 1
    write(status="saved", epoch=2, time=4.0)
    assert failures.count_start(tmp_path) == 1
    (tmp_path / failures.STARTS).write_text("{")
    assert failures.count_start(tmp_path) == 1
