"""Three sets of tests: every test is in those that it should be in, and what is quick starts nothing heavy."""

import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import sets

from cascada.training import trial

ROOT = Path(__file__).parents[1]
LISTER = """
import json, sys, pytest
class Lister:
    def pytest_collection_finish(self, session):
        for item in session.items:
            names = sorted({marker.name for marker in item.iter_markers()})
            print("#", json.dumps([str(item.path), item.nodeid, names, item.fixturenames]))
sys.exit(pytest.main(["--collect-only", "-qq", *sys.argv[1:]], plugins=[Lister()]))
"""


@pytest.mark.parametrize(
    ("fixtures", "path", "expected"),
    [
        ([], "tests/core/test_files.py", set()),
        (["tmp_path", "each_accounting_sandbox"], "plugins/submitit/tests/test_x.py", {"slurm"}),
        (["grid"], "plugins/submitit/tests/test_x.py", {"slurm"}),
        (["page"], "tests/report/test_html.py", {"browser"}),
        (["workflow", "page"], "tests/workflow/test_pages.py", {"workflow", "browser"}),
        (["tmp_path"], "tests/workflow/test_killed.py", {"workflow"}),
        (["tmp_path"], "tests/training/test_trial.py", {"training"}),
        (["trained"], "tests/baselines/test_baselines.py", {"training"}),
    ],
)
def test_markers_follow_from_fixtures_and_folders(fixtures, path, expected):
    assert sets.markers(fixtures, Path(path)) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/sbin/slurmctld -D", "slurm"),
        ("unshare /usr/sbin/slurmd -D", "slurm"),
        ("/x/.venv/bin/snakemake -n", "workflow"),
        ("python3.11 -m snakemake --cores 1", "workflow"),
        ("python /x/.venv/bin/snakemake -n", "workflow"),
        ("/usr/bin/chromedriver --port=1", "browser"),
        ("python -m snakemake --help", None),
        ("grep snakemake README.md", None),
        ("git log slurmd", None),
    ],
)
def test_what_a_command_starts_is_known(command, expected):
    assert sets.needed(command.split()) == expected


CASES = """
import subprocess, pytest
def start():
    subprocess.run([{program!r}], check=True)
def test_unmarked():
    start()
@pytest.mark.workflow
def test_marked():
    start()
@pytest.fixture(scope="module")
def workflow():
    start()
def test_through_a_fixture(workflow):
    pass
"""


def test_a_test_that_starts_what_its_markers_do_not_name_fails(tmp_path):
    program, started = tmp_path / "snakemake", tmp_path / "started"
    program.write_text(f"#!/bin/sh\necho once >>{started}\n")
    program.chmod(0o755)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_cases.py").write_text(CASES.format(program=str(program)))
    (tmp_path / "conftest.py").symlink_to(ROOT / "conftest.py")
    (tmp_path / "pyproject.toml").symlink_to(ROOT / "pyproject.toml")
    done = pytest_in(tmp_path, "-q", "-p", "no:cacheprovider", "-m", "", "tests")
    assert re.search(r"1 failed, 2 passed", done.stdout), done.stdout + done.stderr
    assert "mark it with @pytest.mark.workflow" in done.stdout
    assert started.read_text().split() == ["once", "once"]
    quick = pytest_in(tmp_path, "-q", "-p", "no:cacheprovider", "-m", "quick", "tests")
    assert re.search(r"1 failed, 2 deselected", quick.stdout), quick.stdout + quick.stderr


def test_a_training_is_stopped_too():
    """In this very process: the guard looks at each test that begins after the module was imported."""
    guard = sets.Guard.__new__(sets.Guard)  # without a second audit hook
    guard.allowed = {"quick"}
    with pytest.raises(RuntimeError, match=r"mark it with @pytest\.mark\.training"):
        guard._guarded(getattr(trial, sets.TRAINING))(None, None)
    assert sets.TRAINING in inspect.getsource(trial.Trainer)


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_every_test_is_in_the_sets_that_it_should_be_in():
    done = subprocess.run([sys.executable, "-c", LISTER, "-m", ""], cwd=ROOT, capture_output=True, text=True)
    items = [json.loads(line[2:]) for line in done.stdout.splitlines() if line.startswith("# ")]
    assert done.returncode == 0 and len(items) > 1500, done.stdout[-2000:] + done.stderr
    for path, name, markers, fixtures in items:
        heavy = sets.HEAVY & set(markers)
        assert sets.markers(fixtures, Path(path), name) <= heavy, name
        assert ("quick" in markers) == (not heavy), name
        # the names of files are habits of their own, and say the same
        assert "slurm" in markers or not Path(path).stem.endswith(("_slurm", "_on_slurm", "_slurm_queries")), name
        assert "workflow" in markers or "workflow" not in Path(path).parts, name
    for beginning in (beginning for listed in sets.LISTED.values() for beginning in listed):
        assert any(name.startswith(beginning) for _, name, *_ in items), f"{beginning}: no test begins like this"
    files = {path for path, *_ in items}
    written = {
        str(path) for folder in ("tests", "plugins/submitit/tests") for path in (ROOT / folder).rglob("test_*.py")
    }
    assert written == files  # none is left out of all sets


def test_each_set_is_chosen_by_its_target():
    makefile = (ROOT / "Makefile").read_text()
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    assert options[options.index("-m") + 1] == "not nightly"
    chosen = {
        target: re.findall(
            r"-m pytest .*?-m (\S+)", re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1]
        )
        for target in ("quick", "test", "nightly-coverage")
    }
    assert chosen == {"quick": ["quick"], "test": [], "nightly-coverage": ['""']}
