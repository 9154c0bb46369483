"""Run the workflow for real in a copy of its own: what tests of the workflow share."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
COPIED = (
    "Snakefile", "config.yaml", "experiments", "rules", "scripts", "envs", "report", "profiles", "slurm", "workstation", "src",
)  # fmt: skip


def copy(folder: Path) -> Path:
    """Copy the workflow and the library into `folder`, so that a test can edit them."""
    for name in COPIED:
        if (ROOT / name).is_symlink():
            (folder / name).symlink_to((ROOT / name).readlink())
        elif (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def command(*arguments: str, configfile: str | None = "experiments/smoke.yaml") -> list[str]:
    chosen = ["--configfile", configfile] if configfile else []
    return [sys.executable, "-m", "snakemake", *chosen, "--cores", "2", *arguments]


def environment(folder: Path) -> dict[str, str]:
    """The copy's own library, not the installed one."""
    return os.environ | {"PYTHONPATH": str(folder / "src")}


def snakemake(
    folder: Path,
    *arguments: str,
    check: bool = True,
    configfile: str | None = "experiments/smoke.yaml",
    timeout_s: float = 900,
):
    """Run Snakemake to its end; returns the finished process, whose `stderr` holds Snakemake's messages."""
    done = subprocess.run(
        command(*arguments, configfile=configfile),
        cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def jobs(done) -> list[str]:
    """The rule of each job that a dry-run lists."""
    return re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", done.stdout + done.stderr, re.MULTILINE)


def trainer_of(driver: subprocess.Popen) -> psutil.Process:
    """The process that trains below a running Snakemake."""
    children = psutil.Process(driver.pid).children(recursive=True)
    return next(child for child in children if "train.py" in " ".join(child.cmdline()))


def wait_for_resume_file(results: Path, driver: subprocess.Popen, pattern: str = "trials/*/*/*/resume.pt") -> Path:
    for _ in range(1200):
        assert driver.poll() is None, "the run ended before it could be killed"
        if found := list(results.glob(pattern)):
            return found[0]
        time.sleep(0.1)
    raise AssertionError("no training began")
