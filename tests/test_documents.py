"""The documents: what they tell people to type exists and runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import workflows

from cascada.cli import command_names

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()


def typed(program: str, text: str) -> list[str]:
    """The commands of one program in code spans, and at the prompts of code blocks."""
    spans = re.findall(rf"`({program} [^`]+)`", text)
    prompts = re.findall(rf"^\$ ({program} .+)$", text, re.MULTILINE)
    return sorted({command.strip() for command in spans + prompts})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_and_subcommands_exist(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = document.read_text()
    for command in typed("make", text):
        assert command.split()[1] in targets, command
    for command in typed("cascada", text):
        name = command.split()[1]
        assert name in command_names() or name.startswith("-"), command


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tests_that_are_named_exist(document):
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)", document.read_text()):
        assert re.search(rf"^ *def {name}\(", (ROOT / path).read_text(), re.MULTILINE), f"{path}::{name}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy without results: everything in it is still to be done."""
    return workflows.copy(tmp_path_factory.mktemp("documents"))


@pytest.mark.workflow
@pytest.mark.parametrize(
    "command",
    [
        c
        for c in typed("snakemake", README)
        if not {"--report", "--unlock", "--configfile"} & set(c.split()) or ".yaml" in c
    ],
)
def test_every_snakemake_command_of_the_readme_dry_runs(folder, command):
    words = [word for word in shlex.split(command)[1:] if word != "…"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *words, "-n"],
        cwd=folder, env=workflows.environment(folder), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout + done.stderr
