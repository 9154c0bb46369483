"""Jobs that SLURM ends before they are done, on the sandbox: preempted or out of time, they save, wait and go on."""

import contextlib
import re
import sys

import pytest
from grids import PLUGIN
from node_side import SAVING_JOB
from slurm_sandbox import wait_until
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]


COUNTING = """
    rule all:
        input: "count/total"

    rule count:
        output: "count/total"
        resources: runtime=config.get("minutes", 30), mem_mb=700
        params: python=config["python"], steps=config["steps"]
        shell: "{params.python} count.py count {params.steps}"
"""


class Counting:
    """A workflow of one job that counts in steps of 0.05 s, saves on a signal and goes on from there."""

    def __init__(self, sandbox, folder, steps: int):
        self.sandbox, self.folder, self.steps = sandbox, folder, steps
        write(folder, "Snakefile", COUNTING)
        write(folder, "count.py", SAVING_JOB)

    def start(self, *config: str) -> Driver:
        given = [f"python={sys.executable}", f"steps={self.steps}", *config]
        driver = Driver(self.sandbox, self.folder, *PLUGIN, "--config", *given)
        driver.wait_for((self.folder / "count" / "ready").exists, "the job counts")
        return driver

    def saves(self) -> list[str]:
        """The signals on which it has saved."""
        return (self.folder / "count" / "saves").read_text().split()

    def assert_whole(self) -> None:
        assert (self.folder / "count" / "total").read_text() == str(self.steps)
        wait_until(lambda: not self.sandbox.queue(), "the queue is empty", 30)


@pytest.fixture(scope="module", autouse=True)
def out_of_time(accounting_sandbox, tmp_path_factory):
    """A minute is the least that SLURM grants: the jobs of the last tests run beside the others, on another sandbox."""
    one = Counting(accounting_sandbox, tmp_path_factory.mktemp("minute"), steps=1100)
    driver = one.start("minutes=1")
    yield one, driver
    driver.kill()


MINUTE = """
    rule all:
        input: "fits", "too_long"

    rule fits:
        output: "fits"
        resources: runtime=1
        shell: "sleep 40; touch {output}"

    rule too_long:
        output: "too_long"
        resources: runtime=1
        shell: "SLURM_TIME_FORMAT=%s scontrol -o show job $SLURM_JOB_ID > told; while true; do date +%s >> seconds; sleep 1; done"
"""


@pytest.fixture(scope="module", autouse=True)
def minute(accounting_sandbox, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write(folder, "Snakefile", MINUTE)
    driver = Driver(accounting_sandbox, folder, *PLUGIN, "--keep-going", "--default-resources", "mem_mb=700")
    yield driver
    driver.kill()


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
    assert "back in the queue" in driver.screen
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


@contextlib.contextmanager
def preempting_with_notice(sandbox, parameters: str | None):
    """Jobs of the default partition get some time between the notice of a preemption and their end."""
    former = sandbox.change(SlurmctldParameters=parameters)
    try:
        sandbox.run("scontrol", "update", "PartitionName=main", "GraceTime=6")  # a restart would forget it
        yield
    finally:
        sandbox.change(**former)
        sandbox.run("scontrol", "update", "PartitionName=main", "GraceTime=0")
        sandbox.clear()


@pytest.mark.parametrize(
    ("parameters", "signal"),
    [pytest.param(None, "SIGTERM", marks=pytest.mark.nightly), ("preempt_send_user_signal", "SIGUSR2")],
)
def test_preempted_by_a_job_of_a_higher_partition(each_sandbox, tmp_path, parameters, signal):
    """With a grace time, and where the site has it, with the signal that jobs ask for at the start of that time."""
    sandbox = each_sandbox
    one = Counting(sandbox, tmp_path, steps=500)
    with preempting_with_notice(sandbox, parameters):
        driver = one.start()
        urgent = ["--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1"]
        sandbox.run("sbatch", *urgent)
        assert driver.wait() == 0, driver.screen
    assert one.saves() == [signal]
    assert "back in the queue" in driver.screen
    one.assert_whole()


def test_a_time_limit_that_is_really_met(out_of_time):
    """A minute, of which a quarter is for saving: the job needs longer, and goes on in a second allocation."""
    one, driver = out_of_time
    assert driver.wait() == 0, driver.screen
    assert set(one.saves()) == {"SIGUSR2"}
    one.assert_whole()


def test_a_job_has_all_the_time_it_has_asked_for(minute):
    """SLURM may warn of the end of a minute at its very beginning; that is no reason to end what does not handle it."""
    assert minute.wait() == 1, minute.screen
    assert (minute.folder / "fits").exists(), minute.screen
    assert "ran out of time" in minute.screen
    end = int(re.search(r"EndTime=(\d+)", (minute.folder / "told").read_text())[1])
    last = int((minute.folder / "seconds").read_text().split()[-1])
    assert 0 <= end - last <= 8, "of 60 seconds, the last three are for what is left to do"
