"""What runs elsewhere names only what exists here: targets of the Makefile, the lock, files of the repository."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_the_targets_of_the_makefile(path):
    content = yaml.safe_load(path.read_text())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    steps = [step["run"] for job in content["jobs"].values() for step in job["steps"] if "run" in step]
    called = {step.split()[1] for step in steps if step.startswith("make ")}
    assert called and called <= targets
    assert all(re.match(r"make \w+$|git config|\.venv/bin/snakemake --report", step) for step in steps), steps


def test_a_tag_of_a_published_version_delivers_it():
    content = yaml.safe_load((ROOT / ".github/workflows/deliver.yml").read_text())
    assert content[True] == {"push": {"tags": ["model@v*"]}}, "YAML reads `on` as true"
    (step,) = [step for step in content["jobs"]["deliver"]["steps"] if step.get("run") == "make deliver"]
    assert step["env"]["VERSION"] == "${{ github.ref_name }}", (
        "by the environment: a tag's name is never part of a shell's line"
    )


@pytest.mark.parametrize("name", ["Containerfile", "cascada.def"])
def test_images_install_from_the_lock_and_copy_what_exists(name):
    text = (ROOT / name).read_text()
    text = text.replace("\\\n", " ")
    assert re.search(r"pip install .*--require-hashes -r (\S+/)?envs/requirements\.txt -r (\S+/)?envs/cuda\.txt", text)
    assert not re.search(r"pip install (?!.*(-r|-e) )", text)
    copied = re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) or re.findall(
        r"^    (\S+) /opt/cascada/\S+$", text, re.MULTILINE
    )
    files = {file for line in copied for file in line.split()}
    assert {"envs/requirements.txt", "envs/cuda.txt", "pyproject.toml", "src", "plugins"} <= files
    assert all((ROOT / file).exists() for file in files)
    assert re.search(r"python:3\.11-", text) and "3.11" in (ROOT / "pyproject.toml").read_text()


def test_the_targets_of_the_containerfile_are_those_of_make_image_and_the_whole_comes_last():
    text = (ROOT / "Containerfile").read_text()
    serve = re.split(r"^FROM \$\{BASE\} AS whole$", text, flags=re.MULTILINE)[0]
    assert re.findall(r" AS (\w+)$", text, re.MULTILINE) == ["serve", "whole"], "`podman build .` builds the last one"
    assert "--require-hashes -r envs/serve.txt" in serve and "torch" not in serve and "plugins" not in serve
    done = subprocess.run(
        ["make", "-n", "image", "BASE=localhost/base"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--target serve --tag cascada-serve --pull-never --build-arg BASE=localhost/base" in done.stdout


def test_dependabot_watches_the_lock_and_the_actions():
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert {one["package-ecosystem"]: one["directory"] for one in updates} == {"pip": "/envs", "github-actions": "/"}
    assert (ROOT / "envs/requirements.txt").is_file()
