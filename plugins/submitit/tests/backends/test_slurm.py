"""The driver's own questions to a real SLURM."""

import time
from types import SimpleNamespace

import pytest
from slurm_sandbox import wait_until
from snakemake_executor_plugin_submitit import ExecutorSettings
from snakemake_executor_plugin_submitit.backends import slurm

pytestmark = pytest.mark.slurm


@pytest.mark.parametrize("ahead_s", [0, 900, -900])
def test_jobs_are_found_also_when_the_login_node_s_clock_is_wrong(sandbox, tmp_path, monkeypatch, ahead_s):
    """SLURM uses ids again, so that jobs submitted before ours are left out, by the time that SLURM writes down."""
    for name, value in sandbox.exports.items():
        monkeypatch.setenv(name, value)
    here = SimpleNamespace(time=lambda: time.time() + ahead_s, monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(slurm, "time", here)
    job = sandbox.run("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 60").stdout.strip()
    cluster = slurm.Slurm(ExecutorSettings())
    cluster.configuration()
    submitted = cluster.now()
    assert abs(submitted - time.time()) < 5
    try:
        wait_until(lambda: job in (cluster.observe({job: submitted}) or {}), "the job is seen")
        assert cluster.observe({job: submitted + 600}) == {}  # as if it were an earlier one's
    finally:
        sandbox.clear()


def test_a_cancelled_job_lives_until_its_processes_have_ended(accounting_sandbox, tmp_path, monkeypatch):
    """Though the database calls it cancelled at once."""
    for name, value in accounting_sandbox.exports.items():
        monkeypatch.setenv(name, value)
    stubborn = f"trap 'sleep 3' TERM; touch {tmp_path}/runs; sleep 60 & wait; sleep 2; touch {tmp_path}/ended"
    job = accounting_sandbox.run("sbatch", "--parsable", "--output=/dev/null", f"--wrap={stubborn}").stdout.strip()
    cluster = slurm.Slurm(ExecutorSettings())
    wait_until((tmp_path / "runs").exists, "the job runs")
    assert cluster.alive([job, "999"]) == {job}
    accounting_sandbox.run("scancel", "--full", job)
    wait_until(lambda: cluster.alive([job]) == set(), "the job is no more", 60)
    assert not accounting_sandbox.queue()
