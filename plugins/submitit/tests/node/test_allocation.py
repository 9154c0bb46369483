"""What a task finds out about its allocation: when it ends, and which file counts what the kernel kills in it."""

import time
from pathlib import Path

import pytest
from slurm_sandbox.driver import write
from snakemake_executor_plugin_submitit.members import PackSettings
from snakemake_executor_plugin_submitit.node import allocation
from snakemake_executor_plugin_submitit.node.allocation import ASK, KILL, TimeLimit

FIRST = "9:name=systemd:/\n5:devices:/slurm/d\n4:memory:/slurm_n1/uid_0/job_1/step_batch/task_0\n0::/\n"
FIRST_MOUNTS = """\
30 23 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 23 0:28 / /sys/fs/cgroup/memory rw,relatime shared:10 - cgroup cgroup rw,memory
"""
SECOND = "0::/system.slice/slurmstepd.scope/job_7/step_batch/user/task_0\n"
SECOND_MOUNTS = "25 19 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.mark.parametrize(
    ("cgroups", "mounts", "file"),
    [
        (FIRST, FIRST_MOUNTS, "/sys/fs/cgroup/memory/slurm_n1/uid_0/job_1/step_batch/task_0/memory.oom_control"),
        (SECOND, SECOND_MOUNTS, f"/sys/fs/cgroup{SECOND[3:-1]}/memory.events"),
        # a container sees its own part only
        ("0::/box/job\n", "1 1 0:1 /box /sys/fs/cgroup ro - cgroup2 cgroup2 rw", "/sys/fs/cgroup/job/memory.events"),
        ("", FIRST_MOUNTS, None),
        (FIRST, "", None),
    ],
)
def test_the_file_that_counts_kills(cgroups, mounts, file):
    assert allocation.memory_events(cgroups, mounts) == (None if file is None else Path(file))


def test_this_process_has_lost_none():
    assert allocation.oom_kills() == 0


@pytest.fixture
def slurm(monkeypatch, tmp_path):
    """A function that has `scontrol` tell an end in so many seconds, or fail."""
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)

    def tell(seconds: float | None) -> None:
        answer = "exit 1" if seconds is None else f"echo JobState=RUNNING EndTime={time.time() + seconds:.0f}"
        write(tmp_path, "scontrol", f"#!/bin/sh\n[ $SLURM_TIME_FORMAT = %s ] && {answer}\n")

    return tell


@pytest.mark.parametrize(
    ("left_s", "early"),
    [(15, False), (10, False), (40, True), (85, True), (100, False), (10**6, False), (None, False)],
)
def test_a_warning_that_comes_early_waits(slurm, left_s, early):
    """But by a minute at most: what comes before has another cause, a preemption or a person."""
    slurm(left_s)
    limit = TimeLimit(PackSettings(signal_delay_s=15, max_requeues=1))
    assert not limit.due() and limit.until_warning() is None
    assert limit.too_early() == early
    if early:
        assert limit.until_warning() == pytest.approx(left_s - 15, abs=2)
        slurm(12)  # the limit has been lowered meanwhile
        assert not limit.too_early()
    if left_s is not None:
        assert limit.end - time.monotonic() == pytest.approx(12 if early else left_s, abs=2)


def test_an_unknown_end_is_asked_for_again(slurm, monkeypatch):
    monkeypatch.setattr(allocation, "AGAIN_S", 0.0)
    slurm(None)
    limit = TimeLimit(PackSettings(signal_delay_s=100, max_requeues=1))
    limit.look()
    assert limit.before_end(ASK) == limit.before_end(KILL) == float("inf")
    slurm(60)
    limit.look_again()
    assert limit.before_end(ASK) - time.monotonic() == pytest.approx(50, abs=2)
    assert limit.before_end(KILL) - time.monotonic() == pytest.approx(57, abs=2)


def test_slurm_s_own_variable_counts_where_scontrol_does_not_answer(slurm, monkeypatch):
    slurm(None)
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1795651646")
    assert allocation.end_time() == 1795651646


def test_without_slurm_the_end_is_counted_from_the_warning():
    limit = TimeLimit(PackSettings(signal_delay_s=100, max_requeues=1))
    assert not limit.too_early()
    assert limit.end - time.monotonic() == pytest.approx(100, abs=1)
