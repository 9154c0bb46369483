"""Jobs that will never start: the user is told once, with SLURM's reason, with and without an accounting database."""

import pytest
from sandboxes import sandbox_or_reason
from slurm_sandbox import wait_until
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

WORKFLOW = """
    rule all:
        input: "held", "dependent", "long", "drained", "later", "ordinary"

    rule held:
        output: "held"
        resources: slurm_extra="--hold"
        shell: "touch {output}"

    rule dependent:
        output: "dependent"
        resources: slurm_extra=f"--dependency=afterok:{config['failing']}"
        shell: "touch {output}"

    rule long:
        output: "long"
        resources: slurm_partition="urgent", runtime=90
        shell: "touch {output}"

    rule drained:
        output: "drained"
        resources: slurm_extra="--nodelist=n2"
        shell: "touch {output}"

    rule later:
        output: "later"
        shell: "while ! [ -e go ]; do sleep 0.2; done; touch {output}"

    rule ordinary:
        output: "ordinary"
        shell: "touch {output}"
"""


@pytest.fixture(params=[False, True], ids=["plain", "accounting"])
def troubled(request):
    """A sandbox with a short partition and a node that takes no jobs."""
    sandbox = sandbox_or_reason(request.param)
    sandbox.run("scontrol", "update", "PartitionName=urgent", "MaxTime=60")
    sandbox.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=test")
    yield sandbox
    sandbox.run("scontrol", "update", "NodeName=n2", "State=RESUME")
    sandbox.run("scontrol", "update", "PartitionName=urgent", "MaxTime=UNLIMITED")
    sandbox.clear()


@pytest.fixture
def limited(accounting_sandbox):
    """A site with a quality of service that lets nobody run jobs, and one for jobs of at most two cores."""
    former = accounting_sandbox.change(AccountingStorageEnforce="associations,limits,qos")
    commands = (
        "add account group Cluster=sandbox",
        "add user root Account=group",
        "add qos small",
        "modify qos small set MaxTRESPerJob=cpu=2",
        "add qos closed",
        "modify qos closed set MaxJobsPerUser=0",
        "modify user root set qos+=small,closed",
    )
    for words in commands:
        accounting_sandbox.run("sacctmgr", "--immediate", *words.split())
    yield accounting_sandbox
    accounting_sandbox.clear()
    accounting_sandbox.change(**former)


LIMITED = """
    rule all:
        input: "many_0", "many_1", "large"

    rule many:
        output: "many_{n}"
        resources: qos="closed"
        shell: "touch {output}"

    rule large:
        output: "large"
        threads: 4
        resources: qos="small"
        shell: "touch {output}"
"""


def test_limits_of_users_and_qualities_of_service_are_told(limited, tmp_path):
    write(tmp_path, "Snakefile", LIMITED)
    driver = Driver(limited, tmp_path, "--executor=submitit", "--jobs=10", "--submitit-poll-max-s=2")
    driver.wait_for("Waiting for a site limit (QOSMaxJobsPerUserLimit)", "the limit per user is told", 40)
    driver.wait_for("Will not start as things stand (QOSMaxCpuPerJobLimit)", "that of the QOS is told", 40)
    assert driver.screen.count("QOSMaxJobsPerUserLimit") == 1, driver.screen
    driver.interrupt()
    driver.wait()


def test_jobs_that_never_start_are_told_of_once(troubled, tmp_path):
    write(tmp_path, "Snakefile", WORKFLOW)
    failing = troubled.run("sbatch", "--parsable", "--output=/dev/null", "--hold", "--wrap", "false", cwd=tmp_path)
    job = failing.stdout.strip()
    arguments = ["--executor=submitit", "--jobs=10", "--default-resources", "mem_mb=200", "--submitit-poll-max-s=2"]
    driver = Driver(troubled, tmp_path, *arguments, "--config", f"failing={job}")
    driver.wait_for("of rule dependent as", "the dependent job is submitted")
    troubled.run("scontrol", "release", job)
    driver.wait_for(lambda: (tmp_path / "ordinary").exists(), "the ordinary job has ended")
    wait_until(lambda: "later" in {row["name"] for row in troubled.queue() if row["state"] == "RUNNING"}, "it runs")
    driver.wait_for("of rule held as", "the held job is submitted")
    ids = {row["name"]: row["id"] for row in troubled.queue()}
    troubled.run("scontrol", "requeuehold", ids["later"])
    expected = {
        "held": "On hold (JobHeldUser)",
        "dependent": "Will not start as things stand (DependencyNeverSatisfied)",
        "long": "Will not start as things stand (Partition",
        "drained": "Will not start as things stand (ReqNodeNotAvail",
        "later": "On hold (",
    }

    def lines(rule: str) -> list[str]:
        return [line for line in driver.screen.splitlines() if line.startswith(expected[rule]) and f" {rule}." in line]

    driver.wait_for(lambda: all(lines(rule) for rule in expected), "all reasons are told", 90)
    assert {rule: len(lines(rule)) for rule in expected} == dict.fromkeys(expected, 1), driver.screen
    assert f"`scontrol release {ids['held']}` lets them run" in lines("held")[0]
    assert "ordinary" not in "".join(line for line in driver.screen.splitlines() if "Will not start" in line)
    driver.interrupt()
    driver.wait()
