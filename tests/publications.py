"""A git and DVC repository with finished results of a tiny network, for tests that publish: never the project's own."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from exports import make_export

from cascada.core.files import read_json, write_json, write_text
from cascada.export.folder import write_description
from cascada.publishing.publish import Request, publish

ROOT = Path(__file__).parents[1]
PASSED = {
    "name": "rotations", "value": 0.01, "low": 0.005, "high": 0.015, "sense": "at most", "threshold": 0.02, "severity": "gate",
    "kept": True, "verdict": "passed",
}  # fmt: skip
UNDECIDED = PASSED | {"name": "shifts", "high": 0.03, "verdict": "undecided"}
MISSED = UNDECIDED | {"value": 0.025, "kept": False}
FAILED = PASSED | {"value": 0.3, "low": 0.2, "high": 0.4, "kept": False, "verdict": "failed"}
WARNED = FAILED | {"name": "energy_scale", "severity": "warn"}
# as cards and errors say FAILED and UNDECIDED
ROTATIONS = "rotations 0.3 [0.2, 0.4], at most 0.02, failed"
SHIFTS = "shifts 0.01 [0.005, 0.03], at most 0.02, undecided"


def environment(home: Path) -> dict[str, str]:
    """Git and DVC look at nothing of this machine's user, and leave nothing there."""
    home.mkdir(exist_ok=True)
    config = home / "gitconfig"
    config.write_text("[user]\n\tname = n\n\temail = n@example.org\n[safe]\n\tdirectory = *\n")
    return {
        "HOME": str(home), "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_SITE_CACHE_DIR": str(home / "dvc"), "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def git(folder: Path, *arguments: str) -> str:
    return run(folder, "git", *arguments).stdout.strip()


def dvc(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    return run(folder, sys.executable, "-m", "dvc", *arguments, check=check)


def make_repository(folder: Path) -> Path:
    """A repository with the project's own DVC files, one commit, and results/tiny that git ignores."""
    make_results(folder / "results/tiny")
    (folder / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", "dvc.yaml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".gitignore").write_text("/results/\n")
    (folder / "tracked.txt").write_text("one\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Start")
    return folder


def commit_work_tree(folder: Path) -> None:
    """Make `folder` a repository with the project's own files, as they are in the work tree, in one commit."""
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).exists():  # a file may be deleted and not yet committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Start")


def make_results(results: Path, seed: int = 1) -> Path:
    """All that publishing needs of results/<experiment>; another seed is another model."""
    make_export(results, seed)
    rows = np.arange(20)
    with h5py.File(results / "test/predictions.h5", "w") as file:
        first = (rows + 0.5) / 20
        file["probability"], file["label"] = np.stack([first, 1 - first], 1).astype("<f4"), (rows % 2).astype("<i2")
        file.attrs["classes"] = ["iron", "proton"]
    write_text(results / "history.tsv", "epoch\ttraining_loss\tvalidation_loss\n1\t0.7\t0.7\n")
    write_probes(results, PASSED, WARNED)
    write_json(results / "model_check.json", {"tolerance": 1e-5})
    write_json(results / "dataset/card.json", {})
    committed_results(results)
    return results


def refused_release(releases: Path, version: str, number: str) -> Path:
    """A copy of a release under another number: whole in itself, but its classes have other names, so that a server refuses it."""
    folder = releases / number
    shutil.copytree(releases / version, folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    content = read_json(folder / "model.json")
    content["published"]["version"] = number
    output = content["output"]
    output["classes"] = [f"{name}-like" for name in output["classes"]]
    if output.get("signal"):
        output["signal"] += "-like"
    write_description(folder, content)
    return folder


def write_probes(results: Path, *probes: dict) -> None:
    """Write the behaviour tests' result for the selected checkpoint."""
    digest = read_json(results / "selection/best.json")["checkpoint_sha256"]
    write_json(results / "test/behaviour.json", {"probes": probes, "checkpoint_sha256": digest})


def committed_results(results: Path) -> None:
    """Say in model.json that everything was made from committed code, as in a clone."""
    content = read_json(results / "model/model.json")
    for source in content["provenance"].values():
        source |= {"git_commit": "0" * 40, "git_dirty": False}
    write_description(results / "model", content)


def request(folder: Path, **changes) -> Request:
    results = folder / "results/tiny"
    return Request(**({"results": results, "history": results / "history.tsv"} | changes))


def state(folder: Path) -> dict:
    """All that a failed publication must leave as it was."""
    tracked = [path for path in sorted((folder / "artifacts").rglob("*")) if path.is_file()]
    return {
        "head": git(folder, "rev-parse", "HEAD"),
        "tags": git(folder, "tag", "--list"),
        "status": git(folder, "status", "--porcelain", "--untracked-files=all"),
        "artifacts": {str(path.relative_to(folder)): path.read_bytes() for path in tracked},
        "leftovers": os.path.exists(folder / ".dvc/tmp/published-before"),
    }


def clone(folder: Path, target: Path) -> Path:
    git(folder, "clone", "--quiet", str(folder), str(target))
    return target


@contextlib.contextmanager
def of_two_models(mktemp: Callable[[str], Path], first: int = 1) -> Iterator[Path]:
    """A repository that has published one model `first` times and then another one, with its environment as long as it is used."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(mktemp("home")).items():
            patch.setenv(name, value)
        folder = make_repository(mktemp("repository"))
        for _ in range(first):
            publish(request(folder), folder)
        shutil.rmtree(folder / "results/tiny")
        make_results(folder / "results/tiny", seed=2)
        publish(request(folder), folder)
        yield folder
