"""`snakemake --logger cascada` in real runs of a small workflow: progress in few lines, and every reason of a failure."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

SNAKEFILE = """
rule all:
    input: "summary"

rule train:
    output: "trials/{name}/seed-{seed}/metrics.json"
    shell: "echo '{{\\"status\\": \\"completed\\", \\"validation\\": {{\\"f1\\": 0.98765}}}}' > {output}"

rule sum_up:
    input: expand("trials/{name}/seed-{seed}/metrics.json", name=["one", "two"], seed=[7])
    output: "summary"
    shell: "SUM_UP"
"""


def command(folder: Path, sum_up: str, *arguments: str) -> list[str]:
    (folder / "Snakefile").write_text(SNAKEFILE.replace("SUM_UP", sum_up))
    return [sys.executable, "-m", "snakemake", *arguments, "--cores", "1", "--logger", "cascada"]


def run(folder: Path, sum_up: str = "cat {input} > {output}", *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(folder, sum_up, *arguments), cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_line_for_each_job_with_its_result(tmp_path):
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/summary.json").write_text('{"classes": {"iron": 5626, "proton": 14}}')
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    lines = [re.sub(r"[0-9]+ s\)$", "0 s)", line) for line in lines]
    assert [line.split()[0] for line in lines] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert {line[6:] for line in lines} == {
        "train one seed 7 F1 (of proton) 0.9877 (0 s)", "train two seed 7 F1 (of proton) 0.9877 (0 s)", "sum up (0 s)",
        "all (0 s)",
    }  # fmt: skip
    assert len(done.stderr.splitlines()) < 12 and "\x1b" not in done.stderr


def test_a_dry_run_shows_the_jobs_as_ever(tmp_path):
    done = run(tmp_path, "true", "-n")
    assert done.returncode == 0 and "rule train:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "Error in rule sum_up"),
        (("nothing",), "No rule to produce nothing"),
        (("--config", "="), "Invalid config definition"),
    ],
)
def test_the_reason_of_a_failure_is_shown(tmp_path, arguments, reason):
    done = run(tmp_path, "echo the file is bad >&2; false", *arguments)
    assert done.returncode != 0 and reason in done.stderr
    assert ("the file is bad" in done.stderr) == (arguments == ())


def test_a_terminal_gets_a_bar_of_what_runs(tmp_path):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command(tmp_path, "sleep 1; cat {input} > {output}"), cwd=tmp_path, stdout=slave, stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(slave)
    text = b""
    while True:
        try:
            text += os.read(master, 65536)
        except OSError:  # the terminal's other end is closed
            break
    assert process.wait(timeout=60) == 0
    assert re.search(rb"sum up .*2/4", text) and b"[4/4] all" in re.sub(rb"\x1b\[[0-9;]*m", b"", text)
