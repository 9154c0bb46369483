"""Provenance names the commit and notices a changed tree."""

import subprocess

from cascada.provenance import provenance


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


def test_outside_a_repository(tmp_path):
    assert provenance(tmp_path)["git_commit"] is None and provenance(tmp_path)["git_dirty"] is None
    assert "pytest" in provenance(tmp_path)["command"]
