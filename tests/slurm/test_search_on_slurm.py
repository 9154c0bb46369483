"""A search with rungs on a real SLURM: in the middle of the second rung a job is requeued and preempted, and the driver killed; a slow trial."""

import json
from pathlib import Path

import holding
import pytest
import workflows
import yaml
from slurm_sandbox.driver import Driver

from cascada.core import tables
from cascada.core.files import read_json, sha256
from cascada.experiment import records, schema, spaces
from cascada.training import attempts

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.timeout(3600)]

QUICK = ("--submitit-poll-max-s", "2", "--latency-wait", "20")
EPOCHS = 200  # long enough to be met while it trains, and by the next driver


def write(folder: Path, name: str, epochs: int = EPOCHS, on_failure: str = "stop", **search) -> None:
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    model = {"channels": [2, 4], "batch_size": 16, "learning_rate": {"choice": [0.001, 0.003, 0.01]}}
    content["search"] |= {"models": {"lenet": model}} | search
    content |= {"experiment": name, "training": {"epochs": epochs, "on_failure": on_failure}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def driver(sandbox, folder: Path, name: str, *arguments: str, **options) -> Driver:
    given = ("search", "--profile", "slurm", *QUICK, "--configfile", f"{name}.yaml")
    environment = {"PYTHONPATH": str(folder / "src")}
    return Driver(sandbox, folder, *arguments, *given, environment=environment, **options)


@pytest.mark.nightly
def test_a_search_is_requeued_preempted_and_resumed_in_the_middle_of_a_rung(sandbox, tmp_path):
    folder, results = workflows.copy(tmp_path), tmp_path / "results/rungs"
    write(folder, "rungs", halving={"rungs": [1, EPOCHS]})
    first = driver(sandbox, folder, "rungs")
    first.wait_for(lambda: trains(results, attempt=1), "a trial of the second rung to train", 900)
    sandbox.run("scontrol", "requeue", train_job(sandbox))
    first.wait_for(lambda: trains(results, attempt=2), "it to go on after the requeue", 600)
    sandbox.run("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    first.wait_for(lambda: trains(results, attempt=3), "it to go on after the preemption", 600)
    first.kill()
    record = (results / "search/rung-2.json").read_bytes()
    second = driver(sandbox, folder, "rungs", "resume", "--", module="snakemake_executor_plugin_submitit")
    assert second.wait(timeout_s=900) == 0, second.screen
    assert "adopted" in second.screen, second.screen
    assert (results / "search/rung-2.json").read_bytes() == record
    (climber,) = (row["configuration"] for row in records.read(results / "search/rung-2.json", "rung")["promoted"])
    assert read_json(results / "selection/best.json")["configuration"] == climber
    assert not sandbox.queue()
    trial = f"trials/{climber}/seed-1/epochs-{EPOCHS}"
    lines = attempts.read(results / trial)
    assert [line["reason"] for line in lines] == ["saved: signal SIGTERM", "saved: signal SIGTERM", "completed"]
    assert sum(line["epochs"] for line in lines) == pytest.approx(EPOCHS - 1), "no step was trained twice"
    # undisturbed, in one piece and without SLURM
    write(folder, "whole")
    workflows.snakemake(folder, f"results/whole/{trial}/checkpoint.pt", configfile="whole.yaml")
    assert sha256(results / trial / "checkpoint.pt") == sha256(folder / "results/whole" / trial / "checkpoint.pt")
    sandbox.clear()


def trains(results: Path, attempt: int) -> bool:
    """Whether a trial of the second rung trains, in its so-manyth attempt."""
    for path in results.glob(f"trials/*/seed-1/epochs-{EPOCHS}/progress.json"):
        content = json.loads(path.read_text())
        going = content["status"] == "running" and content["epoch"] > content["attempt"]["first_epoch"] + 2
        if going and len(attempts.read(path.parent)) == attempt - 1:
            return True
    return False


def train_job(sandbox) -> str:
    (job,) = [job["id"] for job in sandbox.queue() if job["name"].startswith("train")]
    return job


@pytest.mark.nightly
def test_a_slow_trial_does_not_hold_its_rung_for_ever(sandbox, tmp_path):
    """Of three trials one is held until SLURM warns it, in the only allocation that it may have: the others go on without it."""
    folder, results = workflows.copy(tmp_path), tmp_path / "results/slow"
    write(folder, "slow", epochs=80, on_failure="record", halving={"rungs": [40, 80]})
    slow = configurations(folder / "slow.yaml")[0]
    # three minutes, of which its start may take one and a half; a busy machine needs more than one for the others
    limit = f"train:runtime=(3 if wildcards.configuration == '{slow}' else 60)"
    resources = ("--set-resources", limit, "train:submitit_pack=1")
    first = driver(sandbox, folder, "slow", *resources, "--submitit-max-requeues", "0")
    first.wait_for(lambda: busy(folder, slow), "the trial to train", 900)
    holding.hold_until_warned(first, busy(folder, slow)[0])
    assert first.wait(timeout_s=900) == 0, first.screen
    (failed,) = (row for row in tables.read(results / "selection/leaderboard.tsv") if row["status"] == "failed")
    assert failed["configuration"] == slow
    reason = read_json(results / f"trials/{slow}/seed-1/epochs-40/metrics.json")["reason"]
    assert "out of time, and no further start is allowed: signal SIGUSR2: saved at epoch" in reason
    record = records.read(results / "search/rung-2.json", "rung")
    assert record["failed_trials"] == 1 and len(record["promoted"]) == 2
    assert not sandbox.queue()
    sandbox.clear()


def configurations(experiment: Path) -> list[str]:
    config = yaml.safe_load(experiment.read_text())
    schema.validate(config, workflows.ROOT / "rules/schemas/config.schema.yaml")
    return [one.id for one in spaces.configurations(config)]


def busy(folder: Path, configuration: str) -> list:
    """The trainings of a configuration that have done an epoch."""
    trials = {process: holding.trial_of(process) for process in holding.trainings(folder)}
    return [
        process
        for process, trial in trials.items()
        if trial and configuration in trial.parts and (trial / "resume.pt").exists()
    ]
