"""The worker: forks for members, passes signals on, and lets each report for itself. Real processes throughout."""

import os
import shutil
import signal
import stat
import sys
import time

import pytest
from node_side import Node, family, wait_for
from snakemake_executor_plugin_submitit import processes

USR2, TERM = signal.SIGUSR2, signal.SIGTERM


@pytest.fixture
def node(tmp_path):
    node = Node(tmp_path)
    yield node
    node.close()


def alone(worker, number):
    """As proctrack/cgroup does: the signal reaches the direct child of the step only."""
    os.kill(worker.pid, number)


def everyone(worker, number):
    """As proctrack/linuxproc does: the signal reaches all processes, children first or last as it happens."""
    for pid in reversed(family(worker.pid)):
        os.kill(pid, number)


# -- results ---------------------------------------------------------------------------------------------------------


def test_each_member_reports_and_one_fails_alone(node):
    good = node.member("good", "echo out; echo err >&2; sleep 0.2; python -c 'x = [0] * 4_000_000'")
    bad = node.member("bad", "echo bad luck; exit 3")
    killed = node.member("killed", "kill -KILL $$")
    words = node.run([good, bad, killed])
    expected = {
        good: ("ok", "done", 0, ""),
        bad: ("failed", "error", 3, "exit code 3"),
        killed: ("failed", "signal", -9, "killed by SIGKILL (memory used up?)"),
    }
    for member, values in expected.items():
        result = member.result()
        assert tuple(result[key] for key in ("status", "cause", "exit_code", "reason")) == values
        assert result["token"] == member.token
        assert result["starts"] == 1
        assert result["wall_seconds"] == pytest.approx(result["ended"] - result["started"])
    assert good.log.read_text() == "out\nerr\n"
    assert bad.log.read_text() == "bad luck\n"
    assert stat.S_IMODE(bad.log.stat().st_mode) == 0o600
    assert good.result()["cpu_seconds"] > 0
    assert good.result()["max_rss_mb"] > 20
    assert "failed: bad: exit code 3" in words


def test_a_job_knows_how_often_it_may_still_be_restarted(node):
    marked = "echo more > $SNAKEMAKE_SUBMITIT_REQUEUE_MARKER; exit 1"
    one = node.member("one", f"echo $SNAKEMAKE_SUBMITIT_REQUEUES_LEFT >> {node.folder}/left; {marked}")
    for _ in range(3):
        node.run([one], max_requeues=2)
    assert (node.folder / "left").read_text().split() == ["2", "1", "0"]
    assert one.result()["cause"] == "requeues"


@pytest.mark.parametrize("concurrent", [1, 3])
def test_so_many_at_a_time_and_not_one_more(node, concurrent):
    events = node.folder / "events"
    command = f"echo + >> {events}; sleep 0.3; echo - >> {events}"
    pack = [node.member(f"m{number}", command) for number in range(5)]
    node.run(pack, concurrent=concurrent)
    running, most = 0, 0
    for line in events.read_text().split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert most == concurrent
    assert all(member.result()["status"] == "ok" for member in pack)


def test_members_report_before_the_last_has_ended(node):
    quick, slow = node.member("quick", "true"), node.plain("slow", 10_000)
    worker = node.worker([quick, slow], concurrent=2)
    wait_for(quick.done, "the quick member's result")
    node.wait_ready("slow")
    assert slow.result() is None
    alone(worker, TERM)
    worker.wait(timeout=60)


# -- the fork --------------------------------------------------------------------------------------------------------

REVEALING = """
import os, sys
with open("seen", "a") as file:
    print(os.getpid() == os.getsid(0), open("/proc/self/cmdline").read().split(chr(0))[2], os.getcwd(), sys.path[0],
        os.environ.get("COLOUR"), os.environ.get("SNAKEMAKE_PROFILE"), sys.argv[0], sep=",", file=file)
rule all:
    output: "made"
    shell: "echo $COLOUR > {output}"
"""


@pytest.mark.parametrize(("name", "forked"), [("COLOUR", True), ("PYTHONWARNINGS", False)])
def test_snakemake_runs_in_a_fork_unless_it_needs_a_new_interpreter(node, name, forked):
    (node.folder / "sub dir").mkdir()
    (node.folder / "sub dir" / "Snakefile").write_text(REVEALING)
    command = f"cd '{node.folder}/sub dir' && {sys.executable} -m snakemake --cores 1 --nolock"
    member = node.member("all", command, **{"COLOUR": "red", name: "default" if name == "PYTHONWARNINGS" else "red"})
    node.run([member])
    assert member.result()["status"] == "ok", member.log.read_text()
    assert (node.folder / "sub dir" / "made").read_text() == "red\n"
    seen = (node.folder / "sub dir" / "seen").read_text().splitlines()[0].split(",")
    folder = f"{node.folder}/sub dir"
    assert seen[2:6] == [folder, folder, "red", "None"]
    assert seen[1] == ("-c" if forked else "snakemake")  # python -u -c WORKER, or python -m snakemake
    assert "1 of 1 steps (100%) done" in member.log.read_text()


def test_a_failing_workflow_fails_in_a_fork_too(node):
    (node.folder / "Snakefile").write_text('rule all:\n    output: "made"\n    shell: "echo no luck; exit 7"\n')
    member = node.member("all", f"cd {node.folder} && {sys.executable} -m snakemake --cores 1 --nolock")
    node.run([member])
    assert (member.result()["status"], member.result()["exit_code"]) == ("failed", 1)
    assert "no luck" in member.log.read_text()


def test_a_module_that_starts_threads_is_not_forked(node, monkeypatch):
    (node.folder / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(2,)).start()\n"
    )
    (node.folder / "Snakefile").write_text(REVEALING)
    member = node.member("all", f"cd {node.folder} && {sys.executable} -m snakemake --cores 1 --nolock", COLOUR="red")
    words = node.run([member], preload=("threaded",))
    assert "threaded starts threads, so members are started separately" in words
    assert member.result()["status"] == "ok"
    assert (node.folder / "seen").read_text().splitlines()[0].split(",")[1] == "snakemake"


def test_a_module_that_cannot_be_imported_is_only_reported(node):
    (node.folder / "Snakefile").write_text(REVEALING)
    member = node.member("all", f"cd {node.folder} && {sys.executable} -m snakemake --cores 1 --nolock", COLOUR="red")
    assert "preload: no_such_module cannot be imported" in node.run([member], preload=("no_such_module",))
    assert member.result()["status"] == "ok"


# -- signals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deliver", [alone, everyone])
@pytest.mark.parametrize("number", [USR2, TERM])
def test_jobs_below_snakemake_save_once(node, deliver, number):
    """Two members run and save, the third is not started."""
    pack = [node.snakemake(name, 10_000) for name in ("a", "b", "c")]
    worker = node.worker(pack, concurrent=2)
    node.wait_ready("a", "b")
    deliver(worker, number)
    assert worker.wait(timeout=60) == 0
    for member in pack[:2]:
        assert node.saves(member.name) == [number.name]
        result = member.result()
        assert (result["status"], result["cause"]) == ("requeue", "marker")
        assert result["reason"].startswith("saved at step ")
        assert not (node.folder / member.name / "done").exists()
    assert pack[2].result() is None
    assert not (node.folder / "c" / "ready").exists()


def test_members_go_on_where_they_were(node):
    pack = [node.snakemake(name, 40) for name in ("a", "b")]
    worker = node.worker(pack)
    node.wait_ready("a")
    alone(worker, USR2)
    assert worker.wait(timeout=60) == 0
    node.run(pack)
    for member, starts in zip(pack, (2, 1), strict=True):
        result = member.result()
        assert (result["status"], result["starts"]) == ("ok", starts)
        assert (node.folder / member.name / "total").read_text() == "40"
        assert (node.folder / member.name / "done").exists()
    log = pack[0].log.read_text()  # that of the first start is still there
    assert log.index("Error in rule count") < log.index("--- start 2 of a ---") < log.rindex("Building DAG of jobs")


def test_signals_that_come_again_change_nothing(node):
    member = node.snakemake("a", 10_000)
    worker = node.worker([member])
    node.wait_ready("a")
    for number in (USR2, USR2, TERM, TERM):
        everyone(worker, number)
    assert worker.wait(timeout=60) == 0
    assert len(node.saves("a")) == 1
    assert (member.result()["status"], member.result()["cause"]) == ("requeue", "marker")


def test_a_job_without_a_handler_may_use_the_time_that_is_left(node):
    member = node.member("plain", f"touch {node.folder}/running; sleep 1.5; exit 0")
    worker = node.worker([member])
    wait_for((node.folder / "running").exists, "the job")
    everyone(worker, USR2)
    assert worker.wait(timeout=60) == 0
    assert member.result()["status"] == "ok"


def test_a_handler_that_comes_after_the_signal_still_gets_it(node):
    (node.folder / "a").mkdir()
    late = node.member("a", f"cd {node.folder}; touch begun; sleep 1; exec {sys.executable} save.py a 10000")
    worker = node.worker([late])
    wait_for((node.folder / "begun").exists, "the job")
    alone(worker, USR2)
    assert worker.wait(timeout=60) == 0
    assert (late.result()["status"], node.saves("a")) == ("requeue", ["SIGUSR2"])


def test_at_the_time_limit_the_rest_is_cut_off(node):
    """`first` had all the time there was and fails; `second` came late and may try again."""
    stubborn = "trap '' TERM; touch {0}/{1}.runs; while true; do sleep 0.1; done"
    before = node.member("before", "true")
    first = node.member("first", stubborn.format(node.folder, "first"))
    second = node.member("second", stubborn.format(node.folder, "second"))
    worker = node.worker([first, before, second], concurrent=2, signal_delay_s=2)
    for name in ("first", "second"):
        wait_for((node.folder / f"{name}.runs").exists, name)
    alone(worker, USR2)
    assert worker.wait(timeout=60) == 0
    assert before.result()["status"] == "ok"
    assert [first.result()[key] for key in ("status", "cause", "exit_code")] == ["failed", "time limit", -9]
    assert [second.result()[key] for key in ("status", "cause", "exit_code")] == ["requeue", "time limit", -9]


def test_without_slurm_the_worker_watches_the_time_limit(node):
    member = node.plain("a", 10_000)
    node.run([member], time_limit_s=3, signal_delay_s=2)
    assert (member.result()["status"], node.saves("a")) == ("requeue", ["SIGUSR2"])


def test_what_could_still_finish_is_left_to_finish(node):
    """Of four seconds the last is not given away to anybody else; a handler has been called three seconds before the end."""
    member = node.member("plain", "sleep 3.2")
    node.run([member], time_limit_s=4, signal_delay_s=3)
    assert member.result()["status"] == "ok"
    asked = node.member("asked", "trap 'exit 3' TERM; while true; do sleep 0.1; done")
    node.run([asked], time_limit_s=2, signal_delay_s=1)
    assert asked.result()["reason"].startswith("cut off at the allocation's time limit")
    stubborn = node.member("stubborn", "trap '' TERM; while true; do sleep 0.1; done")
    node.run([stubborn], time_limit_s=4, signal_delay_s=3)
    result = stubborn.result()
    assert (result["status"], result["cause"], result["exit_code"]) == ("failed", "time limit", -9)
    assert 3.6 < result["wall_seconds"] < 4.5


def test_members_end_when_the_task_is_killed(node):
    member = node.snakemake("a", 10_000)
    worker = node.worker([member])
    node.wait_ready("a")
    worker.stdin.close()  # what the kernel does when the task's process dies
    assert worker.wait(timeout=60) == 0
    assert (member.result()["status"], node.saves("a")) == ("requeue", ["SIGTERM"])


def test_members_end_also_when_the_driver_has_cleared_them_away(node):
    pack = [node.plain(name, 10_000) for name in ("a", "b", "c")]
    worker = node.worker(pack, concurrent=2)
    node.wait_ready("a", "b")
    for member in pack:
        shutil.rmtree(member.folder)
    for pid in list(family(worker.pid))[1:2]:  # the first ends by itself, then the third is due
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: "not started: c" in (node.folder / "worker.log").read_text(), "the third to be passed over")
    alone(worker, TERM)
    assert worker.wait(timeout=60) == 0
    assert sorted(node.saves("a") + node.saves("b")) == ["SIGTERM"]
    assert not (node.folder / "c" / "ready").exists()


def test_members_end_when_the_worker_is_killed(node):
    member = node.plain("a", 10_000)
    worker = node.worker([member])
    node.wait_ready("a")
    worker.kill()
    wait_for(lambda: node.saves("a") == ["SIGTERM"], "the job to save")
    assert member.starts() == 1


def test_what_a_job_leaves_behind_is_ended_before_it_counts_as_done(node):
    pid_file = node.folder / "pid"
    member = node.member("leaver", f"sleep 600 & echo $! > {pid_file}")
    node.run([member])
    assert member.result()["status"] == "ok"
    living = {pid for pids in processes.by_session().values() for pid in pids}
    assert int(pid_file.read_text()) not in living


def test_what_a_warned_job_leaves_behind_does_not_live_until_a_distant_end(node):
    (node.folder / "a").mkdir()
    member = node.member("a", f"cd {node.folder}; sleep 600 & exec {sys.executable} save.py a 10000")
    worker = node.worker([member], time_limit_s=600, signal_delay_s=2)
    node.wait_ready("a")
    began = time.monotonic()
    alone(worker, USR2)
    assert worker.wait(timeout=60) == 0
    assert 2 < time.monotonic() - began < 20
    assert (member.result()["cause"], node.saves("a")) == ("marker", ["SIGUSR2"])


def test_cost_adds_up_over_the_starts(node):
    burn = node.member(
        "burn",
        f"{sys.executable} -c 'for _ in range(3_000_000): pass'; echo x > $SNAKEMAKE_SUBMITIT_REQUEUE_MARKER; exit 1",
    )
    node.run([burn])
    first = burn.result()
    node.run([burn])
    second = burn.result()
    assert second["starts"] == 2
    assert second["cpu_seconds"] > 1.2 * first["cpu_seconds"]
    assert second["wall_seconds"] == pytest.approx(first["wall_seconds"] + second["ended"] - second["started"])
