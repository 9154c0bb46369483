"""Nodes that are left out: one on which every job dies at once, and one that SLURM has lost."""

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
    told = "Excluded from further submissions (jobs of several rules died there at once): n2."
    assert driver.screen.count(told) == 1, driver.screen
    assert "ExcNodeList=n2" in (tmp_path / "last").read_text()


LOST = """
    rule all:
        input: "out_0", "out_1"

    rule one:
        output: "out_{n}"
        retries: 2
        resources: slurm_extra="--exclusive --no-requeue"
        shell:
            "touch begun_{wildcards.n}; until [ -e open ]; do sleep 0.2; done; "
            "scontrol --oneliner show job $SLURM_JOB_ID > {output}"
"""


def test_a_node_that_failed_is_left_out_of_the_next_attempt(sandbox, tmp_path):
    write(tmp_path, "Snakefile", LOST)
    driver = Driver(
        sandbox, tmp_path, "--executor=submitit", "--jobs=10", "--submitit-poll-max-s=2", "--latency-wait=5"
    )
    driver.wait_for(lambda: len(list(tmp_path.glob("begun_*"))) == 2, "a job runs on each node")
    sandbox.crash("n2")
    sandbox.run("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=crash")
    try:
        driver.wait_for("Excluded from further submissions (lost under a job): n2.", "the lost node is told")
        (tmp_path / "open").touch()
        assert driver.wait() == 0, driver.screen
    finally:
        sandbox.start("n2")
    last = [(tmp_path / name).read_text() for name in ("out_0", "out_1")]
    assert sorted("ExcNodeList=n2" in text for text in last) == [False, True], last
