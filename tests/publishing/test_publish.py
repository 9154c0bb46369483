"""Publishing in throw-away repositories: what is committed, and that every failure leaves all as it was."""

import os
import shutil
import subprocess

import h5py
import numpy as np
import publications
import pytest
from publications import FAILED, MISSED, PASSED, SHIFTS, UNDECIDED, WARNED, clone, dvc, git, request

from cascada.core.errors import CascadaError
from cascada.core.files import sha256, write_json
from cascada.core.notices import REOPENED
from cascada.export.folder import read_content, write_description
from cascada.export.predict import Model
from cascada.export.verify import verify
from cascada.publishing import publish
from cascada.report.model import write_model_page


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], "0.1.0"),
        (["model@v0.1.0"], "0.2.0"),
        (["model@v0.9.0", "model@v0.10.3"], "0.11.0"),
        (["model@v2.0.0", "model@v1.9.9", "model@vnext", "model@v2.0.0-rc1", "dataset@v7.0.0"], "2.1.0"),
    ],
)
def test_the_next_minor_version(tags, expected):
    assert publish.next_minor(tags) == expected


def test_a_linked_file_is_not_copied(tmp_path):
    (tmp_path / "one").write_bytes(b"x" * 100)
    how = publish.link(tmp_path / "one", tmp_path / "two")
    assert how in ("reflink", "hardlink") and (tmp_path / "two").read_bytes() == b"x" * 100
    assert how == "reflink" or os.path.samefile(tmp_path / "one", tmp_path / "two")


def test_one_commit_holds_exactly_the_pointers_and_carries_an_annotated_tag(repository):
    changed = git(repository, "show", "--name-only", "--format=", "model@v0.1.0^{}").splitlines()
    plots = {f"artifacts/plots/{name}.csv" for name in ("roc", "confusion", "learning_curve")}
    pointers = {f"artifacts/{name}" for name in (".gitignore", "dataset.dvc", "model.dvc", "metrics.json")}
    assert set(changed) == plots | pointers
    assert git(repository, "cat-file", "-t", "model@v0.1.0") == "tag"
    assert git(repository, "rev-parse", "model@v0.1.0^{}") == git(repository, "rev-list", "-1", "HEAD")
    assert git(repository, "status", "--porcelain") == ""


def test_large_files_are_linked_and_the_card_names_the_version(repository):
    cached = {path.stat().st_ino for path in (repository / ".dvc/cache/files").rglob("*") if path.is_file()}
    for name in ("dataset/train.h5", "dataset/test.h5", "model/model.onnx"):
        assert (repository / "artifacts" / name).stat().st_ino in cached
        assert sha256(repository / "artifacts" / name) == sha256(repository / "results/tiny" / name)
    content = read_content(repository / "artifacts/model")
    assert content["published"]["version"] == "0.1.0" and content["published"]["behaviour"] == [PASSED, WARNED]
    assert "Version 0.1.0" in (repository / "artifacts/model/MODEL_CARD.md").read_text()
    assert "published" not in read_content(repository / "results/tiny/model")
    assert all(check.passed for check in verify(repository / "artifacts/model", repository / "artifacts/dataset"))


def test_dvc_shows_metrics_and_plots_before_any_pull_and_gets_artifacts(repository, tmp_path):
    dvc(repository, "push", "--quiet")
    other = clone(repository, tmp_path / "other")
    shown = dvc(other, "metrics", "show").stdout
    assert "test.f1.value" in shown and "surrogate" in shown
    dvc(other, "plots", "show", "--out", str(tmp_path / "plots"))
    assert "ROC curve" in (tmp_path / "plots/index.html").read_text()
    dvc(other, "artifacts", "get", str(repository), "model", "--rev", "v0.1.0", "--out", str(tmp_path / "model"))
    dvc(other, "get", str(repository), "artifacts/model", "--rev", "model@v0.1.0", "--out", str(tmp_path / "again"))
    for folder in ("model", "again"):
        assert all(check.passed for check in verify(tmp_path / folder))


def test_an_existing_tag_is_refused(fails):
    assert "exists already" in fails(version="0.1.0")


@pytest.mark.parametrize("version", ["1.2", "v1.2.0", "1.2.0-rc1", "01.2.0"])
def test_a_version_is_three_numbers(fails, version):
    assert "three numbers" in fails(version=version)


def test_a_failed_gate_stops_publishing_unless_ignored(repository, fails):
    results = repository / "results/tiny"
    path = results / "test/behaviour.json"
    publications.write_probes(results, FAILED)
    assert "does not pass 1 gate(s) of the behaviour tests: rotations 0.3" in fails()
    publish.publish(request(repository, ignore_gates=True, version="0.2.0"), repository)
    assert (
        "although it does not pass gates (rotations 0.3 [0.2, 0.4], at most 0.02, failed)"
        in (repository / "artifacts/model/MODEL_CARD.md").read_text()
    )
    path.unlink()
    assert "behaviour tests have to run" in fails()
    for content, message in (
        ({"probes": [{"name": "x"}], "checkpoint_sha256": "0"}, "not written by this version's behaviour tests"),
        ({"probes": [PASSED], "checkpoint_sha256": "0" * 64}, "on the checkpoint 000000000000"),
    ):
        write_json(path, content)
        assert message in fails()
    publications.write_probes(results, PASSED)


def test_an_undecided_gate_is_published_where_allowed_and_the_card_says_so(repository, fails):
    publications.write_probes(repository / "results/tiny", PASSED, UNDECIDED)
    assert "does not pass 1 gate(s) of the behaviour tests: shifts 0.01 [0.005, 0.03]" in fails(undecided="refuse")
    publish.publish(request(repository, version="0.1.1"), repository)
    card = (repository / "artifacts/model/MODEL_CARD.md").read_text()
    assert f"> **Undecided gates, whose values keep their thresholds and whose intervals do not: {SHIFTS}.**" in card
    assert "| shifts | 0.01 [0.005, 0.03] | at most 0.02 | gate | **undecided** |" in card
    assert "| rotations | 0.01 [0.005, 0.015] | at most 0.02 | gate | passed |" in card
    publications.write_probes(repository / "results/tiny", MISSED)
    assert "shifts 0.025 [0.005, 0.03], at most 0.02, undecided" in fails()
    publications.write_probes(repository / "results/tiny", PASSED)


def test_a_second_look_at_the_sealed_showers_is_noted(repository, tmp_path):
    results = repository / "results/tiny"
    content = read_content(results / "model")
    check = tmp_path / "check.json"
    write_json(check, {"tolerance": 1e-5, "showers": 2, "largest_differences": {}})
    write_model_page(results / "model", check, tmp_path / "before.html")
    marked = content | {"test": content["test"] | {"reopened": True, "other_bits": True}}
    write_description(results / "model", marked)
    write_model_page(results / "model", check, tmp_path / "after.html")
    assert [REOPENED in (tmp_path / name).read_text() for name in ("before.html", "after.html")] == [False, True]
    publish.publish(request(repository, version="0.2.1"), repository)
    assert (repository / "artifacts/model/MODEL_CARD.md").read_text().count("Same selection, other bits") == 2
    write_description(results / "model", content)
    assert REOPENED in git(repository, "log", "-1", "--format=%B") and REOPENED in git(
        repository, "tag", "-n9", "-l", "model@v0.2.1"
    )
    assert REOPENED not in git(repository, "tag", "-n9", "-l", "model@v0.2.0")


def test_a_dirty_work_tree_is_refused_unless_allowed(repository, fails):
    (repository / "tracked.txt").write_text("two\n")
    git(repository, "add", "tracked.txt")
    assert "uncommitted changes (tracked.txt)" in fails()
    publish.publish(request(repository, allow_dirty=True, version="0.3.0"), repository)
    changed = git(repository, "show", "--name-only", "--format=", "HEAD").splitlines()
    assert "tracked.txt" not in changed and git(repository, "status", "--porcelain") == "M  tracked.txt"
    assert "allow_dirty was set" in (repository / "artifacts/model/MODEL_CARD.md").read_text()
    git(repository, "checkout", "--quiet", "HEAD", "--", "tracked.txt")
    new = repository / "experiments/mine.yaml"
    new.parent.mkdir()
    new.write_text("experiment: mine\n")
    assert "uncommitted changes (experiments/mine.yaml)" in fails()
    shutil.rmtree(new.parent)


def test_a_missing_remote_is_refused(repository, fails):
    git(repository, "config", "--file", ".dvc/config.local", "core.remote", "")
    try:
        assert "no default remote" in fails()
    finally:
        (repository / ".dvc/config.local").unlink()


def test_an_export_that_was_changed_is_refused(repository, fails):
    card = repository / "results/tiny/model/MODEL_CARD.md"
    before = card.read_text()
    card.write_text(before + "better than it is\n")
    assert "MODEL_CARD.md: sha256" in fails()
    card.write_text(before)


def test_foreign_files_among_the_artifacts_are_not_thrown_away(repository, fails):
    (repository / "artifacts/notes.txt").write_text("mine")
    assert "contains notes.txt" in fails()
    (repository / "artifacts/notes.txt").unlink()


def test_a_commit_that_git_refuses_leaves_nothing(repository, fails):
    hook = repository / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    assert "not today" in fails()
    hook.unlink()


def test_a_tag_that_git_refuses_takes_the_commit_back(repository, fails):
    git(repository, "tag", "model@v5.0.0/in-the-way")
    assert "git tag" in fails(version="5.0.0")
    git(repository, "tag", "--delete", "model@v5.0.0/in-the-way")


def test_without_commit_the_commands_are_printed_and_work(repository):
    head = git(repository, "rev-parse", "HEAD")
    for _ in range(2):  # what the first leaves uncommitted is publishing's own, and does not stop the second
        message = publish.publish(request(repository, commit=False, version="0.4.0"), repository)
    assert git(repository, "rev-parse", "HEAD") == head and "model@v0.4.0" not in git(repository, "tag")
    commands = [line.strip() for line in message.splitlines() if line.startswith("  git ")][:-1]
    for command in commands:
        subprocess.run(command, shell=True, cwd=repository, check=True, capture_output=True)  # as a person would
    assert git(repository, "rev-parse", "model@v0.4.0^{}") == git(repository, "rev-parse", "HEAD") != head
    assert git(repository, "status", "--porcelain") == ""


def test_going_back_to_an_earlier_tag_gives_its_model_and_its_outputs(repository, tmp_path):
    second = publications.make_results(repository / "results/second", seed=2)
    for version, results in (("7.0.0", repository / "results/tiny"), ("7.1.0", second)):
        chosen = request(repository, version=version, push=True, results=results)
        publish.publish(chosen, repository)
    other = clone(repository, tmp_path / "other")
    with h5py.File(second / "dataset/train.h5") as file:
        images = file["images"][:8]
    outputs = []
    for tag in ("model@v7.0.0", "model@v7.1.0", "model@v7.0.0"):
        git(other, "checkout", "--quiet", tag)
        dvc(other, "pull", "--quiet")
        model = Model(other / "artifacts/model", threads=1)
        assert tag == model.content["published"]["tag"]
        outputs.append(model.probabilities(images))
    np.testing.assert_array_equal(outputs[0], outputs[2])
    np.testing.assert_array_equal(outputs[0], Model(repository / "results/tiny/model", 1).probabilities(images))
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4


def test_outside_a_repository(home, tmp_path):
    with pytest.raises(CascadaError, match="not the root of a git repository"):
        publish.publish(request(tmp_path), tmp_path)
