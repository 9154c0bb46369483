"""Why a job failed, with and without an accounting database, with and without cgroups: the reason, the id, the last words.

A time limit of SLURM is a minute at least, so all runs go on in the background while other tests use other sandboxes.
"""

import re

import pytest
from sandboxes import sandbox_or_reason
from slurm_sandbox import cgroups
from slurm_sandbox.driver import Driver, RunLog, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

WORKFLOW = """
    rule all:
        input: "hog", "slow", "missing", "failing", "refused", "grown", "good",
            expand("small/{n}", n=[1, 2])

    rule small:
        output: "small/{n}"
        resources: mem="5MB"
        shell: "echo begin small >> runs; touch {output}"

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
KINDS = {  # accounting, cgroups
    "plain": (False, False),
    "accounting": (True, False),
    "cgroups": (False, True),
    "accounting and cgroups": (True, True),
}
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
    """All runs, started together; the sandboxes with cgroups only where there are such."""
    started = {}
    for kind in KINDS.values():
        if kind[1] and cgroups.missing():
            continue
        folder = tmp_path_factory.mktemp("reasons")
        write(folder, "Snakefile", WORKFLOW)
        started[kind] = Driver(sandbox_or_reason(*kind), folder, *ARGUMENTS)
    yield started
    for driver in started.values():
        driver.kill()


def report(screen: str, rule: str) -> str:
    """What the screen says about the failed job of this rule: from its first mention in an error to the next one."""
    found = re.findall(rf"^Error in rule {rule}.*?(?=^Error in rule|^\[|\Z)", screen, re.M | re.S)
    assert found, screen
    return "\n".join(found)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_reason_is_told(drivers, kind):
    if kind not in drivers:
        pytest.skip(cgroups.missing())
    driver = drivers[kind]
    assert driver.wait() == 1, driver.screen
    assert (driver.folder / "good").exists() and (driver.folder / "grown").exists(), driver.screen
    expected = {
        # a limit of the kernel's ends one process, and Snakemake lives on to tell that its command has failed
        "hog": r"ran out of memory: the kernel killed a process of the allocation \(exit code 1\)[^!]*Raise mem_mb"
        if kind[1]
        else "ran out of memory",
        "slow": "time limit|ran out of time",
        "missing": "MissingOutputException|output",
        "failing": "these are my last words",
        "refused": "[Ii]nvalid partition",
    }
    for rule, words in expected.items():
        assert re.search(words, report(driver.screen, rule)), f"{rule}: {words}\n{driver.screen}"
    assert "Rule small asks for mem_mb=5; its jobs get 300 MB, which their own Snakemake needs" in driver.screen
    assert driver.screen.count("Rule small asks for") == 1
    once = ["failing", "good", "hog", "missing", "slow", "small", "small"]
    assert RunLog(driver.folder / "runs").names("begin") == sorted([*once, "grown", "grown"])


@pytest.mark.parametrize("accounting", [False, True], ids=["plain", "accounting"])
def test_an_allocation_that_its_own_start_does_not_fit_into(tmp_path, accounting):
    """The kernel ends what would have written the job's result: SLURM's word is all there is."""
    sandbox = sandbox_or_reason(accounting, with_cgroups=True)
    write(tmp_path, "Snakefile", 'rule one:\n    output: "one"\n    resources: mem_mb=5\n    shell: "touch {output}"\n')
    arguments = ["--executor=submitit", "--jobs=1", "--submitit-least-mem-mb=40", "--submitit-poll-min-s=0.5"]
    driver = Driver(sandbox, tmp_path, *arguments)
    assert driver.wait() == 1
    assert "Rule one asks for mem_mb=5; its jobs get 40 MB" in driver.screen
    assert re.search(r"one: ran out of memory \(.*\) \[job \d+ on n\d\]\nRaise mem_mb", driver.screen), driver.screen
