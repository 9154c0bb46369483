"""Settings on the command line and in a profile, resources, variables: their effect where it must show, in jobs on SLURM."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from slurm_sandbox.driver import Driver, write
from snakemake_executor_plugin_submitit import ExecutorSettings

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

# each job tells what SLURM knows of it, what it finds in its environment, and what its submission was made of
PROBE = """
    rule all:
        input: expand("out/{n}.json", n=range(4))

    rule probe:
        output: "out/{n}.json"
        resources: mem_mb=50
        run:
            import glob, json, os, subprocess, time
            job = os.environ["SLURM_JOB_ID"]
            open(f"begun-{job}-{wildcards.n}", "w").close()
            deadline = time.time() + 15
            while len(glob.glob(f"begun-{job}-*")) < 2 and time.time() < deadline:
                time.sleep(0.1)
            told = subprocess.run(["scontrol", "--oneliner", "show", "job", job], capture_output=True, text=True).stdout
            script = subprocess.run(["scontrol", "write", "batch_script", job, "-"], capture_output=True, text=True).stdout
            found = {
                "job": told,
                "script": script,
                "together": len(glob.glob(f"begun-{job}-*")) == 2,
                "environment": dict(os.environ),
                "parent": os.getppid(),
            }
            json.dump(found, open(output[0], "w"))
"""
SETTINGS = {
    "cluster": "slurm",
    "array-parallelism": 1,
    "max-array-size": 2,
    "max-submitted": 4,
    "default-runtime": 7,
    "least-mem-mb": 333,
    "extra": "--nice=17 --begin=now",
    "setup": ["export FROM_SETUP='one  line'", "export SECOND=$((1 + 1))"],
    "partitions": "partitions.yaml",
    "exclude-nodes": 3,
    "name-prefix": "phys-",
    "comment": "project 42",
    "sbatch-retries": 1,
    "jobs-per-task": 2,
    "concurrent": 2,
    "pack-wait-s": 60.0,
    "preload": ["probed_once", "json"],
    "signal-delay-s": 33,
    "max-requeues": 2,
    "poll-min-s": 0.5,
    "poll-max-s": 2.0,
    "lost-after-s": 100.0,
    "logdir": "my logs",
    "keep-successful-logs": True,
    "logs-days": 2.0,
    "efficiency-report": "reports/used.tsv",
    "efficiency-threshold": 1.0,
    "gpus": "none",
}


def on_the_command_line(folder) -> list[str]:
    words = []
    for name, value in SETTINGS.items():
        option = f"--submitit-{name}"
        if isinstance(value, list):
            words += [option, *value]
        else:
            words += [option] if value is True else [f"{option}={value}"]
    return words


def in_a_profile(folder) -> list[str]:
    (folder / "profile").mkdir()
    content = {f"submitit-{name}": value for name, value in SETTINGS.items()}
    (folder / "profile" / "config.yaml").write_text(yaml.safe_dump(content))
    return ["--profile=profile"]


@pytest.mark.parametrize("give", [on_the_command_line, in_a_profile])
def test_settings_have_their_effect_in_a_job(sandbox, tmp_path, give):
    write(tmp_path, "Snakefile", PROBE)
    write(tmp_path, "partitions.yaml", "partitions: {main: {max_runtime: 5}, urgent: {max_runtime: 1h}}\n")
    old = write(tmp_path, "my logs/probe/probe_n=1-0123456789abcdef.log", "of a failed job\n")
    os.utime(old, (0, 0))
    write(tmp_path, "modules/probed_once.py", 'import os\nopen("preloaded", "a").write(f"{os.getpid()}\\n")\n')
    arguments = ["--executor=submitit", "--jobs=10", "--latency-wait=5", *give(tmp_path)]
    path = os.pathsep.join([str(tmp_path / "modules"), *filter(None, [os.environ.get("PYTHONPATH")])])
    driver = Driver(sandbox, tmp_path, *arguments, environment={"PYTHONPATH": path})
    assert driver.wait() == 0, driver.screen
    jobs = [json.loads((tmp_path / "out" / f"{n}.json").read_text()) for n in range(4)]
    for one in jobs:
        environment = one["environment"]
        assert environment["FROM_SETUP"] == "one  line" and environment["SECOND"] == "2"  # setup
        assert re.search(r"\bNice=17\b", one["job"]), one["job"]  # extra
        assert "TimeLimit=00:07:00" in one["job"]  # default-runtime
        assert "MinMemoryNode=666M" in one["job"]  # least-mem-mb, of two jobs at a time
        assert "ArrayTaskThrottle=1" in one["job"]  # array-parallelism
        assert "Partition=urgent" in one["job"]  # partitions
        assert "JobName=phys-probe" in one["job"] and "Comment=project 42 snakemake-submitit" in one["job"]
        assert "--signal=B:USR2@33" in one["script"]  # signal-delay-s
        assert one["together"]  # concurrent
        assert environment["SLURM_ARRAY_TASK_COUNT"] == "2"  # max-array-size, jobs-per-task
    ids = [one["environment"]["SLURM_JOB_ID"] for one in jobs]
    assert len(set(ids)) == 2  # jobs-per-task
    workers = (tmp_path / "preloaded").read_text().split()
    assert sorted(workers) == sorted({str(one["parent"]) for one in jobs})  # preload: once per pack, in the worker
    logs = sorted(path.name for path in (tmp_path / "my logs" / "probe").iterdir())
    assert len(logs) == 4  # logdir, keep-successful-logs, logs-days
    head, *rows = (tmp_path / "reports" / "used.tsv").read_text().splitlines()
    assert head.startswith("job_id\trule") and len(rows) == 2  # efficiency-report
    assert re.search(r"Less than 100% used: probe: \d+% of its cores' time", driver.screen)  # efficiency-threshold


VALUES = {
    "PLAIN": "plain",
    "LINES": "two\nlines\n",
    "BACKSLASHES": "a\\b\\n\\\\",
    "QUOTES": 'it\'s "said"',
    "DOLLARS": "$HOME `id` $(id) it's",
    "BYTES": os.fsdecode(b"caf\xe9 \xff"),
    "EMPTY": "",
}
VARIABLES = """
    envvars: {names}

    rule one:
        output: "out"
        run:
            import json, os
            json.dump({{name: os.environ.get(name) for name in [{names}]}}, open(output[0], "w"))
"""


def test_envvars_arrive_byte_for_byte(sandbox, tmp_path):
    """Also where the site, or the user, has SLURM hand over nothing of the environment."""
    write(tmp_path, "Snakefile", VARIABLES.format(names=", ".join(f'"{name}"' for name in VALUES)))
    only = "PATH,LD_LIBRARY_PATH,SLURM_CONF,HOME"
    driver = Driver(sandbox, tmp_path, "--executor=submitit", "--jobs=1", environment=VALUES | {"SBATCH_EXPORT": only})
    assert driver.wait() == 0, driver.screen
    assert json.loads((tmp_path / "out").read_text()) == VALUES


RIVALS = """
    rule all:
        input: "cores", "extra", "unset"

    rule cores:
        output: "cores"
        threads: 2
        resources: mem_mb_per_cpu=300
        shell: "scontrol --oneliner show job $SLURM_JOB_ID > {output}"

    rule extra:
        output: "extra"
        resources: gpu=1, slurm_extra="--gres=gpu:fake:1" if config.get("twice") else "--mem=900M --time=7 --partition=urgent"
        shell: "scontrol --oneliner show job $SLURM_JOB_ID > {output}"

    rule unset:
        output: "unset"
        resources: tasks=0, tasks_per_gpu=-1, cpus_per_gpu=-1, gpu=1
        shell: "scontrol --oneliner show job $SLURM_JOB_ID > {output}"
"""


def test_of_options_that_exclude_each_other_sbatch_gets_one(sandbox, tmp_path):
    write(tmp_path, "Snakefile", RIVALS)
    defaults = ["--default-resources", "mem_mb=700", "runtime=20", "slurm_partition=main"]
    arguments = ["--executor=submitit", "--jobs=10", "--submitit-poll-min-s=0.5", *defaults]
    driver = Driver(sandbox, tmp_path, *arguments)
    assert driver.wait() == 0, driver.screen
    cores, extra, unset = ((tmp_path / name).read_text() for name in ("cores", "extra", "unset"))
    assert "MinMemoryCPU=300M" in cores and "NumCPUs=2" in cores
    assert "MinMemoryNode=900M" in extra and "TimeLimit=00:07:00" in extra and "Partition=urgent" in extra
    assert "MinMemoryNode=700M" in unset and "TimeLimit=00:20:00" in unset and "gpu" in unset
    twice = Driver(sandbox, tmp_path, *arguments, "--force", "extra", "--config", "twice=1")
    assert twice.wait() == 1
    assert "Rule extra requests something impossible: gpu=1 and gres='gpu:fake:1' are both given" in twice.screen


def test_every_setting_is_tried():
    """Those with an effect in the driver alone have their tests elsewhere; all are read as they were given."""
    assert {name.replace("-", "_") for name in SETTINGS} == {
        field.name for field in dataclasses.fields(ExecutorSettings)
    }


@pytest.mark.parametrize("give", [on_the_command_line, in_a_profile])
def test_settings_are_read_as_they_were_given(tmp_path, give):
    """By Snakemake's own parser."""
    program = """
        import json, sys
        from snakemake.cli import parse_args
        from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
        options = parse_args(sys.argv[1:])[1]
        print(json.dumps(vars(ExecutorPluginRegistry().get_plugin("submitit").get_settings(options))))
    """
    script = write(tmp_path, "read.py", program)
    command = [sys.executable, str(script), "--executor=submitit", "--jobs=1", *give(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {name.replace("-", "_"): value for name, value in SETTINGS.items()}
