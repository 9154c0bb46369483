"""Packs on SLURM, with fewer jobs at a time than there are."""

import pytest
from slurm_sandbox.counting import Commands
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

WORKFLOW = """
    rule all:
        input: expand("out/{n}", n=range(60))

    rule work:
        output: "out/{n}"
        resources: submitit_pack=10, submitit_concurrent=2
        shell: "echo $SLURM_JOB_ID > {output}"
"""


def test_packs_fill_up_whatever_jobs_is(sandbox, tmp_path):
    write(tmp_path, "Snakefile", WORKFLOW)
    commands = Commands(tmp_path / "commands")
    driver = Driver(
        sandbox, tmp_path, "--executor=submitit", "--jobs=20", "--submitit-poll-min-s=0.5",
        environment=commands.environment(sandbox.environment["PATH"]),
    )  # fmt: skip
    assert driver.wait() == 0, driver.screen
    allocations = {file.read_text() for file in (tmp_path / "out").iterdir()}
    # six where nothing stutters; some twenty if a pack takes what is there
    assert 6 <= len(allocations) <= 8, driver.screen
    assert len(commands.calls("sbatch")) <= 7
