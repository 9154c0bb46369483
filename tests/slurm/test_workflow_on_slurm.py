"""The workflow on a real SLURM: `snakemake --profile slurm`, uninterrupted, and with trainings that are interrupted.

SLURM interrupts in two ways: a preemption, here by `scontrol requeue`, sends SIGTERM to all processes of a job; the
warning of a time limit sends SIGUSR2 to the batch step alone. It is sent by `scancel --signal` to a pack of trials, as
the profile has them, and by SLURM itself to a trial that needs more than its minute, which is the least that SLURM grants.
"""

import csv
import json
import re
from pathlib import Path

import holding
import pytest
import workflows
import yaml
from slurm_sandbox.driver import Driver

from cascada.core.files import sha256
from cascada.experiment import schema, spaces
from cascada.training import trial as training

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.training]

QUICK = ("--submitit-poll-max-s", "2", "--latency-wait", "20")
EPOCHS = 24
LONGER = 150  # long enough to be met while it trains


@pytest.fixture(scope="module")
def workflow(sandbox, tmp_path_factory):
    """A copy of the workflow in which the smallest experiment has run on SLURM; and the driver's screen."""
    folder = workflows.copy(tmp_path_factory.mktemp("slurm"))
    driver = start(sandbox, folder, "--configfile", "experiments/smoke.yaml")
    assert driver.wait(timeout_s=900) == 0, driver.screen
    yield folder, driver.screen
    sandbox.clear()


def start(sandbox, folder: Path, *arguments: str) -> Driver:
    environment = {"PYTHONPATH": str(folder / "src")}
    return Driver(sandbox, folder, "--profile", "slurm", *QUICK, *arguments, environment=environment)


def test_the_experiment_runs_to_its_end(workflow, sandbox):
    folder, screen = workflow
    results = folder / "results" / "smoke"
    assert json.loads((results / "selection" / "best.json").read_text())
    assert json.loads((results / "test" / "metrics.json").read_text())
    metrics = [json.loads(path.read_text()) for path in results.glob("trials/*/seed-1/epochs-2/metrics.json")]
    assert [one["status"] for one in metrics] == ["completed"] * 2
    assert "Submitted 2 jobs of rule train as" in screen  # both in one allocation
    assert len({one["job_id"] for one in metrics}) == 1
    assert not sandbox.queue()


@pytest.fixture(scope="module")
def interrupted(workflow, sandbox):
    """Two longer trials in one pack, one after the other: the first is preempted, the second warned of a time limit."""
    folder, _ = workflow
    experiment = yaml.safe_load((folder / "experiments" / "smoke.yaml").read_text())
    experiment["training"]["epochs"] = EPOCHS
    experiment["search"]["models"]["lenet"]["learning_rate"] = {"choice": [0.002, 0.004]}
    (folder / "experiments" / "longer.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
    one_at_a_time = ("--set-resources", "train:submitit_pack=2", "train:submitit_concurrent=1")
    driver = start(
        sandbox, folder, *one_at_a_time, "--configfile", "experiments/longer.yaml", "--until", "train",
        "--submitit-keep-successful-logs",
    )  # fmt: skip
    done: list[Path] = []
    for interrupt in (preempt, warn):
        trial = running_trial(driver, folder, done)
        interrupt(sandbox)
        done.append(trial)
        driver.wait_for(lambda trial=trial: (trial / "metrics.json").exists(), f"{trial} to go on and end", 300)
    assert driver.wait() == 0, driver.screen
    yield folder, done, driver.screen
    sandbox.clear()


def running_trial(driver: Driver, folder: Path, but: list[Path]) -> Path:
    """The trial that trains, when it has done two of its epochs."""
    found: list[Path] = []

    def some() -> bool:
        for path in (folder / "results" / "smoke" / "trials").glob(f"*/seed-1/epochs-{EPOCHS}/progress.json"):
            if path.parent not in but and json.loads(path.read_text())["epoch"] > 2:
                found.append(path.parent)
        return bool(found)

    driver.wait_for(some, "a trial to train", 300)
    return found[0]


def train_job(sandbox) -> str:
    (job,) = [job["id"] for job in sandbox.queue() if job["name"].startswith("train")]
    return job


def preempt(sandbox) -> None:
    sandbox.run("scontrol", "requeue", train_job(sandbox))


def warn(sandbox) -> None:
    sandbox.run("scancel", "--batch", "--signal=USR2", train_job(sandbox))


def log_of_job(folder: Path, trial: Path, epochs: int = EPOCHS) -> str:
    """What the job of a trial printed, in all of its starts."""
    logs = folder / ".snakemake" / "submitit" / "logs" / "train"
    (log,) = (
        log for log in logs.iterdir() if trial.parts[-3] in log.read_text() and f"epochs={epochs}" in log.read_text()
    )
    return log.read_text()


def test_interrupted_trials_save_and_go_on(interrupted):
    folder, done, screen = interrupted
    for trial, name in zip(done, ("SIGTERM", "SIGUSR2"), strict=True):
        saved = re.search(rf"signal {name}: saved at epoch (\d+), batch (\d+)", log_of_job(folder, trial))
        assert saved, log_of_job(folder, trial)
        # Snakemake removes a rule's log before it starts the job again: here is the last start, and no other
        configuration = trial.parts[-3]
        (log,) = (folder / "results" / "smoke" / "logs" / "train" / configuration).glob(f"*epochs-{EPOCHS}.log")
        first, *rest = log.read_text().splitlines()
        assert first.startswith(f"resuming at epoch {saved[1]}, batch {saved[2]} from ")
        epochs = [int(number) for number in re.findall(rf"^epoch (\d+)/{EPOCHS}:", "\n".join(rest), re.MULTILINE)]
        assert epochs == list(range(int(saved[1]), EPOCHS + 1))
        assert not (trial / "resume.pt").exists()
    assert "Submitted 2 jobs of rule train as" in screen
    assert screen.count("of rule train as") == 1  # SLURM's requeue, no second submission


def test_interrupted_trials_end_with_the_bits_of_uninterrupted_ones(interrupted, tmp_path):
    folder, done, _ = interrupted
    for trial in done:
        assert_same_bits(trial, train_alone(folder, trial.parts[-3], EPOCHS, tmp_path))


def test_a_trial_that_needs_more_than_its_time_limit_goes_on_in_the_next_allocation(interrupted, sandbox, tmp_path):
    """It is held until SLURM has warned it, so that no machine is too fast for a minute."""
    folder, done, _ = interrupted
    configuration = done[0].parts[-3]
    rate = next(one for one in experiment_configurations(folder) if one.id == configuration).hyperparameters[
        "learning_rate"
    ]
    experiment = yaml.safe_load((folder / "experiments" / "longer.yaml").read_text())
    experiment["training"]["epochs"] = LONGER
    experiment["search"]["models"]["lenet"]["learning_rate"] = rate
    (folder / "experiments" / "longest.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
    driver = start(
        sandbox, folder, "--set-resources", "train:runtime=1", "train:submitit_pack=1", "--submitit-keep-successful-logs",
        "--configfile", "experiments/longest.yaml", "--until", "train",
    )  # fmt: skip
    trial = folder / "results" / "smoke" / "trials" / configuration / "seed-1" / f"epochs-{LONGER}"
    path = trial / "progress.json"
    driver.wait_for(lambda: path.exists() and json.loads(path.read_text())["epoch"] > 2, "the trial to train", 300)
    (process,) = holding.trainings(folder)
    holding.hold_until_warned(driver, process)
    assert driver.wait(timeout_s=600) == 0, driver.screen
    assert "signal SIGUSR2: saved at epoch" in log_of_job(folder, trial, LONGER)
    assert driver.screen.count("of rule train as") == 1  # put into the queue again, not submitted again
    assert_same_bits(trial, train_alone(folder, configuration, LONGER, tmp_path))
    sandbox.clear()


def assert_same_bits(trial: Path, alone: Path) -> None:
    assert sha256(trial / "checkpoint.pt") == sha256(alone / "checkpoint.pt")
    assert losses(trial) == losses(alone)


def train_alone(folder: Path, configuration: str, epochs: int, elsewhere: Path) -> Path:
    """Train the same in this process, without SLURM; the folder of the new trial."""
    one = next(one for one in experiment_configurations(folder) if one.id == configuration)
    alone = training.Trial.of(
        configuration=one.id, model=one.model, hyperparameters=one.hyperparameters, settings=one.training,
        seed=1, epochs=epochs, data=folder / "results" / "smoke" / "dataset" / "train.h5",
        folder=elsewhere / one.id, tensorboard=elsewhere / "tensorboard" / one.id,
    )  # fmt: skip
    training.train(alone, training.Machine(device="cpu", threads=1), report=lambda text: None)
    return alone.folder


def experiment_configurations(folder: Path) -> list:
    """The configurations of the longer experiment."""
    config = yaml.safe_load((folder / "experiments" / "longer.yaml").read_text())
    schema.validate(config, folder / "rules" / "schemas" / "config.schema.yaml")
    return spaces.configurations(config)


def losses(trial: Path) -> list[tuple[str, str, str]]:
    """Epoch, training loss and validation loss, as written."""
    with (trial / "history.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [(row["epoch"], row["training_loss"], row["validation_loss"]) for row in rows]
