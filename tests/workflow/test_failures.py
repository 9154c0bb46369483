"""A search in which a trial fails: recorded, it ranks last, is counted and can be tried again."""

import pytest
import workflows
import yaml

from cascada.core import tables
from cascada.core.files import read_json
from cascada.experiment import records

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three configurations, one of which wants more memory than there are addresses."""
    folder = workflows.copy(tmp_path_factory.mktemp("failing"))
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    model = {"channels": {"choice": [[1000, 10**12], [2, 4], [3, 4]]}, "batch_size": 16}
    content["search"] |= {"models": {"lenet": model}, "halving": {"rungs": [1, 2]}}
    content |= {"experiment": "failing", "training": {"epochs": 2, "on_failure": "record"}}
    (folder / "failing.yaml").write_text(yaml.safe_dump(content))
    workflows.snakemake(folder, "search", configfile="failing.yaml")
    return folder


def test_the_search_goes_on_without_it(folder):
    results = folder / "results/failing"
    rows = tables.read(results / "selection/leaderboard.tsv")
    (failed,) = (row for row in rows if row["status"] == "failed")
    assert (failed["rank"], failed["channels"]) == ("", "[1000, 1000000000000]")
    assert [row["status"] for row in rows[:2]] == ["completed", "completed"]
    content = read_json(results / f"trials/{failed['configuration']}/seed-1/epochs-1/metrics.json")
    assert content["reason"].startswith("RuntimeError: ")


def test_the_rung_counts_and_names_it(folder):
    results = folder / "results/failing"
    record = records.read(results / "search/rung-2.json", "rung")
    assert (record["failed_trials"], record["wanted"], len(record["promoted"])) == (1, 2, 2)
    assert record["stopped"][-1]["why"] == "failed: seeds [1] left no result"
    assert "0 diverged, 1 trial(s) failed" in (results / "logs/promote/rung-2.log").read_text()


def test_it_is_tried_again_when_asked_for(folder):
    (metrics,) = (
        path
        for path in folder.glob("results/failing/trials/*/*/*/metrics.json")
        if read_json(path)["status"] == "failed"
    )
    path = str(metrics.relative_to(folder))
    done = workflows.snakemake(folder, "-n", "search", "--forcerun", path, configfile="failing.yaml")
    assert workflows.jobs(done).count("train") == 1 and "promote" in workflows.jobs(done)
    assert workflows.jobs(workflows.snakemake(folder, "-n", "search", configfile="failing.yaml")) == []
