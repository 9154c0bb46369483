"""However the driver ends, no job of it is left on SLURM: signals, a broken pipe, an error in the workflow."""

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from slurm_sandbox import wait_until
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]


def through(grid, pipe: str) -> subprocess.Popen:
    """The driver as a user starts it whose screen goes through another program."""
    words = [sys.executable, "-m", "snakemake", *grid.arguments()]
    return subprocess.Popen(
        ["env", "--default-signal=INT", "bash", "-c", f"{shlex.join(words)} 2>&1 | {pipe}"],
        cwd=grid.folder, env=grid.sandbox.environment, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def assert_all_cancelled(one) -> None:
    wait_until(lambda: not one.sandbox.queue(), "the queue is empty", 40)
    one.open()
    time.sleep(1)
    assert one.runs.names("end") == []
    # a shell may be gone before what it has started
    wait_until(lambda: not list((one.folder / ".snakemake/submitit/runs").iterdir()), "all is put away", 30)


def test_ctrl_c_that_ends_tee_as_well(grid):
    one = grid(3)
    driver = through(one, "tee screen")
    wait_until(lambda: one.begun(3), "3 jobs run")
    os.killpg(driver.pid, signal.SIGINT)
    driver.wait(60)
    assert_all_cancelled(one)


def test_a_reader_that_leaves(grid):
    """As with `| head`: the next words that Snakemake writes are an error."""
    one = grid(4)
    driver = through(one, "grep -m 1 Submitted")
    wait_until(lambda: one.begun(4), "4 jobs run")
    one.open("j0")  # something to say
    driver.wait(60)
    wait_until(lambda: not one.sandbox.queue(), "the queue is empty", 40)
    assert one.runs.names("end") == ["j0"]


@pytest.mark.parametrize("numbers", [[signal.SIGHUP], [signal.SIGQUIT], [signal.SIGTERM, signal.SIGTERM]])
def test_signals(grid, numbers):
    one = grid(2)
    driver = one.start_all()
    for number in numbers:
        driver._process.send_signal(number)
        time.sleep(1)
    assert driver.wait(60) != 0
    if signal.SIGTERM in numbers:
        assert "resume -- ARGUMENTS" in driver.screen
    assert_all_cancelled(one)


def test_sigterm_once_lets_jobs_end(grid):
    one = grid(2)
    driver = one.start_all()
    driver._process.terminate()
    driver.wait_for("A second SIGTERM, or Ctrl-C, cancels", "the user is told")
    one.open()
    driver.wait(60)
    one.assert_each_ran_once()


BROKEN = """
    def after(wildcards):
        checkpoints.split.get()
        raise ValueError("as intended")

    rule all:
        input: after, "long"

    checkpoint split:
        output: "parts"
        shell: "while ! [ -e begun ]; do sleep 0.1; done; touch {output}"

    rule long:
        output: "long"
        shell: "touch begun; sleep 300; touch {output}"
"""


def test_an_error_in_the_workflow(sandbox, tmp_path):
    write(tmp_path, "Snakefile", BROKEN)
    arguments = ["--executor=submitit", "--jobs=5", "--latency-wait=5", "--submitit-poll-min-s=0.5"]
    driver = Driver(sandbox, tmp_path, *arguments)
    assert driver.wait(90) != 0
    assert "as intended" in driver.screen
    wait_until(lambda: not sandbox.queue(), "the queue is empty", 40)
    assert (tmp_path / "begun").exists() and not (tmp_path / "long").exists()
