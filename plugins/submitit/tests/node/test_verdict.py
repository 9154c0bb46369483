"""What the end of a member means."""

import pytest
from snakemake_executor_plugin_submitit.node.verdict import PREEMPTED, TIME_LIMIT, End, judge

SAVED = "signal SIGUSR2: saved"


@pytest.mark.parametrize(
    ("end", "status", "cause"),
    [
        (End(exit_code=0), "ok", "done"),
        (End(exit_code=0, stop=TIME_LIMIT), "ok", "done"),
        (End(exit_code=0, marker=SAVED, stop=PREEMPTED), "ok", "done"),
        (End(exit_code=1), "failed", "error"),
        (End(exit_code=-9), "failed", "signal"),
        (End(exit_code=1, marker=SAVED, max_requeues=1), "requeue", "marker"),
        (End(exit_code=1, marker="", max_requeues=1), "requeue", "marker"),
        (End(exit_code=1, marker=SAVED, stop=TIME_LIMIT, max_requeues=1), "requeue", "marker"),
        (End(exit_code=1, stop=PREEMPTED, max_requeues=1), "requeue", "preempted"),
        (End(exit_code=-15, stop=PREEMPTED, max_requeues=1), "requeue", "preempted"),
        (End(exit_code=1, oom_kills=1), "failed", "memory"),
        (End(exit_code=0, oom_kills=1), "ok", "done"),
        (End(exit_code=1, oom_kills=1, stop=TIME_LIMIT, late=True, max_requeues=1), "requeue", "memory"),
        # it would run into the limit again …
        (End(exit_code=1, stop=TIME_LIMIT, max_requeues=1), "failed", "time limit"),
        (End(exit_code=-9, stop=TIME_LIMIT, cut_off=True, max_requeues=1), "failed", "time limit"),
        # … unless others had used up its time
        (End(exit_code=-9, stop=TIME_LIMIT, cut_off=True, late=True, max_requeues=1), "requeue", "time limit"),
        # bounded
        (End(exit_code=1, marker=SAVED, starts=2, max_requeues=2), "requeue", "marker"),
        (End(exit_code=1, marker=SAVED, starts=3, max_requeues=2), "failed", "requeues"),
        (End(exit_code=1, stop=PREEMPTED, starts=1, max_requeues=0), "failed", "requeues"),
        (End(exit_code=0, starts=3, max_requeues=2), "ok", "done"),
        (End(exit_code=1, late=True), "failed", "error"),
    ],
)
def test_verdicts(end, status, cause):
    verdict = judge(end)
    assert (verdict.status, verdict.cause) == (status, cause)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (End(exit_code=3), "exit code 3"),
        (End(exit_code=-9), "killed by SIGKILL (memory used up?)"),
        (End(exit_code=1, oom_kills=1), "ran out of memory: the kernel killed a process of the allocation (exit code 1)"),
        (End(exit_code=-9, oom_kills=2), "ran out of memory: the kernel killed 2 processes of the allocation (killed by SIGKILL)"),
        (End(exit_code=-64), "killed by SIGRTMAX"),
        (End(exit_code=-100), "killed by signal 100"),
        (End(exit_code=1, marker=SAVED, max_requeues=1), SAVED),
        (End(exit_code=1, marker=SAVED, starts=2, max_requeues=1), f"started 2 times, which is all that max-requeues 1 allows; last time: {SAVED}"),
        (End(exit_code=-9, cut_off=True, stop=TIME_LIMIT), "cut off at the allocation's time limit, without having asked to be resumed"),
        (End(exit_code=2, stop=TIME_LIMIT), "exit code 2 after the warning of the allocation's time limit, without having asked to be resumed"),
    ],
)  # fmt: skip
def test_reasons_say_what_happened(end, words):
    assert judge(end).reason == words
