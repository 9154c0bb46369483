"""A toy objective in forty trials on a private SLURM: this project's executor against slurptuna and hydra-submitit-launcher.

    python -m benchmarks.search.peers [--trials 40] [--only NAME …] [--killed]

Each runs undisturbed: wall time, calls of sbatch. With `--killed`, its driver is killed with SIGKILL when half of the trials have
ended, and the same search is started again as its documentation says: what was left in the queue, and how many trials were begun in
all. The objective waits a second and notes its begin and its end. Two nodes with eight slots each, with accounting. slurptuna proposes points by
TPE, sixteen at a time; the others try points that are known before. Each peer lives in a virtual environment of its own in the user's
cache folder, made when first asked for; one that cannot be installed is named and left out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "plugins/submitit/tests"))
from slurm_sandbox import Sandbox
from slurm_sandbox.counting import Commands

LIMIT_S = 1800
AFTERWARDS_S = 60  # in which what a killed driver has left in the queue may end

OBJECTIVE = """
import os, random, sys, time

def note(what):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes"), "a") as file:
        file.write(what + "\\n")

def loss(x, y):
    note("begun")
    time.sleep(1)
    note("ended")
    return (x - 0.3) ** 2 + (y - 0.7) ** 2

def numbered(number):
    draw = random.Random(number)
    return loss(draw.random(), draw.random())

if __name__ == "__main__":
    print(numbered(int(sys.argv[1])))
"""
SNAKEFILE = """
import sys

rule best:
    input: expand("trials/{number}", number=range(config["trials"]))
    output: "best"
    localrule: True
    shell: "sort -g {input} | head -n 1 > {output}"

rule trial:
    output: "trials/{number}"
    params: python=sys.executable
    resources: runtime=10, mem_mb=500
    shell: "{params.python} objective.py {wildcards.number} > {output}"
"""
SLURPTUNA = """
import sys
from slurptuna import execution_mode, loss, optimize_run
from objective import loss as objective

@loss(name="toy", description="a bowl", parameter_space={"x": (0.0, 1.0), "y": (0.0, 1.0)})
def toy(params, seed):
    return objective(params["x"], params["y"])

if __name__ == "__main__":
    optimize_run(toy, mode=execution_mode("distributed"), n_trials=int(sys.argv[1]), n_seeds=1, chunk_size=1, run_name="toy",
                 max_concurrent_trials=16, slurm_qos=None, slurm_poll_seconds=2)
"""
HYDRA = """
import hydra
from objective import numbered

@hydra.main(version_base=None, config_path=".", config_name="toy")
def main(config):
    return numbered(config.number)

if __name__ == "__main__":
    main()
"""
HYDRA_CONFIG = """
defaults: [{override hydra/launcher: submitit_slurm}]
number: 0
hydra:
  launcher: {timeout_min: 10, mem_gb: 1, cpus_per_task: 1}
  sweep: {dir: sweep, subdir: "${hydra.job.num}"}
"""
OURS = ["--snakefile", "Snakefile", "--executor", "submitit", "--jobs", "500"]
PACKS = ["--submitit-jobs-per-task", "5", "--submitit-concurrent", "5"]


@dataclass(frozen=True, slots=True)
class Peer:
    """How one is installed (`packages`; none for ours), what it needs in its folder, how it is started and started again."""

    name: str
    packages: tuple[str, ...]
    files: dict[str, str]
    command: Callable[[int], list[str]]
    again: Callable[[int], list[str]] | None = None  # as the first time, unless given


def _ours(*options: str) -> dict[str, Callable[[int], list[str]]]:
    def arguments(trials: int) -> list[str]:
        return [*OURS, *options, "--config", f"trials={trials}"]

    resume = ["-m", "snakemake_executor_plugin_submitit", "resume", "--"]
    return {
        "command": lambda trials: ["-m", "snakemake", *arguments(trials)],
        "again": lambda trials: [*resume, *arguments(trials)],
    }


PEERS = [
    Peer("submitit", (), {"Snakefile": SNAKEFILE}, **_ours()),
    Peer("submitit, packs of 5", (), {"Snakefile": SNAKEFILE}, **_ours(*PACKS)),
    Peer("slurptuna", ("slurptuna==0.0.7",), {"toy.py": SLURPTUNA}, lambda trials: ["toy.py", str(trials)]),
    Peer(
        "hydra-submitit-launcher",
        ("hydra-submitit-launcher==1.2.0",),
        {"app.py": HYDRA, "toy.yaml": HYDRA_CONFIG},
        lambda trials: ["app.py", "--multirun", f"number=range({trials})"],
    ),
]


@dataclass(kw_only=True, slots=True)
class Run:
    """One search: wall time [s], calls of sbatch, trials that were begun and that ended."""

    seconds: float
    sbatch: int
    begun: int
    ended: int
    code: int
    queued: int | None = None  # jobs in the queue right after the driver was killed
    going_on: int | None = None  # trials that ended before the second start, without a driver


class Search:
    """One peer's search in a folder of its own below the sandbox's."""

    def __init__(self, peer: Peer, python: Path | str, sandbox: Sandbox, folder: Path, trials: int):
        self.peer, self.python, self.sandbox, self.folder, self.trials = peer, python, sandbox, folder, trials
        self.commands = Commands(folder)
        for name, text in {"objective.py": OBJECTIVE, **peer.files}.items():
            (folder / name).write_text(text)

    def start(self, arguments: list[str]) -> subprocess.Popen:
        environment = self.sandbox.environment | self.commands.environment(self.sandbox.environment["PATH"])
        with (self.folder / "screen").open("ab") as screen:
            return subprocess.Popen(
                ["env", "--default-signal=INT", str(self.python), *arguments], cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, start_new_session=True,
            )  # fmt: skip

    def noted(self, what: str) -> int:
        notes = self.folder / "notes"
        return notes.read_text().split().count(what) if notes.exists() else 0

    def undisturbed(self) -> Run:
        began = time.monotonic()
        code = self.start(self.peer.command(self.trials)).wait(LIMIT_S)
        return self._run(time.monotonic() - began, code)

    def killed(self) -> Run:
        """Kill the driver in the middle, see what goes on without it, and start it again."""
        began = time.monotonic()
        driver = self.start(self.peer.command(self.trials))
        while self.noted("ended") < self.trials // 2:
            if driver.poll() is not None or time.monotonic() - began > LIMIT_S:
                raise SystemExit(f"{self.peer.name} ended too early:\n{(self.folder / 'screen').read_text()[-3000:]}")
            time.sleep(0.5)
        driver.kill()
        driver.wait()
        queued, until = len(self.sandbox.queue()), time.monotonic() + AFTERWARDS_S
        while self.sandbox.queue() and time.monotonic() < until:
            time.sleep(2)
        alone = self.noted("ended")
        code = self.start((self.peer.again or self.peer.command)(self.trials)).wait(LIMIT_S)
        run = self._run(time.monotonic() - began, code)
        run.queued, run.going_on = queued, alone
        return run

    def _run(self, seconds: float, code: int) -> Run:
        if code:
            print((self.folder / "screen").read_text()[-3000:], file=sys.stderr)
        calls, begun, ended = len(self.commands.calls("sbatch")), self.noted("begun"), self.noted("ended")
        return Run(seconds=seconds, sbatch=calls, begun=begun, ended=ended, code=code)


def python_of(peer: Peer) -> Path | str | None:
    """The interpreter of a peer's environment, made when first asked for; None where it cannot be installed."""
    if not peer.packages:
        return sys.executable
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cascada-benchmarks" / peer.packages[0].replace("==", "-")
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", *peer.packages]
        if subprocess.run(pip).returncode:
            print(f"{peer.name}: {', '.join(peer.packages)} cannot be installed; left out", flush=True)
            return None
        (folder / "complete").touch()
    return folder / "bin/python"


def row(name: str, run: Run) -> str:
    if run.queued is None:
        return f"| {name} | {run.seconds:.0f} | {run.sbatch} | {run.begun} | {run.code} | | |"
    return f"| {name}, killed | {run.seconds:.0f} | {run.sbatch} | {run.begun} | {run.code} | {run.queued} | {run.going_on} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.peers", description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--only", nargs="+", choices=[peer.name for peer in PEERS], help="these alone")
    parser.add_argument("--killed", action="store_true", help="kill the drivers in the middle, too")
    arguments = parser.parse_args()
    print(f"{arguments.trials} trials of a second each; exit code of the last driver\n", flush=True)
    print(
        "|  | wall [s] | sbatch | trials begun | exit | jobs queued after the kill | trials ended before the second start |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    with Sandbox(accounting=True, memory=32000) as sandbox:
        for peer in PEERS:
            python = python_of(peer) if not arguments.only or peer.name in arguments.only else None
            for search in (Search.undisturbed, Search.killed)[: 1 + arguments.killed] if python else ():
                with tempfile.TemporaryDirectory(dir=sandbox.folder) as folder:
                    print(
                        row(peer.name, search(Search(peer, python, sandbox, Path(folder), arguments.trials))),
                        flush=True,
                    )
                    sandbox.clear()


if __name__ == "__main__":
    main()
