"""What SLURM and the result files say -> what became of a job."""

import time

import pytest
from snakemake_executor_plugin_submitit import states
from snakemake_executor_plugin_submitit.states import Observation, Outcome, Patience, judge

PATIENCE = Patience(latency_s=5, lost_s=100)
OK, FAILED, REQUEUE = {"status": "ok"}, {"status": "failed", "reason": "exit code 3"}, {"status": "requeue"}


@pytest.mark.parametrize(
    ("result", "state", "waited", "expected"),
    [
        # a result counts, whatever SLURM says or has forgotten
        (OK, "RUNNING", 0, True),
        (OK, "CANCELLED", 0, True),
        (OK, None, 1000, True),
        (FAILED, "RUNNING", 0, "exit code 3"),
        (FAILED, None, 0, "exit code 3"),
        (FAILED, "OUT_OF_MEMORY", 0, "ran out of memory (exit code 3)"),
        # alive
        (None, "PENDING", 10**6, None),
        (None, "RUNNING", 10**6, None),
        (None, "REQUEUED", 10**6, None),
        (None, "SUSPENDED", 10**6, None),
        (REQUEUE, "PENDING", 10**6, None),
        (REQUEUE, "COMPLETING", 10**6, None),
        # a requeue may follow
        (None, "PREEMPTED", 59, None),
        (None, "PREEMPTED", 61, "was preempted and not requeued (PREEMPTED)"),
        (None, "NODE_FAIL", 5, None),
        (None, "NODE_FAIL", 9, "lost its node (NODE_FAIL)"),
        # ended by itself: its result may be late
        (None, "COMPLETED", 4, None),
        (None, "COMPLETED", 6, "ended without leaving a result (COMPLETED)"),
        (None, "FAILED", 4, None),
        (None, "FAILED", 6, "ended without leaving a result (FAILED)"),
        (REQUEUE, "FAILED", 6, "asked to be started again, but its task ended (FAILED): no reason"),
        # ended from outside: told at once
        (None, "CANCELLED", 0, "was cancelled from outside (CANCELLED)"),
        (REQUEUE, "CANCELLED", 0, "was cancelled from outside (CANCELLED)"),
        (None, "TIMEOUT", 0, "ran out of time (TIMEOUT)"),
        (None, "OUT_OF_MEMORY", 0, "ran out of memory (OUT_OF_MEMORY)"),
        (None, "BOOT_FAIL", 0, "its node failed to boot (BOOT_FAIL)"),
        (None, "SOMETHING_NEW", 0, "ended without leaving a result (SOMETHING_NEW)"),
        # SLURM does not know it
        (None, None, 99, None),
        (None, None, 101, "was lost: the cluster has not known it for 101 s, and it left no result"),
    ],
)
def test_judge(result, state, waited, expected):
    outcome = judge(result, state and Observation(state), waited, PATIENCE)
    if expected is None:
        assert outcome is None
    elif expected is True:
        assert outcome == Outcome(True)
    else:
        assert (outcome.ok, outcome.reason) == (False, expected)


def test_reasons_that_more_resources_cure_come_with_advice():
    assert "attempt" in judge(None, Observation("TIMEOUT"), 0, PATIENCE).advice
    assert "attempt" in judge(None, Observation("OUT_OF_MEMORY"), 0, PATIENCE).advice
    assert judge(None, Observation("CANCELLED"), 0, PATIENCE).advice == ""


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch", "ran out of memory (it ended)"),
        ("slurmstepd-n1: error: Exceeded job memory limit", "ran out of memory (it ended)"),
        ("*** JOB 5 ON n1 CANCELLED AT … DUE TO TIME LIMIT ***", "ran out of time (it ended)"),
        ("Traceback", "it ended"),
        ("error: Out of memory: Killed process 5 (python)", "ran out of memory (it ended)"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 GiB", "it ended"),
        ("GPU out of memory", "it ended"),
    ],
)
def test_the_log_explains_what_the_state_does_not(log, expected):
    assert states.explain(Outcome(False, "it ended"), log).reason == expected


def test_interval_is_short_while_there_is_news_and_long_while_there_is_none():
    intervals = [1.0]
    for _ in range(20):
        intervals.append(states.next_interval(intervals[-1], False, 0.01, 1, 30))
    assert intervals == sorted(intervals) and intervals[-1] == 30
    for _ in range(10):
        intervals.append(states.next_interval(intervals[-1], True, 0.01, 1, 30))
    assert intervals[-1] == 1
    assert states.next_interval(1, True, 2.0, 1, 30) == 20  # a slow cluster is asked less often


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("7", ["7"]),
        ("7_3", ["7_3"]),
        ("7_[0-2]", ["7_0", "7_1", "7_2"]),
        ("7_[0-1,5%4]", ["7_0", "7_1", "7_5"]),
        ("7_[0-6:3]", ["7_0", "7_3", "7_6"]),
        ("7_[3]", ["7_3"]),
        ("7_[1,5-7,60-6...]", ["7_1", "7_5", "7_6", "7_7"]),  # as squeue cuts it
        ("7_[1,6...]", ["7_1"]),
    ],
)
def test_task_ids(text, ids):
    assert states.task_ids(text) == ids


@pytest.mark.parametrize(
    ("text", "name"),
    [("CANCELLED by 1000", "CANCELLED"), ("CANCELLED+", "CANCELLED"), ("OUT_OF_ME+", "OUT_OF_MEMORY"), ("RUNNING", "RUNNING")],
)  # fmt: skip
def test_state_name(text, name):
    assert states.state_name(text) == name


@pytest.mark.parametrize(
    ("text", "seconds"), [("64", 64), ("03:04", 184), ("1-02:03:04", 93784), ("", 0), ("INVALID", 0), ("0:00", 0)]
)
def test_seconds(text, seconds):
    assert states.seconds(text) == seconds


def test_sacct_and_squeue_are_read():
    sacct = "5_0|COMPLETED|n1|12|0:0|2026-11-24T10:00:00\n5_0.batch|COMPLETED|n1|12|0:0|\n5_[1-2]|PENDING||0||2026-11-24T10:00:00\n"
    found = states.read_table(sacct, ("id", "state", "node", "elapsed", "exit", "submit"))
    assert found == {
        "5_0": Observation("COMPLETED", "", "n1", 12, "0:0"),
        "5_1": Observation("PENDING"),
        "5_2": Observation("PENDING"),
    }
    squeue = "7|RUNNING|None|n2|1:05|2026-11-24T10:00:00\n"
    found = states.read_table(squeue, ("id", "state", "reason", "node", "elapsed", "submit"))
    assert found == {"7": Observation("RUNNING", "None", "n2", 65)}


def test_a_job_whose_id_came_round_again_is_not_ours():
    row = "7|COMPLETED|n1|12|0:0|2020-01-01T10:00:00\n"
    columns = ("id", "state", "node", "elapsed", "exit", "submit")
    assert states.read_table(row, columns, since=time.time()) == {}
    assert set(states.read_table(row, columns, since=0)) == {"7"}


def test_scontrol_is_read():
    text = (
        "JobId=12 ArrayJobId=11 ArrayTaskId=0 JobName=a JobState=FAILED Reason=NonZeroExitCode RunTime=00:00:03 "
        "ExitCode=1:0 SubmitTime=2026-11-24T10:00:00 NodeList=n1 Comment=x y=z\n"
        "JobId=11 ArrayJobId=11 ArrayTaskId=1-2%5 JobState=PENDING Reason=Resources RunTime=00:00:00 ExitCode=0:0\n"
    )
    found = states.read_scontrol(text)
    assert found["11_0"] == Observation("FAILED", "NonZeroExitCode", "n1", 3, "1:0")
    assert found["11_1"].state == found["11_2"].state == "PENDING" and len(found) == 3


def test_the_controller_s_clock():
    text = "Configuration data as of 2026-11-24T21:30:00\nAccountingStorageType = none\n"
    assert states.controller_clock(text, 7.0) == states.clock("2026-11-24T21:30:00")
    assert states.controller_clock("", 7.0) == states.controller_clock("Configuration data as of now", 7.0) == 7.0


@pytest.mark.parametrize(
    ("state", "reason", "kind"),
    [
        ("PENDING", "JobHeldUser", "held"),
        ("PENDING", "JobHeldAdmin", "held"),
        ("PENDING", "launch failed requeued held", "held"),
        ("PENDING", "launch_failed_requeued_held", "held"),
        ("REQUEUE_HOLD", "", "held"),
        ("SPECIAL_EXIT", "None", "held"),
        ("PENDING", "DependencyNeverSatisfied", "never"),
        ("PENDING", "PartitionConfig", "never"),
        ("PENDING", "PartitionTimeLimit", "never"),
        ("PENDING", "ReqNodeNotAvail, UnavailableNodes:n2", "never"),
        ("PENDING", "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "never"),
        ("PENDING", "QOSMaxCpuPerJobLimit", "never"),
        ("PENDING", "AssocMaxWallDurationPerJobLimit", "never"),
        ("PENDING", "InvalidQOS", "never"),
        ("PENDING", "QOSMaxJobsPerUserLimit", "limit"),
        ("PENDING", "AssocGrpCPUMinutesLimit", "limit"),
        ("PENDING", "AssocMaxJobsLimit", "limit"),
        ("PENDING", "Priority", ""),
        ("PENDING", "Resources", ""),
        ("PENDING", "BeginTime", ""),
        ("PENDING", "JobArrayTaskLimit", ""),
        ("PENDING", "Dependency", ""),
        ("RUNNING", "JobHeldUser", ""),
    ],
)  # fmt: skip
def test_what_keeps_a_job_from_its_start(state, reason, kind):
    assert states.hindrance(Observation(state, reason)) == kind
