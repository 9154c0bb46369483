"""`cascada plan` as a user types it, on the experiments of the repository and the results of an earlier release."""

import json
import tarfile
from pathlib import Path

import pytest
import yaml

from cascada.cli import main

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(ROOT / "tests/releases/cfd9df6.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "results"


def plan(capsys, *arguments):
    status = main(["plan", *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out, output.err


def experiment(folder, **changes):
    content = yaml.safe_load((ROOT / "experiments/smoke.yaml").read_text())
    for place, value in changes.items():
        content[place] = value
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_hours_follow_from_earlier_trials(capsys, results, monkeypatch):
    monkeypatch.chdir(ROOT)
    status, out, _ = plan(capsys, "--configfile", "experiments/smoke.yaml", "--results", results)
    assert status == 0
    assert "smoke: 2 lenet; 1 seed; 88 showers in an epoch" in out
    assert "time on cpu" in out
    assert "on 1 × processor: at most" in out
    assert "trials leave about 10 files" in out


def test_every_flag_shows(capsys, results, monkeypatch):
    monkeypatch.chdir(ROOT)
    arguments = ("--configfile", "experiments/thesis.yaml", "--results", results)
    _, out, _ = plan(capsys, *arguments, "--profile", "slurm")
    assert "60 allocations of up to 4 trainings" in out
    assert "time on cpu: unknown, no trial of cae, resnet, vae has run there" in out
    smoke = ("--configfile", "experiments/smoke.yaml", "--results", results, "--json")
    one = json.loads(plan(capsys, *smoke)[1])["devices"]["cpu"][0]["elapsed_hours"]
    four = json.loads(plan(capsys, *smoke, "--gpus", "4")[1])["devices"]["cpu"][0]["elapsed_hours"]
    assert four == pytest.approx(one * (1 / 4 + 3 / 8))  # two trials
    assert json.loads(plan(capsys, *smoke, "--device", "cpu")[1])["trials"] == 2


def test_without_earlier_trials_it_says_what_to_do(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    status, out, _ = plan(capsys, "--results", tmp_path)
    assert status == 0
    assert "time: unknown" in out
    assert "run a small experiment" in out
    assert "(of lenet, cae by the number of weights: no trial of it is there)" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--configfile", "nope.yaml"), "nope.yaml: cannot be read"),
        (("--configfile", "README.md"), "README.md: "),
        (("--profile", "nope"), r"--profile nope: no such profile; known are ['slurm', 'workstation']"),
        (("--device", "B200"), "--device B200: no earlier trial of"),
    ],
)
def test_bad_input_is_one_sentence(capsys, monkeypatch, results, arguments, sentence):
    monkeypatch.chdir(ROOT)
    status, _, err = plan(capsys, "--results", results, *arguments)
    assert status == 1
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_a_mistake_in_the_experiment_is_that_of_the_dry_run(capsys, tmp_path):
    path = experiment(tmp_path, training={"epoch": 2})
    status, _, err = plan(capsys, "--configfile", path)
    assert status == 1
    assert str(path) in err
    assert "training" in err


def test_halving_finalists_and_shared_samples_are_planned(monkeypatch):
    """By the function beneath the command, with the keys that a search with rungs has."""
    from cascada.commands import plan as command
    from cascada.core.errors import ConfigError
    from cascada.experiment.plan import Workplace

    monkeypatch.chdir(ROOT)
    config = command.read_experiment(ROOT / "config.yaml")
    config["training"]["epochs"] = 12
    config["search"] |= {"sampler": "sobol", "samples": {"total": 24}, "halving": {"rungs": [2, 4, 12]}}
    config["search"]["rescore"] = {"top": 2, "seeds": [2]}
    made = command._plan(config, [], Workplace(), None)
    assert (made.configurations, made.trial_epochs) == ({"lenet": 12, "cae": 12}, 128)
    config["search"]["rescore"] = {"top": 5, "seeds": [2]}
    with pytest.raises(ConfigError, match="4 of 24 configurations reach the last rung"):
        command._plan(config, [], Workplace(), None)
    config["search"]["rescore"] = {"top": 2, "seeds": [1]}
    with pytest.raises(ConfigError, match=r"search.rescore.seeds: \[1\] given"):
        command._plan(config, [], Workplace(), None)
