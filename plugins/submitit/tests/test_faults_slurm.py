"""What goes wrong on a real cluster, on the sandbox: no job lost, none run twice, nothing left in the queue, clear words.

The jobs of the workflow below note their begin and end in a file and wait for a gate in between, so that a test decides
what runs when something happens, without counting seconds.
"""

import re
import signal
import time

import pytest
from slurm_sandbox import wait_until
from slurm_sandbox.counting import Commands
from slurm_sandbox.driver import Driver, RunLog, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

GATED = """
    names = [f"j{number}" for number in range(int(config["jobs"]))]

    rule all:
        input: expand("out/{name}", name=names)

    rule work:
        output: "out/{name}"
        params: version=config.get("version", 1)
        resources: runtime=30, mem_mb=700
        shell:
            '''
            echo "begin {wildcards.name} $SLURM_JOB_ID" >> runs
            while ! [ -e go ] && ! [ -e go-{wildcards.name} ]; do sleep 0.2; done
            echo "end {wildcards.name}" >> runs
            touch {output}
            '''
"""
PLUGIN = (
    "--executor=submitit",
    "--jobs=100",
    "--latency-wait=5",
    "--submitit-poll-min-s=0.5",
    "--submitit-poll-max-s=2",
)


class Grid:
    """A folder with the gated workflow of some jobs, and the drivers that run it."""

    def __init__(self, sandbox, folder, jobs: int):
        self.sandbox, self.folder = sandbox, folder
        write(folder, "Snakefile", GATED)
        self.runs = RunLog(folder / "runs")
        self.jobs = jobs
        self.names = sorted(f"j{number}" for number in range(jobs))

    def start(self, *arguments: str, environment=None, config=()) -> Driver:
        return Driver(self.sandbox, self.folder, *self.arguments(arguments, config), environment=environment)

    def resume(self) -> Driver:
        """The command that the README gives for a killed driver."""
        module = "snakemake_executor_plugin_submitit"
        return Driver(self.sandbox, self.folder, "resume", "--", *self.arguments(), module=module)

    def arguments(self, more=(), config=()) -> list[str]:
        return [*PLUGIN, *more, "--config", f"jobs={self.jobs}", *config]

    def begun(self, count: int) -> bool:
        return len(self.runs.names("begin")) >= count

    def open(self, name: str | None = None) -> None:
        (self.folder / (f"go-{name}" if name else "go")).touch()

    def start_all(self, *arguments: str, **keywords) -> Driver:
        driver = self.start(*arguments, **keywords)
        driver.wait_for(lambda: self.begun(self.jobs), f"{self.jobs} jobs run")
        return driver

    def assert_each_ran_once(self) -> None:
        assert self.runs.names("begin") == self.names
        assert self.runs.names("end") == self.names
        assert sorted(path.name for path in (self.folder / "out").iterdir()) == self.names

    def assert_nothing_left(self) -> None:
        wait_until(lambda: not self.sandbox.queue(), "the queue is empty", 30)


@pytest.fixture
def grid(sandbox, tmp_path):
    yield lambda jobs, folder="grid": Grid(sandbox, tmp_path / folder, jobs)
    sandbox.clear()


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


def test_database_away(accounting_sandbox, tmp_path):
    """slurmdbd dies: sacct is of no use any more, and squeue knows what becomes of the jobs."""
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
        driver.wait_for(lambda: len(one.sandbox.queue()) == 2, "the lost job is in the queue again")
        one.open()
        assert driver.wait() == 0, driver.screen
    finally:
        one.sandbox.start("n2")
    assert one.runs.names("end") == one.names
    assert len(one.runs.names("begin")) == 3  # the one that was lost began again
    assert "is in the queue again" in driver.screen
    one.assert_nothing_left()


def test_preempted_jobs_run_again(grid):
    one = grid(2)
    driver = one.start_all()
    main = one.sandbox.queue()[0]["id"].split("_")[0]
    one.sandbox.run("scontrol", "requeue", main)
    driver.wait_for(lambda: one.begun(4), "both jobs run again")
    one.open()
    assert driver.wait() == 0, driver.screen
    assert one.runs.names("end") == one.names
    assert one.runs.names("begin") == sorted(one.names * 2)
    assert "is in the queue again" in driver.screen
    one.assert_nothing_left()


def test_preempted_pack_keeps_what_is_done(grid):
    """Four jobs in one allocation, two at a time: the first has ended, the next two run when it is preempted."""
    one = grid(4)
    driver = one.start("--submitit-jobs-per-task=4", "--submitit-concurrent=2")
    driver.wait_for(lambda: one.begun(2), "two members run")
    assert len(one.sandbox.queue()) == 1
    done = one.runs.names("begin")[0]
    one.open(done)
    driver.wait_for(lambda: one.begun(3), "the third member runs")
    driver.wait_for("1 of 5 steps", "the first member is reported while the others run")
    one.sandbox.run("scontrol", "requeue", one.sandbox.queue()[0]["id"])
    driver.wait_for(lambda: one.begun(5), "two members run again")
    one.open()
    assert driver.wait() == 0, driver.screen
    assert one.runs.names("end") == one.names
    assert one.runs.names("begin").count(done) == 1
    assert len(one.runs.names("begin")) == 6  # two of the four twice
    one.assert_nothing_left()


def test_requeues_are_bounded(grid):
    one = grid(1)
    driver = one.start_all("--submitit-max-requeues=1")
    for starts in (2, 3):
        one.sandbox.run("scontrol", "requeue", one.sandbox.queue()[0]["id"])
        if starts == 2:
            driver.wait_for(lambda: one.begun(2), "the job runs again")
    assert driver.wait() == 1
    assert "max-requeues 1" in driver.screen
    assert one.runs.names("begin") == ["j0", "j0"]
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
