"""Seeded disturbances of a workflow on the SLURM sandbox, and what the attempts at its trials must add up to afterwards.

A moment is given by the work that is done before it, not by seconds: on a slow machine everything would else be disturbed while it starts.
"""

import contextlib
import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from slurm_sandbox import Sandbox, SandboxError, wait_until
from slurm_sandbox.driver import Driver

from cascada.core.files import read_json
from cascada.training import attempts

KINDS = (
    "the driver is killed",
    "the driver is stopped",
    "a process of a job is killed",
    "a process of a job is stopped",
    "a training is killed",
    "slurmd is killed",
    "slurmd is stopped",
    "a node crashes",
    "slurmctld is killed",
    "slurmctld is stopped",
    "a job is requeued",
    "a job is preempted",
)
PATIENCE_S = 90.0  # a moment comes after so long, although the work before it is not done
EVERY_S = 0.25


@dataclass(frozen=True)
class Moment:
    """`epochs` are to be trained before it, by all trials together; `lasts_s` is for what is stopped or down."""

    kind: str
    epochs: int
    delay_s: float
    lasts_s: float
    node: str
    choice: float  # of one among several processes or jobs, from 0 to 1


def moments(seed: int, count: int) -> list[Moment]:
    """So many moments, every kind as often as any other, up to one."""
    draw = random.Random(seed)
    kinds = [kind for _ in range(-(-count // len(KINDS))) for kind in draw.sample(KINDS, len(KINDS))]
    return [
        Moment(
            kind=kind, epochs=draw.choice([0, 5, 20, 60]), delay_s=draw.uniform(0, 2), lasts_s=draw.uniform(0.5, 4),
            node=draw.choice(["n1", "n2"]), choice=draw.random(),
        )
        for kind in kinds[:count]
    ]  # fmt: skip


class Run:
    """A workflow whose driver is started again whenever it has ended before its work is done."""

    def __init__(self, sandbox: Sandbox, start: Callable[..., Driver], results: Path):
        """`start`: starts a driver, with `resume=True` as the documents say for one that was killed."""
        self.sandbox, self._start, self.results = sandbox, start, results
        self.driver = start(resume=False)
        self.told: list[str] = []  # what happened, for a test that fails
        self.screens: list[str] = []

    def resume(self) -> None:
        self.screens.append(self.driver.screen)
        self.driver = self._start(resume=True)

    def finished(self) -> bool:
        """Whether the driver has ended and left nothing to do."""
        return not self.driver.running and self.driver.wait() == 0

    def disturb(self, moment: Moment) -> bool:
        """Wait for the moment and let it happen. Returns False if the run has finished before."""
        trained, deadline = self.trained(), time.monotonic() + PATIENCE_S
        while self.trained() < trained + moment.epochs and time.monotonic() < deadline and self.driver.running:
            time.sleep(EVERY_S)
        time.sleep(moment.delay_s)
        if self.finished():
            return False
        self._tell(f"{moment.kind}: {self._happen(moment)}")
        if not self.driver.running:
            self.resume()
        return True

    def finish(self, starts: int = 5, timeout_s: float = 1200) -> None:
        """Wait for the end. A trial that was killed once too often ends the driver with an error: it is started again.

        Then every node is in service: one may have been drained after it was brought back, for a job that it did not end in time.
        """
        for _ in range(starts):
            if self.driver.wait(timeout_s) == 0:
                for node in self.sandbox.layout.node_names:
                    wait_until(lambda node=node: self._in_service(node), f"{node} is in service", every_s=1.0)
                return
            self._tell("the driver has ended with an error")
            self.resume()
        raise SandboxError(f"not done after {starts} more starts: {self.told}; the last screen:\n{self.screens[-1]}")

    def _tell(self, text: str) -> None:
        self.told.append(f"{time.strftime('%H:%M:%S')} {text}")
        print(self.told[-1], flush=True)  # shown with the failure

    def trained(self) -> float:
        """Epochs that all trials together have reached."""
        return sum(epochs_reached(path) for path in self.results.glob("trials/*/*/*/progress.json"))

    # -- what happens ------------------------------------------------------------------------------------------------

    def _happen(self, moment: Moment) -> str:
        """Returns what was hit, for people."""
        what, _, how = moment.kind.rpartition(" is ")
        if what in ("slurmd", "slurmctld"):
            return self._daemon(moment.node if what == "slurmd" else what, how, moment.lasts_s)
        if what == "the driver":
            return self._driver(how, moment.lasts_s)
        if what == "a job":
            return self._job(how, moment.choice)
        if moment.kind == "a node crashes":
            return self._crash(moment)
        return self._process(moment, trains if what == "a training" else lambda process: True, how)

    def _daemon(self, name: str, how: str, lasts_s: float) -> str:
        if how == "killed":
            self.sandbox.kill(name)
            time.sleep(lasts_s)
            self._bring_back(name)
        else:
            self.sandbox.pause(name)
            time.sleep(lasts_s)
            self.sandbox.resume(name)
        return name

    def _driver(self, how: str, lasts_s: float) -> str:
        if not self.driver.running:
            return "it had ended"
        if how == "killed":
            self.driver.kill()
        else:
            self.driver.pause()
            time.sleep(lasts_s)
            self.driver.go_on()
        return "done"

    def _job(self, how: str, choice: float) -> str:
        if how == "preempted":  # by one that takes both nodes for a second
            urgent = [
                "--partition=urgent",
                "--nodes=2",
                "--exclusive",
                "--output=/dev/null",
                "--no-requeue",
                "--wrap=sleep 1",
            ]
            return self.sandbox.run("sbatch", *urgent).stdout.strip()
        jobs = [job["id"] for job in self.sandbox.queue() if job["state"] == "RUNNING"]
        if not jobs:
            return "none runs"
        job = jobs[int(choice * len(jobs))]
        return job + self.sandbox.run("scontrol", "requeue", job, check=False).stderr

    def _crash(self, moment: Moment) -> str:
        self.sandbox.crash(moment.node)
        time.sleep(moment.lasts_s)
        self._bring_back(moment.node)
        return moment.node

    def _bring_back(self, name: str) -> None:
        """Start a daemon. A node is put into service again, as its administrator does: SLURM drains one that was killed while it launched a job."""
        self.sandbox.start(name, wait=False)
        if name != "slurmctld":
            wait_until(lambda: self._in_service(name), f"{name} is in service", every_s=1.0)

    def _in_service(self, node: str) -> bool:
        state = self.sandbox.run("sinfo", "--noheader", "--nodes", node, "--format=%T", check=False).stdout.strip()
        if state.startswith(("drain", "down")):
            self._tell(f"{node} was {state} and is put into service again")
            self.sandbox.run("scontrol", "update", f"NodeName={node}", "State=RESUME", check=False)
        return state in ("idle", "mixed", "allocated", "completing")

    def _process(self, moment: Moment, wanted: Callable[[psutil.Process], bool], how: str) -> str:
        """One of the processes of all jobs: a training, its Snakemake, the worker that forked it, the task, the batch shell."""
        found = [process for process in self._processes() if wanted(process)]
        if not found:
            return "none runs"
        process = found[int(moment.choice * len(found))]
        with contextlib.suppress(psutil.Error):
            words = " ".join(process.cmdline())[-120:]
            process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGSTOP)
            if how == "stopped":
                time.sleep(moment.lasts_s)
                process.send_signal(signal.SIGCONT)
            return f"{process.pid} {words}"
        return "it had ended"

    def _processes(self) -> Iterator[psutil.Process]:
        for node in self.sandbox.layout.node_names:
            for pid in sorted(self.sandbox.processes_on(node)):
                with contextlib.suppress(psutil.Error):
                    yield psutil.Process(pid)


def trains(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(os.path.basename(word).endswith(".train.py") for word in process.cmdline())
    return False


def epochs_reached(progress: Path) -> float:
    with contextlib.suppress(OSError, ValueError):
        content = read_json(progress)
        return content["epoch"] - 1 + content["step"] / content["steps"]
    return 0.0


def trained_twice(trial: Path, begins_at: int, ends_at: int) -> list[str]:
    """What is wrong with the attempts at a trial that goes on after `begins_at` epochs; nothing if all is well.

    All attempts together train its epochs, and one more at most for each that was killed: what is saved on a signal loses none, and after a
    completed attempt nothing is left to train. Never do two of them train at a time.
    """
    lines = attempts.read(trial)
    wrong = [] if lines and lines[0]["first_epoch"] == begins_at + 1 else [f"does not begin after {begins_at} epochs"]
    if len({line["identity"] for line in lines}) > 1:
        wrong.append("attempts at several results")
    lost = sum(line["epochs"] for line in lines) - (ends_at - begins_at)
    killed = sum(line["reason"] == "killed" for line in lines)
    if not -1e-6 < lost <= killed + 1e-6:
        wrong.append(f"{lost:.2f} epochs too many, with {killed} attempts that were killed")
    for one, other in itertools.pairwise(lines):
        if other["started"] < one["ended"] - 0.01:
            wrong.append("two attempts at a time")
        if one["reason"] == "completed" and other["epochs"]:
            wrong.append(f"{other['epochs']} epochs were trained after it was completed")
    told = [(line["reason"], line["first_epoch"], round(line["epochs"], 2)) for line in lines]
    return [f"{trial.parts[-3:]}: {text}: {told}" for text in wrong]
