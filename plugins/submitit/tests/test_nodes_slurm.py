"""A node on which every job dies at once."""

import pytest
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

WORKFLOW = """
    rule all:
        input: "last"

    rule first:
        output: "first_{n}"
        retries: 9
        resources: slurm_extra="--exclusive"
        shell: "[ $SLURMD_NODENAME != n2 ] && touch {output}"

    rule second:
        output: "second_{n}"
        retries: 9
        resources: slurm_extra="--exclusive"
        shell: "[ $SLURMD_NODENAME != n2 ] && touch {output}"

    rule last:
        input: expand("first_{n}", n=range(3)), expand("second_{n}", n=range(3))
        output: "last"
        shell: "scontrol --oneliner show job $SLURM_JOB_ID > {output}"
"""


def test_a_black_hole_is_left_out(sandbox, tmp_path):
    write(tmp_path, "Snakefile", WORKFLOW)
    driver = Driver(
        sandbox, tmp_path, "--executor=submitit", "--jobs=10", "--submitit-poll-max-s=2", "--latency-wait=5"
    )
    assert driver.wait() == 0, driver.screen
    told = "Left out of further submissions (jobs of several rules died there at once): n2."
    assert driver.screen.count(told) == 1, driver.screen
    assert "ExcNodeList=n2" in (tmp_path / "last").read_text()
