"""From a clone to a published version and back: run, publish, push; clone, pull, verify, predict; reproduce the bits."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import publications
import pytest
import workflows
from publications import dvc, git

from cascada.core.files import read_json, sha256

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in publications.environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def published(home, tmp_path_factory):
    """A repository with the work tree's files, in which version 1.0.0 of the smallest experiment is published and pushed."""
    folder = tmp_path_factory.mktemp("publisher")
    publications.commit_work_tree(folder)
    if "behaviour.json" not in (folder / "rules/testing.smk").read_text():
        workflows.snakemake(folder, "check_export", "describe_data")
        publications.write_probes(folder / "results/smoke", publications.FAILED)
    done = workflows.snakemake(folder, "publish", "--config", "version=1.0.0")
    assert "Published model@v1.0.0" in done.stderr
    dvc(folder, "push", "--quiet")
    return folder


@pytest.fixture(scope="module")
def clone(published, tmp_path_factory):
    """A second clone in an empty folder, with the published files."""
    folder = publications.clone(published, tmp_path_factory.mktemp("second") / "clone")
    dvc(folder, "pull", "--quiet")
    return folder


def cascada(folder, *arguments):
    command = [sys.executable, "-m", "cascada", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=workflows.environment(folder), capture_output=True, text=True)


def test_the_publication_names_commit_lock_data_and_command(published):
    commit = git(published, "rev-parse", "model@v1.0.0^{}")
    content = read_json(published / "artifacts/model/model.json")
    parent = git(published, "rev-parse", f"{commit}^")
    for step in ("selection", "test", "export", "publication"):
        source = content["provenance"][step]
        assert source["git_commit"] == parent and source["git_dirty"] is False
        assert source["lock_sha256"] == sha256(published / "envs/requirements.txt") and "snakemake" in source["command"]
    assert content["data"]["train_sha256"] == sha256(published / "results/smoke/dataset/train.h5")
    assert git(published, "status", "--porcelain") == ""


def test_the_second_clone_verifies_and_predicts_what_was_recorded(published, clone):
    done = cascada(clone, "verify", "artifacts/model")
    assert done.returncode == 0, done.stdout + done.stderr
    done = cascada(clone, "predict", "artifacts/model", "artifacts/dataset/test.h5", "-o", "out.h5")
    assert done.returncode == 0, done.stdout + done.stderr
    with h5py.File(clone / "out.h5") as found, h5py.File(published / "results/smoke/test/predictions.h5") as expected:
        np.testing.assert_array_equal(found["event_id"][:], expected["event_id"][:])
        np.testing.assert_allclose(found["probability"][:], expected["probability"][:], atol=1e-5)
        assert found.attrs["model_version"] == "1.0.0"
    done = cascada(clone, "composition", "artifacts/model", "out.h5", "--index", "-1")
    assert done.returncode == 1 and "needed are 30: no composition can be measured" in done.stderr  # so small a test


def test_the_rule_applies_the_published_model_to_every_file_of_a_folder(published):
    done = workflows.snakemake(published, "predictions")
    assert workflows.jobs(done).count("predict") == 2
    output = published / "results/smoke/predictions/iron-0000.h5"
    with h5py.File(output) as file:
        assert file["probability"].shape == (80, 2) and set(file["label"][:]) == {0}
        assert file.attrs["model_version"] == "1.0.0"
    assert "Nothing to be done" in workflows.snakemake(published, "-n", "predictions").stdout


def test_without_a_published_model_the_rule_says_what_is_missing(published, tmp_path):
    other = publications.clone(published, tmp_path / "other")
    (other / "results/smoke/dataset/shards/showers").mkdir(parents=True)
    shutil.copy(
        published / "results/smoke/dataset/shards/showers/iron-0000.h5", other / "results/smoke/dataset/shards/showers"
    )
    done = workflows.snakemake(other, "-n", "predictions", check=False)
    assert done.returncode != 0 and "artifacts/model" in done.stdout + done.stderr


def test_a_failed_gate_stops_the_rule(published):
    head = git(published, "rev-parse", "HEAD")
    behaviour = published / "results/smoke/test/behaviour.json"
    before = behaviour.read_bytes()
    publications.write_probes(published / "results/smoke", publications.FAILED)
    try:
        settings = ("--config", "publishing={ignore_gates: false}")
        done = workflows.snakemake(published, "publish", *settings, check=False)
    finally:
        behaviour.write_bytes(before)
    assert done.returncode != 0 and "publish: The model does not pass 1 gate(s)" in done.stderr
    assert git(published, "rev-parse", "HEAD") == head and git(published, "tag") == "model@v1.0.0"


def test_the_way_from_a_tag_to_the_same_bits(published, tmp_path):
    """Runs the commands of docs/reproduce.md; only the installation is left out, since this environment is the lock's."""
    text = (ROOT / "docs/reproduce.md").read_text()
    lines = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    assert len(lines) >= 7
    script = "\n".join(["set -eux", *(line for line in lines if not line.startswith("make setup"))])
    for name, value in {
        "REPOSITORY": str(published), "model@v1.2.0": "model@v1.0.0", "EXPERIMENT.yaml": "experiments/smoke.yaml",
        "results/EXPERIMENT": "results/smoke",
    }.items():  # fmt: skip
        assert name in script
        script = script.replace(name, value)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(tmp_path / "reproduction/src"),
    }  # fmt: skip
    command = ["bash", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"both: model.onnx +sha256", done.stdout) and "all 21 checks passed" in done.stdout
