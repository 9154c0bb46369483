"""Snakemake with the plugin on this machine, for real: `--submitit-cluster local` and `debug`, no SLURM."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slurm_sandbox import wait_until
from slurm_sandbox.driver import write

pytestmark = pytest.mark.workflow

GRID = """
    rule all:
        input: expand("out/{n}", n=range(int(config["jobs"])))

    rule one:
        output: "out/{n}"
        log: "logs/{n}"
        params: seconds=config.get("seconds", 0), gate=config.get("gate", ".")
        resources: mem_mb=100, gpu=config.get("gpu", 0)
        shell:
            '''
            echo "begin $CUDA_VISIBLE_DEVICES $(date +%s.%N)" >> runs-{wildcards.n}
            echo "profile: ${{SNAKEMAKE_PROFILE:-none}}" > {log}
            sleep {params.seconds}
            while ! [ -e {params.gate} ]; do sleep 0.2; done
            [ {wildcards.n} != 9 ]
            echo "end $CUDA_VISIBLE_DEVICES $(date +%s.%N)" >> runs-{wildcards.n}
            touch {output}
            '''
"""
PLUGIN = (
    "--executor=submitit",
    "--submitit-cluster=local",
    "--jobs=50",
    "--latency-wait=5",
    "--submitit-poll-min-s=0.2",
)


def start(folder: Path, *arguments: str, module=("snakemake",), **environment: str) -> subprocess.Popen:
    with (folder / "screen").open("a") as screen:
        return subprocess.Popen(
            [sys.executable, "-m", *module, *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    code = start(folder, *PLUGIN, *arguments, **environment).wait(240)
    return code, (folder / "screen").read_text()


@pytest.fixture
def grid(tmp_path):
    write(tmp_path, "Snakefile", GRID)
    return tmp_path


def lent(folder: Path) -> list[tuple[float, float, str]]:
    """Begin, end and GPU of each job."""
    found = []
    for file in folder.glob("runs-*"):
        (_, gpu, begin), (_, _, end) = (line.split(" ") for line in file.read_text().splitlines())
        found.append((float(begin), float(end), gpu))
    return sorted(found)


def test_each_job_sees_its_own_gpu_and_never_more_run_than_fit(grid):
    (grid / "profile").mkdir()
    (grid / "profile" / "config.yaml").write_text("jobs: 50\n")
    code, screen = run(
        grid, "--submitit-gpus=3,7", "--config", "jobs=5", "gpu=1", "seconds=0.5",
        SNAKEMAKE_PROFILE=str(grid / "profile"),
    )  # fmt: skip
    assert code == 0, screen
    uses = lent(grid)
    assert {gpu for *_, gpu in uses} <= {"3", "7"} and len(uses) == 5
    for gpu in ("3", "7"):
        mine = [(begin, end) for begin, end, name in uses if name == gpu]
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(mine))
    assert {file.read_text() for file in (grid / "logs").iterdir()} == {"profile: none\n"}
    # what it cost is told, and nothing is left
    assert re.search(r"^one +5 +5 ", screen, re.M), screen
    assert list((grid / ".snakemake/submitit").rglob("*.pkl")) == []
    assert list((grid / ".snakemake/submitit/runs").iterdir()) == []
    assert list((grid / ".snakemake/submitit/logs").iterdir()) == []


def test_a_pack_shares_a_gpu_and_a_failing_member_fails_alone(grid):
    packed = ("--set-resources", "one:submitit_pack=10", "one:submitit_concurrent=2")
    code, screen = run(grid, "--keep-going", "--submitit-gpus=5", *packed, "--config", "jobs=10", "gpu=1")
    assert code == 1
    assert sorted(path.name for path in (grid / "out").iterdir()) == [str(number) for number in range(9)]
    assert "one n=9: exit code 1" in screen and screen.count("Error in rule one:") == 2  # ours, and the log's tail
    assert re.search(r"^one +10 +1 ", screen, re.M), screen
    (log,) = (grid / ".snakemake/submitit/logs/one").glob("one_n=9-????????????????.log")
    assert str(log) in screen


def test_a_gpu_that_does_not_exist_is_refused_with_the_rule_s_name(grid):
    code, screen = run(grid, "--submitit-gpus=none", "--config", "jobs=1", "gpu=1")
    assert code == 1
    assert "rejected the job of rule one" in screen and "the machine has 0" in screen


def processes_of(folder: Path) -> list[int]:
    """Processes that work in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "cwd")) == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_ctrl_c_twice_leaves_no_process(grid):
    driver = start(grid, *PLUGIN, "--config", "jobs=2", "seconds=600")
    wait_until(lambda: (grid / "runs-0").exists() or (grid / "runs-1").exists(), "a job runs", 120)
    for _ in range(2):
        os.killpg(driver.pid, signal.SIGINT)
        time.sleep(0.3)
    assert driver.wait(120) != 0
    wait_until(lambda: not processes_of(grid), "all processes have ended", 60)


SLOW_TO_END = """
    import signal, sys, time
    def save(*_):
        time.sleep(4)
        open("saved", "w").close()
        sys.exit(1)
    signal.signal(signal.SIGTERM, save)
    open("begun", "w").close()
    time.sleep(600)
"""


def test_ctrl_c_waits_until_a_job_has_saved(tmp_path):
    """As in a terminal, where it reaches submitit's processes, too; nothing may start the job anew beside itself."""
    write(tmp_path, "save.py", SLOW_TO_END)
    write(tmp_path, "Snakefile", f'rule one:\n    output: "out"\n    shell: "exec {sys.executable} save.py"\n')
    driver = start(tmp_path, *PLUGIN)
    wait_until((tmp_path / "begun").exists, "the job runs", 120)
    os.killpg(driver.pid, signal.SIGINT)
    assert driver.wait(120) != 0
    assert (tmp_path / "saved").exists()
    assert processes_of(tmp_path) == []
    assert list((tmp_path / ".snakemake/submitit/runs").iterdir()) == []


def test_killed_driver_resumes(grid):
    arguments = (*PLUGIN, "--submitit-gpus=none", "--config", "jobs=1", "gate=go")
    driver = start(grid, *arguments)
    wait_until((grid / "runs-0").exists, "the job runs", 120)
    driver.kill()
    driver.wait()
    resumed = start(grid, *arguments, module=("snakemake_executor_plugin_submitit", "resume", "--"))
    wait_until(lambda: "is adopted" in (grid / "screen").read_text(), "the second driver takes over", 120)
    (grid / "go").touch()
    assert resumed.wait(120) == 0, (grid / "screen").read_text()
    assert len((grid / "runs-0").read_text().splitlines()) == 2  # begun once, ended once
    assert list((grid / ".snakemake/submitit/runs").iterdir()) == []


def test_debug_runs_inside_the_driver(grid):
    code, screen = run(grid, "--submitit-cluster=debug", "--config", "jobs=2")
    assert code == 0, screen
    assert sorted(path.name for path in (grid / "out").iterdir()) == ["0", "1"]
