"""`check` on sandboxes: a plain one, one that wants an account and a partition, one whose jobs do not see the folder."""

import signal

import pytest
from slurm_sandbox import Sandbox, configuration, wait_until
from slurm_sandbox.driver import Driver

pytestmark = pytest.mark.slurm


def check(sandbox, folder, *arguments) -> Driver:
    folder.mkdir(exist_ok=True)
    return Driver(sandbox, folder, "check", *arguments, module="snakemake_executor_plugin_submitit")


def assert_nothing_left(sandbox, folder) -> None:
    wait_until(lambda: not sandbox.queue(), "the queue is empty", 30)
    assert not list((folder / ".snakemake" / "submitit").iterdir())


def test_plain(sandbox, tmp_path):
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "config.yaml").write_text("executor: submitit\ndefault-resources:\n  mem_mb: 500\n")
    driver = check(sandbox, tmp_path, "--profile", "profile")
    assert driver.wait(120) == 0, driver.screen
    for words in (
        "ok    MaxArraySize: 1001",
        "ok    accounting: no database; squeue and result files",
        "ok    submission: sbatch accepts the profile as it is. Partitions: main (default), urgent.",
        "ok    GPUs: main: fake:2 per node",
        "ok    environment: Python",
        "ok    locks: work between driver and nodes",
        "ok    latency: 0.",
        "ok    scontrol: works on the node",
        "ok    signal: SIGUSR2 reached the job",
        "Nothing to change in the profile.",
    ):
        assert words in driver.screen, driver.screen
    assert_nothing_left(sandbox, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels(sandbox, tmp_path, number):
    driver = check(sandbox, tmp_path)
    driver.wait_for("ok    scontrol", "the array runs")
    if number == signal.SIGINT:
        driver.interrupt()
    else:
        driver._process.terminate()
    assert driver.wait(30) == 128 + number
    assert "Traceback" not in driver.screen
    assert_nothing_left(sandbox, tmp_path)


@pytest.fixture
def demanding(accounting_sandbox):
    """No default partition; the partition lets in an account that is not this user's default."""
    sandbox = accounting_sandbox
    former = sandbox.change(AccountingStorageEnforce="associations", EnforcePartLimits="ALL")
    for name in ("first", "second"):
        sandbox.run("sacctmgr", "--immediate", "add", "account", name, "Cluster=sandbox")
        sandbox.run("sacctmgr", "--immediate", "add", "user", "root", f"Account={name}")
    sandbox.run("scontrol", "update", "PartitionName=main", "Default=NO", "AllowAccounts=second")
    sandbox.run("scontrol", "update", "PartitionName=urgent", "AllowAccounts=nobody")
    yield sandbox
    for name in ("main", "urgent"):
        sandbox.run("scontrol", "update", f"PartitionName={name}", "AllowAccounts=ALL")
    sandbox.run("scontrol", "update", "PartitionName=main", "Default=YES")
    sandbox.clear()
    sandbox.change(**former)


def test_a_site_that_wants_accounts_and_has_no_default_partition(demanding, tmp_path):
    driver = check(demanding, tmp_path)
    driver.wait_for("signal:", "all is told", 150)
    assert driver.wait(30) == 1, driver.screen
    assert "sbatch rejects the profile as it is (" in driver.screen
    written = "Write into the profile:\n  default-resources:\n    slurm_partition: main\n    slurm_account: second\n"
    assert driver.screen.endswith(written), driver.screen
    again = check(demanding, tmp_path, "--default-resources", "slurm_partition=main", "slurm_account=second")
    again.wait_for("ok    submission: sbatch accepts the profile as it is", "sbatch takes it", 30)
    again.interrupt()
    again.wait(30)
    assert_nothing_left(demanding, tmp_path)


def test_jobs_that_do_not_see_the_working_directory(tmp_path, monkeypatch):
    """The nodes have another, empty file system where the driver works."""
    folder = tmp_path / "work"
    folder.mkdir()
    command = configuration.command

    def apart(layout, name):
        words = command(layout, name)
        if name not in layout.node_names:
            return words
        return ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none '{folder}' && exec {' '.join(words)}"]

    monkeypatch.setattr(configuration, "command", apart)
    with Sandbox(nodes=1) as sandbox:
        driver = check(sandbox, folder)
        assert driver.wait(90) == 1
        assert "BAD   working directory: the job ended (" in driver.screen, driver.screen
        assert "its node does not see this folder. Use a shared file system." in driver.screen
        assert_nothing_left(sandbox, folder)
