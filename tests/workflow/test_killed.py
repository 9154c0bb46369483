"""A run ended in the middle of a training and started again, and real CORSIKA files where a search cannot go on."""

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import workflows
import yaml

pytestmark = pytest.mark.workflow


def experiment(folder: Path, name: str, **changes) -> str:
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    for section, values in changes.items():
        content[section] = content[section] | values
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content | {"experiment": name}))
    return f"{name}.yaml"


def checkpoints(results: Path) -> dict[str, dict]:
    return {
        str(path.relative_to(results)): torch.load(path, weights_only=True)["state_dict"]
        for path in sorted(results.glob("trials/*/*/*/checkpoint.pt"))
    }


LONG = {"search": {"models": {"lenet": {"channels": [2, 4], "batch_size": 16}}}, "training": {"epochs": 40}}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, dict]:
    """The checkpoints of a run that nobody disturbed."""
    folder = workflows.copy(tmp_path_factory.mktemp("uninterrupted"))
    workflows.snakemake(folder, "search", configfile=experiment(folder, "whole", **LONG))
    return checkpoints(folder / "results/whole")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_same_command_goes_on_and_ends_with_the_same_bits(tmp_path, uninterrupted, number):
    folder = workflows.copy(tmp_path)
    name = experiment(folder, "long", **LONG)
    driver = subprocess.Popen(
        ["env", "--default-signal=INT", *workflows.command("search", configfile=name)],
        cwd=folder, env=workflows.environment(folder), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    resume = workflows.wait_for_resume_file(folder / "results/long", driver)
    trainer = workflows.trainer_of(driver)
    if number == signal.SIGINT:
        os.killpg(driver.pid, number)  # as a terminal does
    else:
        driver.kill()
    assert driver.wait(timeout=60) != 0
    trainer.wait(timeout=60)  # it notices, saves and ends: nobody trains beside the next start
    assert resume.exists()
    if number == signal.SIGKILL:
        assert workflows.snakemake(folder, "search", check=False, configfile=name).returncode != 0  # locked
        workflows.snakemake(folder, "--unlock", configfile=name)
    arguments = ["--rerun-incomplete"] if number == signal.SIGKILL else []
    workflows.snakemake(folder, "search", *arguments, configfile=name)
    log = "".join(path.read_text() for path in (folder / "results/long/logs/train").rglob("*.log"))
    assert "resuming at epoch" in log
    found = checkpoints(folder / "results/long")
    assert found.keys() == uninterrupted.keys() and len(found) == 1
    for path, weights in uninterrupted.items():
        assert all(np.array_equal(tensor, found[path][key]) for key, tensor in weights.items())


@pytest.mark.skipif("CASCADA_TEST_DATA" not in os.environ, reason="CASCADA_TEST_DATA is not set: no real CORSIKA files")
def test_real_corsika_files_are_converted_and_one_class_alone_is_refused(tmp_path):
    folder = workflows.copy(tmp_path)
    file = Path(os.environ["CASCADA_TEST_DATA"]) / "corsika/corsika757_particle"
    name = experiment(
        folder, "real",
        data={"sources": {"corsika": {"kind": "corsika7", "files": [str(file)], "altitude": 2200.0}}},
    )  # fmt: skip
    done = workflows.snakemake(folder, check=False, configfile=name)
    assert done.returncode != 0
    assert (folder / "results/real/dataset/shards/corsika/corsika757_particle.h5").stat().st_size > 100_000
    message = done.stdout + done.stderr
    assert "No shower of class(es) ['iron']; found {'iron': 0, 'proton': 10}" in message
    assert "add a source that has them to data.sources" in message
    assert not (folder / "results/real/dataset/train.h5").exists()
