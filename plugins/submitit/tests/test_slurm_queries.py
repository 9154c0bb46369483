"""The driver's own questions to a real SLURM."""

import time
from types import SimpleNamespace

import pytest
from slurm_sandbox import wait_until
from snakemake_executor_plugin_submitit import ExecutorSettings, slurm

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
    try:
        wait_until(lambda: job in (cluster.observe({job: here.time()}) or {}), "the job is seen")
        assert cluster.observe({job: here.time() + 600}) == {}  # as if it were an earlier one's
    finally:
        sandbox.clear()
