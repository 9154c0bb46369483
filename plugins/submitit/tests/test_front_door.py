"""What a user writes in a Snakefile or gives to the plugin arrives in the job as it was written; jobs on this machine."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from slurm_sandbox.driver import write

pytestmark = pytest.mark.workflow

PLUGIN = (
    "--executor=submitit",
    "--submitit-cluster=local",
    "--jobs=50",
    "--latency-wait=5",
    "--submitit-poll-min-s=0.2",
)


def snakemake(folder, *arguments: str, **environment) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", *PLUGIN, *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )


RETRIES = """
    rule all:
        input: "plain", "block", "grouped"

    def memory(wildcards, attempt):
        return 100 * attempt

    rule plain:
        output: "plain"
        retries: 2
        resources: mem_mb=memory
        shell: "echo {rule} {resources.mem_mb} >> runs; exit 1"

    rule block:
        output: "block"
        retries: 2
        resources: mem_mb=memory
        run:
            with open("runs", "a") as file:
                file.write(f"block {resources.mem_mb}\\n")
            raise ValueError("as intended")

    rule grouped:
        output: "grouped"
        group: "one"
        retries: 2
        resources: mem_mb=memory
        shell: "echo {rule} {resources.mem_mb} >> runs; exit 1"
"""


def test_each_attempt_runs_once_with_its_own_resources(tmp_path):
    write(tmp_path, "Snakefile", RETRIES)
    done = snakemake(tmp_path, "--keep-going")
    assert done.returncode == 1
    runs = Counter((tmp_path / "runs").read_text().splitlines())
    expected = {f"{rule} {memory}" for rule in ("plain", "block", "grouped") for memory in (100, 200, 300)}
    assert runs == dict.fromkeys(expected, 1), done.stderr


LETTERS = "".join(chr(0x4E00 + number) for number in range(80))  # 240 bytes


def test_a_name_of_many_bytes_is_cut(tmp_path):
    write(
        tmp_path,
        "Snakefile",
        'rule one:\n    output: "out/{name}"\n    shell: "echo words; [ -e go ] && touch {output}"\n',
    )
    done = snakemake(tmp_path, f"out/{LETTERS}")
    assert done.returncode == 1 and "one name=一" in done.stderr, done.stderr
    (log,) = (tmp_path / ".snakemake/submitit/logs/one").glob("one_name=一*[0-9a-f].log")
    assert "words" in log.read_text()
    (tmp_path / "go").touch()
    done = snakemake(tmp_path, f"out/{LETTERS}")
    assert done.returncode == 0 and (tmp_path / "out" / LETTERS).exists(), done.stderr


CONFIG = """
    rule one:
        output: "out"
        run:
            import json
            json.dump(config["text"], open(output[0], "w"))
"""


def test_values_of_the_configuration_are_not_read_by_a_shell(tmp_path):
    text = "it's $HOME `id`"
    write(tmp_path, "Snakefile", CONFIG)
    done = snakemake(tmp_path, "--config", f"text={json.dumps(text)}")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out").read_text()) == text
