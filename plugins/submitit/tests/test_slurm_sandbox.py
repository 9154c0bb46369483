"""The sandbox does what the other tests rely on: jobs, arrays, GPUs, limits, requeue, preemption, accounting, clean ends."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from slurm_sandbox import Sandbox, SandboxError, configuration, wait_until
from slurm_sandbox.counting import Commands
from slurm_sandbox.tools import alive, free_ports

pytestmark = pytest.mark.slurm


def submit(sandbox, tmp_path, script, *options):
    done = sandbox.run(
        "sbatch", "--parsable", *options, f"--output={tmp_path}/%x-%a.out", "--wrap", script, cwd=tmp_path
    )
    return done.stdout.strip()


def test_array_with_gpus_and_folder_mode(sandbox, tmp_path):
    assert sandbox.folder.stat().st_mode & 0o777 == 0o700
    script = 'echo "$SLURM_ARRAY_TASK_ID $CUDA_VISIBLE_DEVICES $SLURMD_NODENAME" >> log; sleep 2'
    submit(sandbox, tmp_path, script, "--array=0-3", "--gres=gpu:1")
    wait_until(lambda: not sandbox.queue(), "the array has ended")
    rows = sorted(line.split() for line in (tmp_path / "log").read_text().splitlines())
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert sorted(row[1:] for row in rows) == [["0", "n1"], ["0", "n2"], ["1", "n1"], ["1", "n2"]]


def test_requeue_runs_the_job_again_after_term(sandbox, tmp_path):
    script = 'trap "echo term >> log" TERM; echo begin >> log; [ "$SLURM_RESTART_COUNT" ] || { sleep 60 & wait; }'
    job = submit(sandbox, tmp_path, script)
    wait_until((tmp_path / "log").exists, "the job has begun")
    sandbox.run("scontrol", "requeue", job)
    wait_until(lambda: not sandbox.queue(), "the requeued job has ended")
    assert (tmp_path / "log").read_text().split() == ["begin", "term", "begin"]


def test_urgent_jobs_preempt(sandbox, tmp_path):
    script = 'echo main >> log; [ "$SLURM_RESTART_COUNT" ] || sleep 60'
    submit(sandbox, tmp_path, script, "--nodes=2", "--exclusive")
    wait_until((tmp_path / "log").exists, "the job has begun")
    submit(sandbox, tmp_path, "echo urgent >> log", "--partition=urgent")
    wait_until(lambda: not sandbox.queue(), "both have ended")
    assert (tmp_path / "log").read_text().split() == ["main", "urgent", "main"]


def test_memory_limit_ends_a_job(accounting_sandbox, tmp_path):
    hog = "import time; block = b'1' * 300_000_000; time.sleep(60)"
    job = submit(accounting_sandbox, tmp_path, f'{sys.executable} -c "{hog}"', "--mem=100")
    wait_until(lambda: not accounting_sandbox.queue(), "the job has ended")
    state = ["sacct", "--noheader", "--parsable2", f"--jobs={job}", "--format=State"]
    wait_until(lambda: "RUNNING" not in accounting_sandbox.run(*state).stdout, "sacct knows the end")
    states = accounting_sandbox.run(*state).stdout.split("\n")
    assert states[0].split()[0] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED"), states


GREEDY = """
for gpu in 0 1; do cat "$1/gpus/gpu$gpu"; done
setsid sleep 600 & echo $! > daemon
python3 -c 'block = b"1" * 300_000_000'
echo "ended with $?, goes on"
"""


def test_cgroups_limit_memory_devices_and_what_is_left_behind(cgroups_sandbox, tmp_path):
    script = GREEDY.replace("$1", str(cgroups_sandbox.folder))
    job = submit(cgroups_sandbox, tmp_path, script, "--mem=100", "--gres=gpu:1", "--job-name=greedy")
    wait_until(lambda: not cgroups_sandbox.queue(), "the job has ended")
    words = next(tmp_path.glob("greedy-*.out")).read_text()
    assert re.search("gpu0: No such device or address\n.*gpu1: Operation not permitted", words), words
    assert "ended with 137, goes on" in words
    assert "JobState=OUT_OF_MEMORY" in cgroups_sandbox.run("scontrol", "show", "job", job).stdout
    assert not alive(int((tmp_path / "daemon").read_text()))


def test_each_sandbox_has_cgroups_of_its_own_and_removes_them(cgroups_sandbox, tmp_path):
    with Sandbox(nodes=1, gpus_per_node=0, cgroups=True) as second:
        submit(second, tmp_path, "cat /proc/self/cgroup > cgroup; sleep 600")
        wait_until((tmp_path / "cgroup").exists, "the job runs")
        made = [file.readlink() for file in (second.folder / "cgroup").iterdir()]
        others = [file.readlink() for file in (cgroups_sandbox.folder / "cgroup").iterdir()]
        assert f"/{made[0].name}/slurm_n1/" in (tmp_path / "cgroup").read_text()
        assert all(folder.is_dir() for folder in made) and not set(made) & set(others)
    wait_until(lambda: not any(folder.exists() for folder in made), "its cgroups are gone")
    assert all(folder.is_dir() for folder in others)


def test_accounting_knows_states_and_comments(accounting_sandbox, tmp_path):
    good = submit(accounting_sandbox, tmp_path, "true", "--comment=rule a")
    bad = submit(accounting_sandbox, tmp_path, "exit 3")
    query = [
        "sacct",
        "-X",
        "--noheader",
        "--parsable2",
        f"--jobs={good},{bad}",
        "--format=JobID,State,ExitCode,Comment",
    ]
    expected = [f"{good}|COMPLETED|0:0|rule a", f"{bad}|FAILED|3:0|"]
    wait_until(lambda: accounting_sandbox.run(*query).stdout.splitlines() == expected, f"sacct says {expected}", 60)


def test_without_accounting_sacct_refuses(sandbox):
    done = sandbox.run("sacct", check=False)
    assert done.returncode and "disabled" in done.stderr


def test_change_restarts_with_jobs_kept_and_a_dead_controller_is_noticed(sandbox, tmp_path):
    job = submit(sandbox, tmp_path, "sleep 60")
    former = sandbox.change(MaxArraySize=5)
    try:
        refused = sandbox.run("sbatch", "--array=0-5", "--wrap", "true", check=False)
        assert "Invalid job array specification" in refused.stderr
        assert [row["id"] for row in sandbox.queue()] == [job]
        sandbox.kill("slurmctld")
        assert sandbox.run("squeue", check=False).returncode
        with pytest.raises(SandboxError, match="slurmctld has ended"):
            sandbox.check_alive("slurmctld")
        sandbox.start("slurmctld")
    finally:
        sandbox.change(**former)
    assert former == {"MaxArraySize": None}
    sandbox.clear()


def test_a_killed_slurmd_comes_back_and_its_job_is_kept(sandbox, tmp_path):
    submit(sandbox, tmp_path, "touch begun; while [ ! -e go ]; do sleep 0.2; done; echo end > log", "--nodelist=n2")
    wait_until((tmp_path / "begun").exists, "the job has begun")
    sandbox.kill("n2")
    sandbox.start("n2")
    (tmp_path / "go").touch()
    wait_until(lambda: not sandbox.queue(), "the job has ended")
    assert (tmp_path / "log").read_text() == "end\n"


def test_after_a_crash_of_a_node_its_job_runs_on_the_other(sandbox, tmp_path):
    script = 'echo "begin $1 $SLURMD_NODENAME" >> log; while [ ! -e go ]; do sleep 0.2; done; echo "end $1" >> log'
    for name in "ab":
        submit(sandbox, tmp_path, f"set {name}; {script}", "--exclusive")
    # not that SLURM calls them running: a step that is being started has nothing yet by which `crash` could find it
    log = tmp_path / "log"
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 2, "both run")
    sandbox.crash("n2")
    sandbox.run("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=crash")  # what SlurmdTimeout does later
    (tmp_path / "go").touch()
    wait_until(lambda: not sandbox.queue(), "both have ended")
    sandbox.start("n2")
    lines = (tmp_path / "log").read_text().splitlines()
    (lost,) = [line.split()[1] for line in lines if line.endswith(" n2")]
    assert sorted(lines) == sorted(["begin a n1", "begin b n1", f"begin {lost} n2", "end a", "end b"])


def test_wrapped_commands_are_counted_and_fail_when_told(sandbox, tmp_path):
    commands = Commands(tmp_path)
    environment = sandbox.environment | commands.environment(sandbox.environment["PATH"])
    commands.fail("sinfo", "never wrapped")
    commands.fail("squeue", "first words", "second words")
    answers = [sandbox.run("squeue", "--me", check=False, env=environment) for _ in range(3)]
    assert [(done.returncode, done.stderr) for done in answers] == [
        (1, "first words\n"),
        (1, "second words\n"),
        (0, ""),
    ]
    assert commands.calls("squeue") == ["--me"] * 3 and commands.calls("sacct") == []


OWNER = """
    import sys, time
    from slurm_sandbox import Sandbox
    sandbox = Sandbox(nodes=1, gpus_per_node=0).__enter__()
    sandbox.run("sbatch", "--output=/dev/null", "--wrap", f"echo $$ > {sys.argv[1]}.new; mv {sys.argv[1]}.new {sys.argv[1]}; sleep 600")
    print(*sandbox.pids.values(), sandbox.folder, flush=True)
    time.sleep(600)
"""


def test_two_at_once_and_all_ends_when_the_owner_is_killed(sandbox, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(tmp_path / "job")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as owner:
        *pids, folder = owner.stdout.readline().split()
        wait_until((tmp_path / "job").exists, "the job of the second sandbox runs")
        pids = [int(pid) for pid in [*pids, (tmp_path / "job").read_text()]]
        assert len(pids) == 4 and all(alive(pid) for pid in pids)
        assert Path(folder) != sandbox.folder and sandbox.queue() == []
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in pids), "daemons and job have ended with their owner")
    wait_until(lambda: not Path(folder).exists(), "its folder is removed")
    sandbox.check_alive("slurmctld")


def test_a_daemon_s_number_that_is_another_process_s_by_now_is_left_alone():
    with subprocess.Popen(["sleep", "600"]) as foreign:
        code = f"from slurm_sandbox import supervisor; supervisor.end_descendants([{foreign.pid}])"
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        assert foreign.poll() is None
        foreign.kill()


def test_command_line_prints_exports_and_ends_with_sigint(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-m",
        "slurm_sandbox",
        "--nodes=1",
        "--option",
        "MaxArraySize=7",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        lines = [process.stdout.readline() for _ in range(4)]
        assert lines[0].startswith("# SLURM is ready after ")
        exports = "".join(lines[1:3])
        asked = subprocess.run(
            ["sh", "-c", exports + "scontrol show config | grep MaxArraySize"], capture_output=True, text=True
        )
        assert asked.stdout.split() == ["MaxArraySize", "=", "7"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    configuration_file = exports.split("\n")[0].split("=")[1]
    assert not Path(configuration_file).exists()


def test_errors_name_what_is_there(sandbox, tmp_path):
    with pytest.raises(SandboxError, match="no daemon 'n3'; there are munged, slurmctld, n1, n2"):
        sandbox.start("n3")
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="is not empty"):
        Sandbox(tmp_path).__enter__()
    with pytest.raises(SandboxError, match=r"sbatch --array=x --wrap true ended with 1:\n.*Invalid job array"):
        sandbox.run("sbatch", "--array=x", "--wrap", "true")


def test_ports_are_different_and_below_those_of_outgoing_connections():
    ports = free_ports(50)
    assert len(set(ports)) == 50 and all(20000 <= port < 32000 for port in ports)


def test_options_go_over_defaults():
    layout = configuration.Layout(
        folder=Path("/f"), socket=Path("/s"), host="h", user="u", nodes=1, gpus_per_node=0, cpus=1, memory=100,
        accounting=False, ports={"slurmctld": 1, "n1": 2}, options={"KillWait": 99},
    )  # fmt: skip
    lines = configuration.slurm_conf(layout).splitlines()
    assert "KillWait=99" in lines and "KillWait=5" not in lines
    assert lines[-3] == "NodeName=n1 NodeHostname=h NodeAddr=127.0.0.1 Port=2 CPUs=1 RealMemory=100 State=UNKNOWN"
