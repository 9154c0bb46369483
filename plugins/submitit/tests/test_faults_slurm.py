"""What goes wrong on a real cluster, on the sandbox: no job lost, none run twice, nothing left in the queue, clear words."""

import re
import signal
import time

import pytest
from grids import Grid
from slurm_sandbox import wait_until
from slurm_sandbox.counting import Commands

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]


def test_killed_driver_goes_on_where_it_was(grid):
    one = grid(4)
    one.start_all().kill()
    one.open("j0")
    one.open("j1")
    wait_until(lambda: one.runs.names("end") == ["j0", "j1"], "two jobs end while no driver lives")
    wait_until(lambda: len(one.sandbox.queue()) == 2, "SLURM knows that")
    second = one.resume()
    second.wait_for("adopted", "the second driver takes over")
    one.open()
    assert second.wait() == 0, second.screen
    one.assert_each_ran_once()
    one.assert_nothing_left()
    # records are whole: nothing is left to do, and a change of params reruns all, also what ended without a driver
    same = one.start("--dry-run")
    assert same.wait() == 0 and "Nothing to be done" in same.screen
    changed = one.start("--dry-run", config=["version=2"])
    assert changed.wait() == 0 and re.search(r"^work +4$", changed.screen, re.M), changed.screen


def test_driver_killed_while_it_submits(grid, tmp_path):
    """SLURM has the jobs, but sbatch has not yet told their id: the next driver finds them by their comment."""
    one = grid(3)
    one.open()
    commands = Commands(tmp_path / "commands")
    commands.linger("sbatch", 30)
    driver = one.start(environment=commands.environment(one.sandbox.environment["PATH"]))
    driver.wait_for(lambda: len(one.sandbox.queue()) == 3, "SLURM has the jobs")
    driver.kill()
    assert "Submitted" not in driver.screen
    second = one.resume()
    assert second.wait() == 0, second.screen
    one.assert_each_ran_once()
    one.assert_nothing_left()


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_cancels_everything(grid, times):
    one = grid(3)
    driver = one.start_all()
    for _ in range(times):
        driver.interrupt()
        time.sleep(0.3)
    assert driver.wait() != 0
    one.assert_nothing_left()
    assert "Cancelling 3 jobs" in driver.screen
    assert one.runs.names("end") == []


def test_scancel_of_one_job_and_of_a_whole_array(grid):
    one = grid(4)
    driver = one.start_all("--keep-going")
    main = one.sandbox.queue()[0]["id"].split("_")[0]
    one.sandbox.run("scancel", f"{main}_1")
    driver.wait_for("was cancelled from outside", "the driver tells of the cancelled job")
    assert f"{main}_1" in driver.screen
    assert len(one.sandbox.queue()) == 3
    one.sandbox.run("scancel", main)
    assert driver.wait() == 1
    assert driver.screen.count("was cancelled from outside") >= 4
    assert all(f"{main}_{index}" in driver.screen for index in range(4))
    one.assert_nothing_left()
    one.open()
    assert one.start().wait() == 0
    assert one.runs.names("end") == one.names


def test_controller_away_during_polling_and_during_submission(grid):
    """It hangs for 12 s, then is restarted, which takes 8 s more; two workflows of one user meet that."""
    polling, submitting = grid(3, "polling"), grid(3, "submitting")
    sandbox = polling.sandbox
    first = polling.start_all()
    sandbox.pause("slurmctld")
    try:
        second = submitting.start()
        polling.open("j0")
        submitting.open()
        second.wait_for("Execute 3 jobs", "the second driver wants to submit")
        time.sleep(12)
    finally:
        sandbox.resume("slurmctld")
        sandbox.kill("slurmctld", signal.SIGTERM)
    try:
        time.sleep(8)
        assert first.running and second.running
    finally:
        sandbox.start("slurmctld")
    polling.open()
    assert first.wait() == 0, first.screen
    assert second.wait() == 0, second.screen
    for one in (polling, submitting):
        one.assert_each_ran_once()
        one.assert_nothing_left()
    assert re.search(r"does not answer|took \d+ s to answer", first.screen), first.screen
    assert re.search(r"does not answer|took \d+ s to answer|sbatch failed", second.screen), second.screen


def test_database_away(each_accounting_sandbox, tmp_path):
    """slurmdbd dies: sacct is of no use any more, and squeue knows what becomes of the jobs."""
    accounting_sandbox = each_accounting_sandbox
    one = Grid(accounting_sandbox, tmp_path / "grid", 3)
    driver = one.start_all("--keep-going")
    accounting_sandbox.kill("slurmdbd")
    try:
        main = one.sandbox.queue()[0]["id"].split("_")[0]
        accounting_sandbox.run("scancel", f"{main}_1")
        driver.wait_for("was cancelled from outside", "the driver tells of the cancelled job")
        one.open()
        assert driver.wait() == 1
    finally:
        accounting_sandbox.start("slurmdbd")
    assert len(one.runs.names("begin")) == 3 and len(one.runs.names("end")) == 2
    one.assert_nothing_left()


def test_two_workflows_do_not_touch_each_other(grid):
    left, right = grid(3, "left"), grid(3, "right")
    first, second = left.start(), right.start()
    first.wait_for(lambda: left.begun(3), "all jobs run")
    second.wait_for(lambda: right.begun(3), "all jobs run")
    first.interrupt()
    assert first.wait() != 0
    assert second.running and [row["state"] for row in right.sandbox.queue()].count("RUNNING") == 3
    right.open()
    assert second.wait() == 0, second.screen
    right.assert_each_ran_once()
    right.assert_nothing_left()


def test_crashed_node(grid):
    one = grid(2)
    driver = one.start_all("--default-resources", "slurm_extra='--exclusive'")
    one.sandbox.crash("n2")
    one.sandbox.run("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=crash")
    try:
        driver.wait_for(lambda: len(one.sandbox.queue()) == 2, "the lost job back in the queue")
        one.open()
        assert driver.wait() == 0, driver.screen
    finally:
        one.sandbox.start("n2")
    assert one.runs.names("end") == one.names
    assert len(one.runs.names("begin")) == 3  # the one that was lost began again
    assert "back in the queue" in driver.screen
    one.assert_nothing_left()


def test_chunked_arrays_and_failing_sbatch(grid, tmp_path):
    """MaxArraySize=5: indices 0 to 4. sbatch fails twice with what a busy controller says."""
    one = grid(12)
    one.open()
    commands = Commands(tmp_path / "commands")
    busy = "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying"
    commands.fail("sbatch", busy, busy)
    former = one.sandbox.change(MaxArraySize=5)
    try:
        driver = one.start(environment=commands.environment(one.sandbox.environment["PATH"]))
        assert driver.wait() == 0, driver.screen
    finally:
        one.sandbox.change(**former)
    one.assert_each_ran_once()
    one.assert_nothing_left()
    assert len(commands.calls("sbatch")) == 2 + 3
    assert "Slurm temporarily unable to accept job" in driver.screen


def test_the_user_s_variables_do_not_overrule_what_a_rule_asks_for(grid):
    one = grid(2)
    variables = {"SBATCH_PARTITION": "nowhere", "SBATCH_TIMELIMIT": "1", "SBATCH_ARRAY_INX": "7-9", "SBATCH_WAIT": "1"}
    driver = one.start_all("--default-resources", "slurm_partition=main", environment=variables)
    rows = one.sandbox.run("squeue", "--noheader", "--array", "--format=%P %l").stdout.splitlines()
    assert rows == ["main 30:00"] * 2
    one.open()
    assert driver.wait() == 0, driver.screen
    one.assert_each_ran_once()
    one.assert_nothing_left()
