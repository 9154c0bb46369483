"""What goes wrong on the way: a push that is cut off, a killed publication, damaged and edited files."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import publications
import pytest
from publications import clone, dvc, request, state

from cascada.cli import main
from cascada.export.verify import verify
from cascada.publishing import publish

# publishes in a process whose files may not grow past a limit: a disk that is full in the middle of a file
CUT_OFF = """
import resource, sys
from pathlib import Path
import publications
from cascada.publishing.publish import publish
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
publish(publications.request(Path(sys.argv[1]), push=True, version="0.5.0"), Path(sys.argv[1]))
"""


def start(code, folder, **options):
    path = os.pathsep.join([str(publications.ROOT / "src"), str(publications.ROOT / "tests")])
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, text=True, **options)


def test_a_push_that_is_cut_off_publishes_nothing_and_can_be_repeated(repository, tmp_path):
    remote = tmp_path / "remote"
    local = repository / ".dvc/config.local"
    local.write_text(f"['remote \"home\"']\n    url = {remote}\n")
    before = state(repository)
    failed = start(CUT_OFF, repository, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    error = failed.communicate(timeout=120)[1]
    assert failed.returncode != 0 and "Nothing was committed or tagged" in error and "dvc push" in error, error
    assert state(repository) == before
    sent = {path for path in remote.rglob("*") if path.is_file()}
    publish.publish(request(repository, push=True, version="0.5.0"), repository)
    assert len([path for path in remote.rglob("*") if path.is_file()]) > len(sent)
    other = clone(repository, tmp_path / "other")
    (other / ".dvc/config.local").write_text(local.read_text())
    dvc(other, "pull", "--quiet")
    local.unlink()
    assert all(check.passed for check in verify(other / "artifacts/model", other / "artifacts/dataset"))


KILLED = """
import sys
from pathlib import Path
import publications
from cascada.publishing.publish import publish
publish(publications.request(Path(sys.argv[1])), Path(sys.argv[1]))
"""


def test_a_killed_publication_is_undone_by_the_next(repository):
    before = state(repository)
    process = start(KILLED, repository, start_new_session=True)
    while process.poll() is None and not (repository / "artifacts/model/model.onnx").exists():
        time.sleep(0.001)
    while process.poll() is None and not (repository / publish.BEFORE).exists():
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert state(repository) != before
    assert publish.recover(publish.Repository(repository))
    assert state(repository) == before
    assert not publish.recover(publish.Repository(repository))


def test_a_damaged_object_is_noticed_when_pulling_named_and_sent_again(repository, home, tmp_path, capsys):
    dvc(repository, "push", "--quiet")
    digest = hashlib.md5((repository / "artifacts/dataset/train.h5").read_bytes()).hexdigest()
    damaged = home / ".local/share/cascada/dvc/files/md5" / digest[:2] / digest[2:]
    content = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    other = clone(repository, tmp_path / "other")
    failed = dvc(other, "pull", check=False)
    assert failed.returncode != 0 and "artifacts/dataset" in failed.stderr
    assert not (other / "artifacts/dataset").exists() and (other / "artifacts/model/model.onnx").exists()
    for arguments, status in ((["--remote"], 1), (["--repair"], 1)):
        assert main(["verify", str(other / "artifacts/model"), *arguments]) == status
        shown = capsys.readouterr().out
        assert shown.count("FAILED") == 1 and "FAILED  remote: dataset/train.h5" in shown
    dvc(repository, "push", "--quiet")
    assert main(["verify", str(other / "artifacts/model"), "--remote"]) == 0
    dvc(other, "pull", "--quiet")
    assert all(check.passed for check in verify(other / "artifacts/model", other / "artifacts/dataset"))


def edit_in_place(path):
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"xx")


def edit_unseen(path):
    """As root does, and as DVC leaves an edited file after `dvc checkout --force`: it hashes no read-only file."""
    edit_in_place(path)
    path.chmod(0o444)


def replace(path):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])


@pytest.mark.parametrize("change", [edit_in_place, edit_unseen, replace])
@pytest.mark.parametrize("checked_out", [False, True])
def test_an_edited_model_comes_back_as_the_documents_say(repository, tmp_path, capsys, change, checked_out):
    """docs/publishing.md, "When something is wrong"; also after `dvc checkout --force`, which does not help."""
    dvc(repository, "push", "--quiet")
    other = clone(repository, tmp_path / "other")
    dvc(other, "pull", "--quiet")
    folder = other / "artifacts/model"
    change(folder / "model.onnx")
    if checked_out:
        dvc(other, "checkout", "--force", "artifacts/model", check=False)
    else:
        assert main(["verify", str(folder)]) == 1
        assert "`--repair` and then `dvc pull`" in capsys.readouterr().out
    main(["verify", str(folder), "--repair"])
    shown = capsys.readouterr().out
    if not checked_out:
        assert (
            "FAILED  here: model.onnx" in shown and "What was damaged was removed; then run `dvc pull` here." in shown
        )
    dvc(other, "pull", "--quiet")
    assert main(["verify", str(folder)]) == 0
    assert main(["verify", str(folder), "--remote"]) == 0


def test_damaged_files_name_a_remedy_that_works(repository, tmp_path, capsys):
    """Model, program, probe and description, each half as long: `cascada verify … --repair`, then `dvc pull`."""
    dvc(repository, "push", "--quiet")
    other = clone(repository, tmp_path / "other")
    dvc(other, "pull", "--quiet")
    folder = other / "artifacts/model"
    remedy = f"`cascada verify {folder} --repair`, then `dvc pull`"
    for name in ("model.onnx", "model.pt2", "probe.h5", "model.json"):
        path = folder / name
        path.chmod(0o644)
        os.truncate(path, path.stat().st_size // 2)
        assert main(["verify", str(folder)]) == 1
        shown = "".join(capsys.readouterr())
        assert remedy in shown, name
        assert main(["verify", str(folder), "--repair"]) == 1
        capsys.readouterr()
        dvc(other, "pull", "--quiet")
        assert main(["verify", str(folder)]) == 0
