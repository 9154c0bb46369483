"""Provenance names the commit and notices a changed tree."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from cascada.core.provenance import provenance
from cascada.report import html
from cascada.selection import leaderboard, ranking

COMMAND = (
    f"{Path(sys.orig_argv[0]).name} {Path(sys.orig_argv[1]).name}"  # of these tests: pytest's, or of one of its workers
)


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_commit_and_changes(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    clean = provenance(tmp_path)
    assert clean["git_commit"] == git(tmp_path, "rev-parse", "HEAD").strip() and clean["git_dirty"] is False
    (tmp_path / "file").write_text("two")
    assert provenance(tmp_path)["git_dirty"] is True


@pytest.mark.parametrize(
    ("name", "dirty"),
    [("src/cascada/models/x.py", True), ("experiments/mine.yaml", True), ("Snakefile", True), ("notes.txt", False),
     ("src/ignored.pyc", False)],
)  # fmt: skip
def test_new_files_that_git_does_not_know(tmp_path, name, dirty):
    """They change a result if they lie among its sources: a model family is found by its file."""
    git(tmp_path, "init")
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    git(tmp_path, "add", ".gitignore")
    git(tmp_path, "commit", "-m", "one")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("new")
    assert provenance(tmp_path)["git_dirty"] is dirty


def test_outside_a_repository(tmp_path):
    assert provenance(tmp_path)["git_commit"] is None and provenance(tmp_path)["git_dirty"] is None
    assert provenance(tmp_path)["command"].startswith(COMMAND)


def test_lock_data_and_every_page_that_shows_them(tmp_path):
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/requirements.txt").write_text("torch==1\n")
    found = provenance(tmp_path, train="a" * 64, test="b" * 64)
    assert found["lock_sha256"] == hashlib.sha256(b"torch==1\n").hexdigest()
    assert found["data_sha256"] == {"train": "a" * 64, "test": "b" * 64}
    line = html._environment().get_template("macros.html.j2").module.provenance(found)
    for part in (found["lock_sha256"][:12], "train data aaaaaaaaaaaa", "test data bbbbbbbbbbbb", COMMAND):
        assert part in line


def test_every_row_of_the_leaderboard_says_where_it_comes_from():
    trial = {"configuration": "lenet-00000000", "model": "lenet", "hyperparameters": {"batch_size": 8}, "seed": 1}
    trial |= {"status": "completed", "epochs": 2, "parameters": 3, "wall_seconds": 1.0, "gpu_hours": 0.0}
    trial |= {"validation": {"f1": 0.5, "accuracy": 0.5, "roc_auc": 0.5, "loss": 0.7}}
    origin = {"git_commit": "c0ffee", "git_dirty": False, "lock_sha256": "10c4", "command": "snakemake\t-n"}
    lines = leaderboard.table(
        ranking.rank([trial], "f1"), "f1", {}, origin | {"data_sha256": {"train": "da7a"}}
    ).splitlines()
    header, row = (line.split("\t") for line in lines)
    assert dict(zip(header, row, strict=True)).items() >= {
        "git_commit": "c0ffee", "git_dirty": "False", "lock_sha256": "10c4", "data_sha256": "da7a", "command": "snakemake -n",
    }.items()  # fmt: skip
