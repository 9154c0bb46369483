"""The plugin as a product of its own: its wheel beside a bare Snakemake runs a workflow that knows nothing of it."""

import subprocess
from pathlib import Path

import pytest
from slurm_sandbox import clean, wait_until
from slurm_sandbox.driver import Driver, write

pytestmark = [pytest.mark.slurm, pytest.mark.workflow]

PROJECT = Path(__file__).resolve().parents[1]

# written as for the official SLURM plugin: its resource names, a checkpoint, a group, a script, temp files, a benchmark
WORKFLOW = """
    localrules: all

    rule all:
        input: "report.txt"

    checkpoint split:
        output: directory("parts")
        resources: runtime=5, mem_mb=700
        shell: "mkdir {output}; for n in 1 2 3; do echo $n > {output}/$n.txt; done"

    rule square:
        input: "parts/{part}.txt"
        output: temp("squares/{part}.txt")
        threads: 2
        benchmark: "benchmarks/{part}.tsv"
        resources:
            slurm_partition="main",
            runtime=lambda wildcards, attempt: 5 * attempt,
            mem_mb=700,
            gpu=1,
        script: "scripts/square.py"

    rule double:
        input: "squares/{part}.txt"
        output: "doubles/{part}.txt"
        group: "small"
        resources: mem_mb=700
        shell: "echo $(( 2 * $(cat {input}) )) > {output}"

    rule negate:
        input: "doubles/{part}.txt"
        output: "negatives/{part}.txt"
        group: "small"
        resources: mem_mb=700
        run:
            with open(output[0], "w") as file:
                file.write(str(-int(open(input[0]).read())))

    def negatives(wildcards):
        folder = checkpoints.split.get(**wildcards).output[0]
        return expand("negatives/{part}.txt", part=glob_wildcards(folder + "/{part}.txt").part)

    rule spread:
        output: "nodes.txt"
        resources: tasks=10, mem_mb_per_cpu=500
        shell: "srun --ntasks=10 --overlap hostname > {output}; echo $SLURM_JOB_NUM_NODES >> {output}"

    rule report:
        input: negatives, "nodes.txt"
        output: "report.txt"
        resources: mem_mb=700
        shell: "sort -n $(ls {input} | grep -v nodes) > {output}"
"""
SCRIPT = """
    import os
    gpus = os.environ["CUDA_VISIBLE_DEVICES"]
    assert gpus in ("0", "1"), gpus
    assert snakemake.threads == 2
    number = int(open(snakemake.input[0]).read())
    open(snakemake.output[0], "w").write(str(number**2))
"""


@pytest.fixture(scope="session")
def clean_python(tmp_path_factory) -> Path:
    """An interpreter that has Snakemake and the plugin's wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    return clean.environment(clean.build(PROJECT, folder / "dist").wheel, folder)


def test_wheel_installs_beside_a_bare_snakemake(clean_python):
    listed = subprocess.run([clean_python, "-m", "snakemake", "--help"], capture_output=True, text=True)
    assert "--submitit-array-parallelism" in listed.stdout
    foreign = subprocess.run([clean_python, "-c", "import torch, cascada"], capture_output=True, text=True)
    assert "No module named 'torch'" in foreign.stderr
    heavy = "import sys, snakemake.cli; sys.exit('submitit' in sys.modules or 'cloudpickle' in sys.modules)"
    assert subprocess.run([clean_python, "-c", heavy]).returncode == 0


def test_foreign_workflow(sandbox, clean_python, tmp_path):
    write(tmp_path, "Snakefile", WORKFLOW)
    write(tmp_path, "scripts/square.py", SCRIPT)
    arguments = ["--executor=submitit", "--jobs=20", "--submitit-poll-min-s=0.5", "--submitit-poll-max-s=2"]
    driver = Driver(sandbox, tmp_path, *arguments, python=clean_python)
    assert driver.wait() == 0, driver.screen
    assert (tmp_path / "report.txt").read_text().split() == ["-18", "-8", "-2"]
    assert (tmp_path / "nodes.txt").read_text().split()[-1] == "2"  # a node has eight cores
    assert not list((tmp_path / "squares").glob("*"))
    assert len(list((tmp_path / "benchmarks").glob("*.tsv"))) == 3
    wait_until(lambda: not sandbox.queue(), "the queue is empty", 30)
