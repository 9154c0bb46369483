"""The task that submitit runs: on the SLURM sandbox, under submitit's local executor, and by itself."""

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import submitit
from node_side import TIMEOUT_S, Node, wait_for
from snakemake_executor_plugin_submitit import gpus, processes
from snakemake_executor_plugin_submitit.members import PackSettings
from snakemake_executor_plugin_submitit.node.task import MembersFailed, Task

SETTINGS = PackSettings(signal_delay_s=60, max_requeues=3)
ASKS_FOR_EVER = "echo more >> {folder}/{name}.ran; echo more > $SNAKEMAKE_SUBMITIT_REQUEUE_MARKER; exit 1"


@pytest.fixture
def node(tmp_path, monkeypatch):
    node = Node(tmp_path)
    for name, value in node.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("SUBMITIT_EXECUTOR", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    yield node
    node.close()


def counted(node: Node, name: str, command: str):
    """A member that notes each of its runs in NAME.ran."""
    return node.member(name, f"echo . >> {node.folder}/{name}.ran; {command}")


def runs(node: Node, name: str) -> int:
    return len((node.folder / f"{name}.ran").read_text().splitlines())


# -- by itself -------------------------------------------------------------------------------------------------------


def test_members_that_are_done_stay_done(node):
    pack = [counted(node, "a", "true"), counted(node, "b", "exit 5"), counted(node, "c", "true")]
    with pytest.raises(MembersFailed, match=r"1 of 3 failed: b: exit code 5 \(log: .*/b/log\)"):
        Task(pack, SETTINGS)()
    with pytest.raises(MembersFailed):
        Task(pack, SETTINGS)()
    assert [runs(node, name) for name in "abc"] == [1, 1, 1]
    assert Task(pack, SETTINGS).checkpoint() is None


def test_a_member_that_the_driver_has_cleared_away_is_not_run_again(node):
    pack = [counted(node, "a", "true"), counted(node, "b", "true")]
    (node.folder / "members" / "a").rmdir()
    Task(pack, SETTINGS)()
    assert not (node.folder / "a.ran").exists()
    assert pack[1].done()


def test_without_slurm_a_job_that_asks_for_it_is_started_again_at_once_so_many_times(node):
    member = node.member("a", ASKS_FOR_EVER.format(folder=node.folder, name="a"))
    settings = PackSettings(signal_delay_s=60, max_requeues=2)
    words = "started 3 times, which is all that max-requeues 2 allows; last time: more"
    with pytest.raises(MembersFailed, match=words):
        Task([member], settings)()
    assert runs(node, "a") == 3
    assert (member.result()["status"], member.result()["cause"]) == ("failed", "requeues")


def test_a_member_that_was_cut_off_without_a_word_counts_as_started(node):
    """As after power failures: no result, but as many starts as are allowed."""
    member = counted(node, "a", "true")
    for _ in range(SETTINGS.max_requeues):
        member.note_start()
    assert Task([member], SETTINGS).left() == [member]
    member.note_start()
    assert Task([member], SETTINGS).left() == []
    assert (member.result()["status"], member.result()["cause"]) == ("failed", "requeues")


def run_and_kill_worker(node: Node, members: list) -> int:
    """Run a task whose worker is killed while member `a`, the first, runs. Returns the session that it had."""
    sessions = []

    def kill_worker():
        wait_for((node.folder / "a" / "ready").exists, "the job")
        sessions.append(int(members[0].session.read_text()))
        stat = Path(f"/proc/{sessions[0]}/stat").read_text()
        os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)

    killer = threading.Thread(target=kill_worker)
    killer.start()
    with pytest.raises(RuntimeError, match="worker ended with exit code -9"):
        Task(members, SETTINGS)()
    killer.join()
    return sessions[0]


def test_members_do_not_outlive_a_worker_that_was_killed(node):
    """The nested Snakemake, too, which answers a SIGTERM by waiting for its job."""
    member = node.snakemake("a", 10_000)
    session = run_and_kill_worker(node, [member])
    assert processes.by_session().get(session) is None
    assert node.saves("a") == ["SIGTERM"]
    assert not member.done()


def test_what_an_earlier_attempt_has_left_in_writing_ends_nobody(node):
    """The worker dies before it starts the second member, whose session was written down on another node."""
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    node.started.append(bystander)
    first, second = node.plain("a", 10_000), counted(node, "b", "true")
    second.session.write_text(str(bystander.pid))
    run_and_kill_worker(node, [first, second])
    assert bystander.poll() is None
    assert node.saves("a") == ["SIGTERM"]


def test_only_the_first_process_of_several_runs_the_members(node, monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "1")
    member = counted(node, "a", "true")
    Task([member], SETTINGS)()
    assert member.result() is None


def test_a_task_that_waits_for_its_share_ends_at_once(node):
    slots, machine = node.folder / "slots", {"gpu": ("0",)}
    member = counted(node, "a", "true")
    script = textwrap.dedent(f"""
        from pathlib import Path
        from snakemake_executor_plugin_submitit.members import *
        from snakemake_executor_plugin_submitit.node.task import Task
        member = Member(token="0" * 16, name="a", command="true", folder=Path({str(member.folder)!r}), log=Path("log"))
        settings = PackSettings(
            signal_delay_s=60, max_requeues=3, machine={machine!r}, takes={{"gpu": 1}}, slots=Path({str(slots)!r})
        )
        Task([member], settings)()
    """)
    with gpus.borrowed(machine, {"gpu": 1}, slots):
        task = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, cwd=node.folder)
        node.started.append(task)
        # it holds the queue once it waits
        queue = slots / "queue"
        wait_for(lambda: queue.exists() and _is_locked(queue), "the task to queue up")
        task.send_signal(signal.SIGTERM)
        _, words = task.communicate(timeout=TIMEOUT_S)
    assert "SIGTERM while waiting for a share of this machine" in words
    assert member.result() is None


def _is_locked(path: Path) -> bool:
    file = gpus._lock(path, fcntl.LOCK_NB)
    if file is not None:
        os.close(file)
    return file is None


# -- submitit's local executor ---------------------------------------------------------------------------------------


def test_tasks_on_one_machine_share_out_its_gpus(node):
    machine, slots = {"gpu": ("0", "3")}, node.folder / "slots"
    settings = PackSettings(signal_delay_s=60, max_requeues=3, machine=machine, takes={"gpu": 1}, slots=slots)
    command = "echo + $CUDA_VISIBLE_DEVICES >> {0}; sleep 0.5; echo - $CUDA_VISIBLE_DEVICES >> {0}"
    pack = [node.member(name, command.format(node.folder / "events")) for name in "abcde"]
    executor = submitit.LocalExecutor(node.folder / "submitit")
    executor.update_parameters(timeout_min=60)
    jobs = [executor.submit(Task([member], settings)) for member in pack]
    for job in jobs:
        job.result()
    assert all(member.result()["status"] == "ok" for member in pack)
    assert all(member.result()["job_id"] == job.job_id for member, job in zip(pack, jobs, strict=True))
    held = set()
    for line in (node.folder / "events").read_text().splitlines():
        what, name = line.split()
        assert name in ("0", "3")
        assert (name in held) == (what == "-"), f"GPU {name} was lent twice"
        held ^= {name}


# -- SLURM -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def slurm(node, sandbox, monkeypatch):
    for name, value in sandbox.environment.items():
        if name not in ("PYTHONPATH", "PATH"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), sandbox.environment["PATH"]]))
    yield sandbox
    sandbox.clear()


def submit(node: Node, task: Task, use_srun: bool) -> submitit.SlurmJob:
    """As the driver does it, without srun, or with it, as submitit does by itself."""
    python = sys.executable if use_srun else f"exec {sys.executable}"
    executor = submitit.SlurmExecutor(node.folder / "submitit", max_num_timeout=100, python=python)
    executor.update_parameters(
        time=60, mem="500MB", wckey="", use_srun=use_srun, stderr_to_stdout=True,
        additional_parameters={"requeue": True, "export": "ALL"},
    )  # fmt: skip
    return executor.submit(task)


def log_of(job) -> str:
    return job.paths.stdout.read_text() if job.paths.stdout.exists() else ""


def state(slurm, job) -> str:
    words = slurm.run("scontrol", "--oneliner", "show", "job", job.job_id).stdout
    return dict(word.partition("=")[::2] for word in words.split()).get("JobState", "")


@pytest.mark.slurm
def test_a_pack_goes_on_after_a_warning_and_after_a_preemption(node, slurm):
    """Both go through SLURM: its signal before the time limit, and its requeue. Done stays done."""
    cases = [Interrupted(node, slurm, how, use_srun) for how in ("warning", "preemption") for use_srun in (False, True)]
    for case in cases:
        case.interrupt()
    for case in cases:
        case.check()


class Interrupted:
    """A pack of a member that is done, one that runs and saves, and one that waits, when the interruption comes."""

    def __init__(self, node: Node, slurm, how: str, use_srun: bool):
        self.node, self.slurm, self.how, self.use_srun = node, slurm, how, use_srun
        self.names = [f"{name}-{how}-{use_srun}" for name in ("done", "saving", "waiting")]
        done, saving, waiting = self.names
        self.pack = [counted(node, done, "true"), node.plain(saving, 60), counted(node, waiting, "true")]
        self.job = submit(node, Task(self.pack, SETTINGS), use_srun)

    def interrupt(self) -> None:
        wait_for((self.node.folder / self.names[1] / "ready").exists, "the second member to run")
        if self.how == "warning":
            to = [] if self.use_srun else ["--batch"]
            self.slurm.run("scancel", *to, "--signal=USR2", self.job.job_id)
        else:
            self.slurm.run("scontrol", "requeue", self.job.job_id)

    def check(self) -> None:
        node, (done, saving, waiting) = self.node, self.names
        wait_for(lambda: self.pack[2].done() or state(self.slurm, self.job) in ("FAILED", "CANCELLED"), "the end")
        assert [member.result()["status"] for member in self.pack] == ["ok"] * 3, log_of(self.job)
        assert [member.result()["starts"] for member in self.pack] == [1, 2, 1]
        assert node.saves(saving) == ["SIGUSR2" if self.how == "warning" else "SIGTERM"]
        assert (node.folder / saving / "total").read_text() == "60"
        assert (runs(node, done), runs(node, waiting)) == (1, 1)
        wait_for(lambda: state(self.slurm, self.job) == "COMPLETED", "SLURM to know")


@pytest.mark.slurm
def test_requeues_on_slurm_are_bounded_and_a_failed_member_fails_the_job(node, slurm):
    member = node.member("a", ASKS_FOR_EVER.format(folder=node.folder, name="a"))
    job = submit(node, Task([member], PackSettings(signal_delay_s=60, max_requeues=1)), use_srun=False)
    wait_for(lambda: state(slurm, job) == "FAILED", "the job's failure")
    assert runs(node, "a") == 2
    assert (member.result()["status"], member.result()["cause"]) == ("failed", "requeues")
    assert "MembersFailed: 1 of 1 failed: a: started 2 times" in log_of(job)


@pytest.mark.slurm
def test_a_cancelled_task_does_not_come_back(node, slurm):
    member = node.plain("a", 10_000)
    job = submit(node, Task([member], SETTINGS), use_srun=False)
    wait_for(lambda: (node.folder / "a" / "ready").exists(), "the member to run")
    slurm.run("scancel", job.job_id)
    wait_for(lambda: not slurm.queue(), "the job to leave the queue")
    assert state(slurm, job) == "CANCELLED"
    wait_for(lambda: (member.result() or {}).get("status") == "requeue", "the member's word")
    assert not member.done()


WARNED_AND_GOES_ON = """
import os, pathlib, signal, sys, time
here = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGUSR2, lambda *_: (here / "warned").touch())
def save(*_):
    pathlib.Path(os.environ["SNAKEMAKE_SUBMITIT_REQUEUE_MARKER"]).write_text("saved")
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
(here / "ready").touch()
time.sleep(600)
"""


@pytest.mark.slurm
def test_a_task_cancelled_after_the_warning_does_not_come_back(node, slurm):
    (node.folder / "warned.py").write_text(WARNED_AND_GOES_ON)
    member = counted(node, "a", f"exec {sys.executable} {node.folder}/warned.py {node.folder}")
    job = submit(node, Task([member], SETTINGS), use_srun=False)
    wait_for((node.folder / "ready").exists, "the member to run")
    slurm.run("scancel", "--batch", "--signal=USR2", job.job_id)
    wait_for((node.folder / "warned").exists, "the member to be warned")
    slurm.run("scancel", job.job_id)
    wait_for(lambda: (member.result() or {}).get("status") == "requeue", "the member's word")
    wait_for(lambda: not slurm.queue(), "the job to leave the queue")
    assert state(slurm, job) == "CANCELLED", log_of(job)
    assert "to be started again" not in log_of(job)
