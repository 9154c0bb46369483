"""A search with rungs on a real SLURM: its driver is killed in the middle of the second rung, and what runs is adopted."""

import json
from pathlib import Path

import pytest
import workflows
import yaml
from slurm_sandbox.driver import Driver

from cascada.core.files import read_json, sha256
from cascada.experiment import records

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

QUICK = ("--submitit-poll-max-s", "2", "--latency-wait", "20")
EPOCHS = 200  # long enough to be met while it trains, and by the next driver


def write(folder: Path, name: str, **search) -> None:
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    model = {"channels": [2, 4], "batch_size": 16, "learning_rate": {"choice": [0.001, 0.003, 0.01]}}
    content["search"] |= {"models": {"lenet": model}} | search
    content |= {"experiment": name, "training": {"epochs": EPOCHS}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def driver(sandbox, folder: Path, name: str, *arguments: str, **options) -> Driver:
    given = ("search", "--profile", "slurm", *QUICK, "--configfile", f"{name}.yaml")
    environment = {"PYTHONPATH": str(folder / "src")}
    return Driver(sandbox, folder, *arguments, *given, environment=environment, **options)


def test_a_search_is_resumed_in_the_middle_of_a_rung(sandbox, tmp_path):
    folder, results = workflows.copy(tmp_path), tmp_path / "results/rungs"
    write(folder, "rungs", halving={"rungs": [1, EPOCHS]})
    first = driver(sandbox, folder, "rungs")
    first.wait_for(lambda: trains(results), "a trial of the second rung to train", 300)
    first.kill()
    record = (results / "search/rung-2.json").read_bytes()
    second = driver(sandbox, folder, "rungs", "resume", "--", module="snakemake_executor_plugin_submitit")
    assert second.wait(timeout_s=300) == 0, second.screen
    assert "adopted" in second.screen, second.screen
    assert (results / "search/rung-2.json").read_bytes() == record
    (climber,) = (row["configuration"] for row in records.read(results / "search/rung-2.json", "rung")["promoted"])
    best = read_json(results / "selection/best.json")
    assert best["configuration"] == climber
    assert not sandbox.queue()
    # undisturbed, in one piece and without SLURM
    write(folder, "whole")
    path = f"trials/{climber}/seed-1/epochs-{EPOCHS}/checkpoint.pt"
    workflows.snakemake(folder, f"results/whole/{path}", configfile="whole.yaml")
    assert sha256(results / path) == sha256(folder / "results/whole" / path)
    sandbox.clear()


def trains(results: Path) -> bool:
    found = results.glob(f"trials/*/seed-1/epochs-{EPOCHS}/progress.json")
    return any(json.loads(path.read_text())["epoch"] > 2 for path in found)
