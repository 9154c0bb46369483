"""Settings that act in the driver, given on the command line and in a profile: what they do to jobs."""

import time

import pytest
import yaml
from slurm_sandbox.counting import Commands
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

WORKFLOW = """
    rule all:
        input: expand("out/{n}", n=range(int(config.get("jobs", 1))))

    rule work:
        output: "out/{n}"
        shell:
            '''
            echo "${{SLURM_JOB_ID:-}}/${{CUDA_VISIBLE_DEVICES:-}}" >> begun-{wildcards.n}
            if [ -e ask ]; then echo saved > $SNAKEMAKE_SUBMITIT_REQUEUE_MARKER; exit 1; fi
            while ! [ -e go -o -e go-{wildcards.n} ]; do sleep 0.2; done
            touch {output}
            '''
"""


def on_the_command_line(folder, settings: dict) -> list[str]:
    return [f"--submitit-{name}={value}" for name, value in settings.items()]


def in_a_profile(folder, settings: dict) -> list[str]:
    write(
        folder, "profile/config.yaml", yaml.safe_dump({f"submitit-{name}": value for name, value in settings.items()})
    )
    return ["--profile=profile"]


@pytest.fixture(params=[on_the_command_line, in_a_profile], ids=["command line", "profile"])
def start(request, sandbox, tmp_path):
    """Starts the workflow with settings; `start.commands` are SLURM's."""
    write(tmp_path, "Snakefile", WORKFLOW)

    def begin(*arguments: str, **settings) -> Driver:
        given = request.param(tmp_path, {name.replace("_", "-"): value for name, value in settings.items()})
        words = ["--executor=submitit", "--jobs=10", "--latency-wait=5", *given, *arguments]
        drivers.append(
            Driver(sandbox, tmp_path, *words, environment=begin.commands.environment(sandbox.environment["PATH"]))
        )
        return drivers[-1]

    drivers: list[Driver] = []
    begin.commands = Commands(tmp_path / "commands")
    yield begin
    for driver in drivers:  # one that a failed test has left would go on submitting
        driver.kill()
    sandbox.clear()


def test_max_submitted(start, tmp_path):
    (tmp_path / "go").touch()
    driver = start("--config", "jobs=3", max_submitted=1, poll_min_s=0.5)
    assert driver.wait() == 0, driver.screen
    assert len(start.commands.calls("sbatch")) == 3


def test_sbatch_retries(start):
    start.commands.fail("sbatch", *["sbatch: error: nobody knows why"] * 9)
    driver = start(sbatch_retries=1)
    assert driver.wait() == 1
    assert len(start.commands.calls("sbatch")) == 2


def test_max_requeues(start, tmp_path):
    (tmp_path / "ask").touch()
    driver = start(max_requeues=1, poll_min_s=0.5, poll_max_s=2)
    assert driver.wait() == 1, driver.screen
    assert len((tmp_path / "begun-0").read_text().splitlines()) == 2


def test_poll_times(start, tmp_path):
    driver = start(poll_min_s=4, poll_max_s=4)
    driver.wait_for((tmp_path / "begun-0").exists, "the job runs")
    before = len(start.commands.calls("squeue"))
    time.sleep(9)
    assert 1 <= len(start.commands.calls("squeue")) - before <= 3
    (tmp_path / "go").touch()
    assert driver.wait() == 0, driver.screen


def test_lost_after(start, tmp_path):
    driver = start(lost_after_s=3, poll_min_s=0.5, poll_max_s=1)
    driver.wait_for((tmp_path / "begun-0").exists, "the job runs")
    for name in ("squeue", "scontrol"):
        start.commands.fail(name, *["slurm_load_jobs error: Invalid job id specified"] * 99)
    driver.wait_for("was lost: the cluster has not known it", "the job is given up", 60)
    assert driver.wait(60) == 1


def test_cluster_and_gpus(start, tmp_path):
    (tmp_path / "go").touch()
    driver = start("--set-resources", "work:gpu=1", cluster="local", gpus="7")
    assert driver.wait() == 0, driver.screen
    assert (tmp_path / "begun-0").read_text() == "/7\n"
    assert not start.commands.calls("sbatch")


def test_exclude_nodes_and_pack_wait(start, tmp_path):
    """None is left out, and a pack does not wait: both are off. What follows the first two that end begins at once."""
    settings = {"jobs_per_task": 4, "pack_wait_s": 0, "exclude_nodes": 0, "poll_min_s": 0.5}
    driver = start("--jobs=5", "--config", "jobs=9", **settings)
    begun = lambda: {file.name: file.read_text() for file in tmp_path.glob("begun-*")}  # noqa: E731
    driver.wait_for(lambda: len(set(begun().values())) >= 2, "a pack of four and a pack of one run", 60)
    for name in begun():
        (tmp_path / name.replace("begun", "go")).touch()
    driver.wait_for(lambda: len(set(begun().values())) >= 3, "a pack that could have waited for others runs", 60)
    (tmp_path / "go").touch()
    assert driver.wait() == 0, driver.screen
