"""Why a job failed: with and without an accounting database the user is told the reason, the job's id, its log and last words.

A time limit of SLURM is a minute at least, so both runs go on in the background while other tests use other sandboxes; the
two sandboxes here are shared with nobody who disturbs them.
"""

import re

import pytest
from conftest import sandbox_or_reason
from slurm_sandbox.driver import Driver, RunLog, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

WORKFLOW = """
    rule all:
        input: "hog", "slow", "missing", "failing", "refused", "grown", "good"

    rule hog:
        output: "hog"
        resources: mem_mb=500
        shell: "echo begin hog >> runs; python3 -c 'import time; block = b\\"1\\" * 10**9; time.sleep(60)'"

    rule slow:
        output: "slow"
        resources: runtime=1
        shell: "echo begin slow >> runs; sleep 600; touch {output}"

    rule missing:
        output: "missing"
        shell: "echo begin missing >> runs"

    rule failing:
        output: "failing"
        log: "logs/failing.log"
        shell: "echo begin failing >> runs; echo these are my last words | tee {log}; exit 3"

    rule refused:
        output: "refused"
        resources: slurm_partition="nowhere"
        shell: "echo begin refused >> runs; touch {output}"

    rule grown:
        output: "grown"
        retries: 1
        resources: mem_mb=lambda wildcards, attempt: 500 if attempt == 1 else 3000
        shell: "echo begin grown >> runs; python3 -c 'import time; block = b\\"1\\" * 10**9; time.sleep(5)'; touch {output}"

    rule good:
        output: "good"
        shell: "echo begin good >> runs; touch {output}"
"""
ARGUMENTS = (
    "--executor=submitit",
    "--jobs=100",
    "--keep-going",
    "--latency-wait=5",
    "--default-resources=mem_mb=700",
    "--submitit-poll-min-s=0.5",
    "--submitit-poll-max-s=2",
    "--submitit-signal-delay-s=5",
    "--submitit-sbatch-retries=1",
)


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    """Both runs, started together."""
    started = {}
    for accounting in (False, True):
        folder = tmp_path_factory.mktemp("accounting" if accounting else "plain")
        write(folder, "Snakefile", WORKFLOW)
        started[accounting] = Driver(sandbox_or_reason(accounting), folder, *ARGUMENTS)
    yield started
    for driver in started.values():
        driver.kill()


def report(screen: str, rule: str) -> str:
    """What the screen says about the failed job of this rule: from its first mention in an error to the next one."""
    found = re.findall(rf"^Error in rule {rule}.*?(?=^Error in rule|^\[|\Z)", screen, re.M | re.S)
    assert found, screen
    return "\n".join(found)


@pytest.mark.parametrize("accounting", [False, True], ids=["plain", "accounting"])
def test_each_reason_is_told(drivers, accounting):
    driver = drivers[accounting]
    assert driver.wait() == 1, driver.screen
    assert (driver.folder / "good").exists() and (driver.folder / "grown").exists(), driver.screen
    expected = {
        "hog": "ran out of memory",
        "slow": "time limit|ran out of time",
        "missing": "MissingOutputException|output",
        "failing": "these are my last words",
        "refused": "[Ii]nvalid partition",
    }
    for rule, words in expected.items():
        assert re.search(words, report(driver.screen, rule)), f"{rule}: {words}\n{driver.screen}"
    once = ["failing", "good", "hog", "missing", "slow"]
    assert RunLog(driver.folder / "runs").names("begin") == sorted([*once, "grown", "grown"])
