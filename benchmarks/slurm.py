"""Trivial jobs on a private SLURM: this project's executor plugin, plain and in packs, against the official SLURM plugin.

    python -m benchmarks.slurm [NUMBER …]

NUMBER of jobs; 0 stands for the demonstration experiment; 20, 200 and 0 if none is given. Two nodes with eight slots
each, with accounting, both plugins with their defaults. Goals: at least 4 times faster, in packs at least 10 times; at most
10 calls of sbatch for 200 jobs; the demonstration through the profile slurm in at most 1.3 times the time that it takes
with --cores 2. The official plugin lives in a virtual environment of its own in the user's cache folder; it takes SLURM_CONF away from
its jobs, so that the sandbox's configuration is linked into /etc/slurm while it runs: without the right to do so, or where
a slurm.conf is there, it is left out.
"""

import contextlib
import dataclasses
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "plugins/submitit/tests"))
from slurm_sandbox import Sandbox
from slurm_sandbox.counting import Commands

ROOT = Path(__file__).resolve().parents[1]
SYSTEM_FOLDER = Path("/etc/slurm")
OFFICIAL = ["snakemake==9.27.1", "snakemake-executor-plugin-slurm==2.8.0"]
NUMBERS = (20, 200, 0)
ARRAYS_AT_MOST = 50  # the official plugin's arrays break from about 90 tasks
LIMIT_S = 1800
WORKFLOW = """
rule all:
    input: expand("out/{number}", number=range(int(config["number"])))

rule trivial:
    output: "out/{number}"
    resources: runtime=10, mem_mb=500
    shell: "touch {output}"
"""
SUBMITIT = ["--executor", "submitit"]
PACKS = [*SUBMITIT, "--submitit-jobs-per-task", "25", "--submitit-concurrent", "2"]


@dataclasses.dataclass(kw_only=True, slots=True)
class Run:
    """One run of the workflow: wall and CPU time [s], calls of SLURM's commands."""

    name: str
    number: int
    seconds: float
    driver_cpu: float
    jobs_cpu: float
    sbatch: int
    status: int

    @property
    def row(self) -> str:
        per_job = f"{self.jobs_cpu / self.number:>12.2f} {self.driver_cpu:>11.1f}"
        return f"{self.name:<22} {self.number:>5} {self.seconds:>9.1f} {per_job} {self.sbatch:>7} {self.status:>7}"


HEADER = (
    f"{'executor':<22} {'jobs':>5} {'wall [s]':>9} {'CPU s / job':>12} {'driver CPU':>11} {'sbatch':>7} {'status':>7}"
)


def children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def snakemake(python: Path | str, folder: Path, environment: dict[str, str], *arguments: str) -> None:
    """Run Snakemake on the workflow in `folder`; the end of its screen is shown if it fails."""
    command = [str(python), "-m", "snakemake", "--nolock", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S
    )
    if done.returncode:
        screen = "\n".join(done.stdout.decode().splitlines()[-60:])
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}; its screen ends with\n{screen}")


def measure(name: str, sandbox: Sandbox, number: int, python: Path | str, arguments: list[str]) -> Run:
    """Run `number` jobs in a new folder below the sandbox's."""
    with tempfile.TemporaryDirectory(dir=sandbox.folder) as temporary:
        folder = Path(temporary)
        (folder / "Snakefile").write_text(WORKFLOW)
        commands = Commands(folder)
        environment = sandbox.environment | commands.environment(sandbox.environment["PATH"])
        began, driver, jobs = time.monotonic(), children_cpu(), sandbox.cpu_seconds_of_ended_jobs()
        snakemake(python, folder, environment, *arguments, "--jobs", "500", "--config", f"number={number}")
        seconds, driver = time.monotonic() - began, children_cpu() - driver
        time.sleep(2)  # the last steps are being reaped
        assert len(list((folder / "out").iterdir())) == number
        return Run(
            name=name,
            number=number,
            seconds=seconds,
            driver_cpu=driver,
            jobs_cpu=sandbox.cpu_seconds_of_ended_jobs() - jobs,
            sbatch=len(commands.calls("sbatch")),
            status=sum(len(commands.calls(command)) for command in ("sacct", "squeue", "scontrol")),
        )


def bare_start(sandbox: Sandbox, repeats: int = 5) -> float:
    """CPU seconds of a local `python -m snakemake` that runs one trivial job, as every job on a cluster does."""
    with tempfile.TemporaryDirectory(dir=sandbox.folder) as temporary:
        folder = Path(temporary)
        (folder / "Snakefile").write_text(WORKFLOW)
        began = children_cpu()
        for number in range(repeats):
            arguments = ["--cores", "1", "--config", f"number={repeats}", "--", f"out/{number}"]
            snakemake(sys.executable, folder, sandbox.environment, *arguments)
        return (children_cpu() - began) / repeats


def official_python() -> Path:
    """The interpreter of the official plugin's environment, made when first asked for."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cascada-benchmarks" / OFFICIAL[1].replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *OFFICIAL], check=True)
        (folder / "complete").touch()
    return python


@contextlib.contextmanager
def system_configuration(sandbox: Sandbox) -> Iterator[bool]:
    """Link the sandbox's files into /etc/slurm for a while; False where that is not possible."""
    links = [SYSTEM_FOLDER / name for name in ("slurm.conf", "gres.conf")]
    if any(os.path.lexists(link) for link in links) or not os.access(SYSTEM_FOLDER, os.W_OK):
        yield False
        return
    made = []
    try:
        for link in links:
            link.symlink_to(sandbox.configuration_file.with_name(link.name))
            made.append(link)
        yield True
    finally:
        for link in made:
            link.unlink()


def runs(sandbox: Sandbox, number: int, with_official: bool) -> list[Run]:
    """All executors one after the other, on the same sandbox; each line is printed as it comes."""
    plans = [("submitit", sys.executable, SUBMITIT), ("submitit, packs of 25", sys.executable, PACKS)]
    if with_official:
        plans.append(("slurm", official_python(), ["--executor", "slurm"]))
        if number <= ARRAYS_AT_MOST:
            plans.append(("slurm, its arrays", official_python(), ["--executor", "slurm", "--slurm-array-jobs", "all"]))
    found = []
    for name, python, arguments in plans:
        found.append(measure(name, sandbox, number, python, arguments))
        print(found[-1].row, flush=True)
    return found


def compare(found: list[Run], bare: float) -> list[tuple[str, float, float, bool]]:
    """What was compared, value, goal, whether more is better."""
    rows = []
    for run in found:
        number = run.number
        if run.name == "submitit":
            rows.append((f"calls of sbatch for {number} jobs", run.sbatch, 10, False))
            rows.append((f"status calls per second, {number} jobs", run.status / run.seconds, 1, False))
            rows.append((f"CPU of a job / bare Snakemake start, {number} jobs", run.jobs_cpu / number / bare, 2, False))
        officials = [other.seconds for other in found if other.name.startswith("slurm") and other.number == number]
        if officials and run.name.startswith("submitit"):
            name, goal = f"{run.name}: times faster than slurm, {number} jobs", 4 if run.name == "submitit" else 10
            rows.append((name, min(officials) / run.seconds, goal, True))
    return rows


def demonstration(sandbox: Sandbox, *arguments: str) -> float:
    """Wall time [s] of the demonstration experiment in a new folder."""
    with tempfile.TemporaryDirectory(dir=sandbox.folder) as temporary:
        began = time.monotonic()
        files = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(ROOT / "config.yaml")]
        snakemake(sys.executable, Path(temporary), sandbox.environment, *files, *arguments)
        return time.monotonic() - began


def demonstrations() -> tuple[str, float, float, bool]:
    with Sandbox(accounting=True, memory=32000) as sandbox:
        local = demonstration(sandbox, "--cores", "2")
        cluster = demonstration(sandbox, "--profile", str(ROOT / "profiles/slurm"))
    print(f"\nthe demonstration: {local:.0f} s with --cores 2, {cluster:.0f} s with --profile slurm")
    return "demonstration: --profile slurm / --cores 2", cluster / local, 1.3, False


def trivial_jobs(numbers: list[int]) -> list[tuple[str, float, float, bool]]:
    with Sandbox(accounting=True) as sandbox, system_configuration(sandbox) as possible:
        if not possible:
            print(
                f"the official plugin is left out: {SYSTEM_FOLDER} cannot be written or has a configuration of its own"
            )
        bare = bare_start(sandbox)
        print(f"bare python -m snakemake with one job: {bare:.2f} CPU seconds\n\n{HEADER}")
        return compare([run for number in numbers for run in runs(sandbox, number, possible)], bare)


def main(numbers: tuple[int, ...] = NUMBERS) -> list[tuple[str, float, float, bool]]:
    """Print tables and return the rows of the last one."""
    rows = trivial_jobs([number for number in numbers if number]) if any(numbers) else []
    rows += [demonstrations()] if 0 in numbers else []
    print(f"\n{'comparison':<60} {'value':>7} {'goal':>7}")
    for name, value, goal, more in rows:
        print(f"{name:<60} {value:>7.2f} {'≥' if more else '≤'}{goal:>6}")
    return rows


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or NUMBERS)
