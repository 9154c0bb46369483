"""What earlier releases left is opened by today's code: results, published models, ledgers (`releases/README.md`)."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import workflows
import yaml

from cascada.core.errors import DataError
from cascada.core.files import read_json
from cascada.testing import ledger

pytestmark = pytest.mark.workflow
ROOT = Path(__file__).parents[1]
RELEASES = Path(__file__).parent / "releases"
ARCHIVES = sorted(RELEASES.glob("*.tar.xz"))
DEMONSTRATIONS = sorted(RELEASES.glob("*.demonstration"))
DECIDES = ("search", "training", "data")  # sections of an experiment that say which selection is tested


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.name.split(".")[0])
def release(request, tmp_path_factory):
    """Today's workflow in a folder where that release ran and published."""
    folder = workflows.copy(tmp_path_factory.mktemp("release"))
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    return folder


def cascada(folder, *arguments):
    command = [sys.executable, "-m", "cascada", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=workflows.environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_status_counts_its_trials(release):
    assert "results/smoke: " in (said := cascada(release, "status", "results/smoke"))
    assert "completed 2" in said and "waiting 0" in said


def test_its_published_model_verifies(release):
    said = cascada(release, "verify", "artifacts/model")
    assert re.search(r"all (\d+) checks passed", said)


def test_its_published_model_predicts_what_was_recorded(release):
    cascada(release, "predict", "artifacts/model", "artifacts/dataset/test.h5", "-o", "out.h5")
    with h5py.File(release / "out.h5") as found, h5py.File(release / "results/smoke/test/predictions.h5") as expected:
        np.testing.assert_array_equal(found["event_id"][:], expected["event_id"][:])
        np.testing.assert_allclose(found["probability"][:], expected["probability"][:], atol=1e-5)
        assert found.attrs["model_version"] == "1.0.0"


def test_the_changelog_lists_what_reruns(release):
    text = " ".join((ROOT / "CHANGELOG.md").read_text().split())
    listed = re.search(r"Results of the last release stay readable; on them run again: ([^.]*)\.", text)
    done = workflows.snakemake(release, "-n")
    assert set(re.findall(r"`(\w+)`", listed[1])) == set(workflows.jobs(done)) - {"all"}


def test_its_trials_get_scores_without_being_trained(release, tmp_path):
    shutil.copytree(release, tmp_path / "copy", symlinks=True)
    results = tmp_path / "copy/results/smoke"
    target = ("results/smoke/search/scores.json", "--rerun-triggers", "mtime")
    assert workflows.jobs(workflows.snakemake(tmp_path / "copy", "-n", *target)) == ["score_trials"]
    kept = {path: path.read_bytes() for path in results.glob("trials/*/*/*/metrics.json")}
    workflows.snakemake(tmp_path / "copy", *target)
    found = read_json(results / "search/scores.json")
    assert [trial["scored"] for trial in found["trials"]] == ["afterwards"] * 2 and len(kept) == 2
    assert all(trial["shape"] == [found["showers"], 2] for trial in found["trials"])
    assert {path: path.read_bytes() for path in kept} == kept


def test_its_results_go_on_with_todays_code(release):
    """All is made again; the sealed showers were opened by the release, for the same selection with other bits."""
    (before,) = ledger.read(release / "results/smoke/dataset/test.h5")
    workflows.snakemake(release, "results/smoke/test/metrics.json")
    best = read_json(release / "results/smoke/selection/best.json")
    assert {name: best[name] for name in ("configuration", "seed")} == {
        name: before[name] for name in ("configuration", "seed")
    }
    opening = read_json(release / "results/smoke/test/metrics.json")["opening"]
    assert opening["number"] == 2 and opening["selections"] == 1 and not opening["reopened"]
    assert opening["ledger"][0]["git_commit"] == before["git_commit"]


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    """test.h5 of today's demonstration, and nothing that comes after it."""
    folder = workflows.copy(tmp_path_factory.mktemp("demonstration"))
    workflows.snakemake(folder, "results/demonstration/dataset/test.h5", configfile=None)
    return folder / "results/demonstration/dataset/test.h5"


@pytest.mark.parametrize("former", DEMONSTRATIONS, ids=lambda path: path.name.split(".")[0])
def test_a_pull_and_make_run_are_not_refused(former, demonstration):
    """Whoever changes what the demonstration selects seals other showers in the same commit (data.split.seed)."""
    shutil.copy(former / ledger.NAME, ledger.path_of(demonstration))
    assert ledger.read(demonstration)
    other = {"configuration": "lenet-00000000", "seed": 1, "epochs": 1, "checkpoint_sha256": "0" * 64}
    if same_selection(former / "config.yaml", ROOT / "config.yaml"):
        tested = ledger.read(demonstration)[0]
        again = ledger.open_seal(demonstration, tested | {"epochs": 16, "checkpoint_sha256": "1" * 64}, reopen=False)
        assert again["number"] == 2 and again["other_bits"] and not again["reopened"]
        with pytest.raises(DataError, match="for another selection"):
            ledger.open_seal(demonstration, other, reopen=False)
        return
    try:
        opening = ledger.open_seal(demonstration, other, reopen=False)
    except DataError as error:
        pytest.fail(
            f"config.yaml selects from another search and seals the same showers; change data.split.seed.\n{error}"
        )
    assert opening["number"] == 1 and not opening["reopened"]


def same_selection(*experiments):
    one, other = (yaml.safe_load(path.read_text()) for path in experiments)
    return all(one[section] == other[section] for section in DECIDES)
