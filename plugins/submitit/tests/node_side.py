"""What the tests of the node side share: a job that saves its work, members to run, workers and tasks as processes."""

import os
import pickle
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from snakemake_executor_plugin_submitit import members as package
from snakemake_executor_plugin_submitit import processes
from snakemake_executor_plugin_submitit.members import Member, PackSettings

SOURCE = Path(package.__file__).parents[1]
TIMEOUT_S = 60

# Counts up to a number in steps, keeps what it has on a signal, and goes on from there; saves once however many signals.
SAVING_JOB = """
import os, signal, sys, time
from pathlib import Path
folder, steps = Path(sys.argv[1]), int(sys.argv[2])
asked = []
for number in (signal.SIGUSR2, signal.SIGTERM):
    signal.signal(number, lambda number, frame: asked.append(number))
state = folder / "state"
step = int(state.read_text()) if state.exists() else 0
(folder / "ready").touch()
while step < steps:
    if asked:
        time.sleep(0.3)
        state.write_text(str(step))
        with (folder / "saves").open("a") as file:
            file.write(f"{signal.Signals(asked[0]).name}\\n")
        Path(os.environ["SNAKEMAKE_SUBMITIT_REQUEUE_MARKER"]).write_text(f"saved at step {step}\\n")
        sys.exit(1)
    step += 1
    time.sleep(0.05)
(folder / "total").write_text(str(step))
"""

# what a task does after its fork: members and settings from a file, standard input for the pipe
WORKER = """
import os, pickle, sys
from snakemake_executor_plugin_submitit.node import worker
with open(sys.argv[1], "rb") as file:
    members, settings = pickle.load(file)
worker.become(members, settings, {}, [], os.dup(0))
"""

SNAKEFILE = """
rule count:
    output: "{name}/done"
    params: steps=lambda wildcards: config["steps"]
    shell: "python save.py {wildcards.name} {params.steps} && touch {output}"
"""


def wait_for(condition, what: str):
    deadline = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


class Node:
    """A folder with jobs, and the processes that run them."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "save.py").write_text(SAVING_JOB)
        (folder / "Snakefile").write_text(SNAKEFILE)
        self.started: list[subprocess.Popen] = []

    def member(self, name: str, command: str, threads: int = 1, **environment: str) -> Member:
        folder = self.folder / "members" / name
        folder.mkdir(parents=True)
        return Member(
            token=secrets.token_hex(8), name=name, command=command, folder=folder, log=folder / "log",
            environment=environment, threads=threads,
        )  # fmt: skip

    def plain(self, name: str, steps: int) -> Member:
        """A saving job started by a shell."""
        (self.folder / name).mkdir()
        return self.member(name, f"cd {self.folder} && exec {sys.executable} save.py {name} {steps}")

    def snakemake(self, name: str, steps: int) -> Member:
        """A saving job below a nested Snakemake, as the executor starts them."""
        (self.folder / name).mkdir()
        options = "--cores 1 --force --nolock --ignore-incomplete --quiet progress"
        command = f"{sys.executable} -m snakemake {options} --config steps={steps} -- '{name}/done'"
        return self.member(name, f"cd {self.folder} && {command}")

    def environment(self, **more: str) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {**os.environ, "PYTHONPATH": str(SOURCE), "PATH": path, **more}

    def worker(self, members: list[Member], **settings) -> subprocess.Popen:
        """A worker, in a new process that does what the task's fork does."""
        settings = PackSettings(**{"signal_delay_s": 60, "max_requeues": 3, **settings})
        given = self.folder / "members.pickle"
        given.write_bytes(pickle.dumps((members, settings)))
        worker = subprocess.Popen(
            [sys.executable, "-u", "-c", WORKER, str(given)],
            stdin=subprocess.PIPE, stdout=(self.folder / "worker.log").open("a"), stderr=subprocess.STDOUT,
            env=self.environment(SNAKEMAKE_PROFILE="/nowhere"), cwd=self.folder,
        )  # fmt: skip
        self.started.append(worker)
        return worker

    def run(self, members: list[Member], **settings) -> str:
        """Run a worker to its end; returns what it printed."""
        worker = self.worker(members, **settings)
        assert worker.wait(timeout=TIMEOUT_S) == 0, (self.folder / "worker.log").read_text()
        return (self.folder / "worker.log").read_text()

    def wait_ready(self, *names: str) -> None:
        def ready() -> bool:
            assert self.started[-1].poll() is None, "ended: " + (self.folder / "worker.log").read_text()
            return all((self.folder / name / "ready").exists() for name in names)

        wait_for(ready, f"{', '.join(names)} to run")

    def saves(self, name: str) -> list[str]:
        path = self.folder / name / "saves"
        return path.read_text().split() if path.exists() else []

    def close(self) -> None:
        """End what a failed test has left."""
        for process in self.started:
            process.kill()
            process.wait()
        here = str(self.folder)
        for pid in [pid for pids in processes.by_session().values() for pid in pids]:
            try:
                if os.readlink(f"/proc/{pid}/cwd").startswith(here):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue


def family(pid: int) -> list[int]:
    """A process and all its descendants, whatever their sessions: whom SLURM's proctrack/linuxproc signals."""
    found, parents = [pid], {}
    for pids in processes.by_session().values():
        for each in pids:
            try:
                parents[each] = int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found
