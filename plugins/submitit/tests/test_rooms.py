"""The rooms of the package: which may import which, and that a job queued before they were made still runs."""

import pickle
import subprocess
import sys
from pathlib import Path

from importlinter.cli import lint_imports
from node_side import Node
from snakemake_executor_plugin_submitit.members import PackSettings
from snakemake_executor_plugin_submitit.node import __main__ as node
from snakemake_executor_plugin_submitit.node import task
from submitit.core.utils import DelayedSubmission

PROJECT = Path(__file__).parents[1]


def test_imports_go_one_way():
    assert lint_imports(config_filename=str(PROJECT / "pyproject.toml"), cache_dir=None) == 0


def test_a_job_that_was_queued_before_there_were_rooms_still_runs(tmp_path, monkeypatch):
    """Its script says `-m snakemake_executor_plugin_submitit.node`, its pickle has the former name of the task's module."""
    one = Node(tmp_path)
    member = one.plain("a", 1)
    with monkeypatch.context() as before:
        before.setitem(sys.modules, node.FORMER_TASK, task)
        before.setattr(task.Task, "__module__", node.FORMER_TASK)
        DelayedSubmission(task.Task([member], PackSettings(signal_delay_s=60, max_requeues=1))).dump(
            tmp_path / "7_submitted.pkl"
        )
    assert node.FORMER_TASK.encode() in (tmp_path / "7_submitted.pkl").read_bytes()
    command = [
        sys.executable,
        "-u",
        "-m",
        "snakemake_executor_plugin_submitit.node",
        "-u",
        "-m",
        "submitit.core._submit",
    ]
    given = one.environment(SUBMITIT_EXECUTOR="local", SUBMITIT_LOCAL_JOB_ID="7")
    done = subprocess.run([*command, str(tmp_path)], env=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert member.result()["status"] == "ok"
    assert pickle.loads((tmp_path / "7_0_result.pkl").read_bytes()) == ("success", None)
