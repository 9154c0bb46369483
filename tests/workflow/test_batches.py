"""A search whose configurations are proposed batch by batch, as a user runs it: what stays, what is repeated, what grows."""

import pytest
import workflows
import yaml
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import metadata

from cascada.core import tables
from cascada.core.files import read_json
from cascada.experiment import records

pytestmark = pytest.mark.workflow


def write(folder, epochs=1, **search):
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    optimizers = {"choice": [{"value": "sgd", "momentum": {"uniform": [0.5, 0.9]}}, "adam"]}
    model = {
        "channels": [2, 4],
        "batch_size": 16,
        "learning_rate": {"loguniform": [0.001, 0.03]},
        "optimizer": optimizers,
    }
    content["search"] = {"sampler": "tpe", "samples": 3, "batch": 2, "models": {"lenet": model}} | search
    (folder / "proposed.yaml").write_text(
        yaml.safe_dump(content | {"experiment": "proposed", "training": {"epochs": epochs}})
    )
    return folder


def run(folder, *arguments, **options):
    return workflows.snakemake(folder, *arguments, configfile="proposed.yaml", **options)


def listed(folder, *arguments):
    """How many jobs of each rule the dry-run lists, and what it says."""
    done = run(folder, "-n", "search", *arguments)
    found = workflows.jobs(done)
    return {rule: found.count(rule) for rule in found if rule != "search"}, done.stdout + done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two configurations of Sobol's, and a third that was proposed from their trials."""
    folder = write(workflows.copy(tmp_path_factory.mktemp("proposed")))
    jobs, _ = listed(folder)
    assert jobs["propose"] == 2 and "train" not in jobs
    run(folder, "search")
    return folder


@pytest.fixture
def search(finished):
    write(finished)
    yield finished
    write(finished)


def test_each_batch_learns_from_those_before(search):
    results = search / "results/proposed"
    batches = [records.read(results / f"search/batch-{number}.json", "batch")["proposals"] for number in (1, 2)]
    ids = [row["configuration"] for batch in batches for row in batch]
    assert [len(batch) for batch in batches] == [2, 1]
    assert sorted(row["configuration"] for row in tables.read(results / "search/configurations.tsv")) == sorted(ids)
    assert sorted(path.name for path in (results / "trials").iterdir()) == sorted(ids)
    assert "from 2 result(s)" in (results / "logs/propose/batch-2.log").read_text()


def test_what_a_branch_lacks_is_absent(search):
    """A momentum that adam does not use: from the table, from the trial, from the leaderboard and from TensorBoard."""
    results = search / "results/proposed"
    rows = {row["configuration"]: row for row in tables.read(results / "search/configurations.tsv")}
    assert {row["optimizer"] for row in rows.values()} == {'"sgd"', '"adam"'}
    for row in tables.read(results / "selection/leaderboard.tsv"):
        if row["status"] != "baseline":
            momentum = rows[row["configuration"]]["momentum"]
            assert row["momentum"] == momentum and (momentum == "") == (row["optimizer"] == "adam")
            trial = results / f"trials/{row['configuration']}/seed-1/epochs-1/metrics.json"
            assert ("momentum" in read_json(trial)["hyperparameters"]) == (row["optimizer"] == "sgd")
            assert ("momentum" in session(results / f"tensorboard/{row['configuration']}")) == (
                row["optimizer"] == "sgd"
            )


def session(folder):
    """The hyperparameters of a run of TensorBoard."""
    (path,) = folder.glob("seed-1/events.out.tfevents.*")
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.tag == metadata.SESSION_START_INFO_TAG:
                data = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
                return set(data.hparams)
    raise AssertionError("no session")


def test_nothing_is_left_to_do(search):
    assert listed(search)[0] == {}


def test_a_batch_that_is_proposed_again_is_the_same(search):
    path = search / "results/proposed/search/batch-2.json"
    before = path.read_bytes()
    path.unlink()
    run(search, "results/proposed/search/batch-2.json")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "proposals", "said"),
    [
        ({"samples": 6}, 2, ""),
        ({"samples": 2}, 0, ""),
        ({"seed": 7}, 2, "3 configuration(s) of lenet proposed for another space, sampler or seed are left aside"),
        ({"sampler": "sobol", "samples": 4}, 1, "3 configuration(s) of lenet proposed for another"),
    ],
    ids=["more samples", "fewer samples", "another seed", "another sampler"],
)
def test_a_search_that_changes_proposes_what_is_new(search, change, proposals, said):
    write(search, **change)
    jobs, text = listed(search)
    assert jobs.get("propose", 0) == proposals and "train" not in jobs and "select" in jobs
    assert said in text


def test_an_edited_batch_is_refused_before_anything_runs(search):
    path = search / "results/proposed/search/batch-1.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-40])
        done = run(search, "-n", check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and "Traceback" not in said
        assert "results/proposed/search/batch-1.json: not a whole record of a batch; take it from a backup" in said
    finally:
        path.write_bytes(whole)


def test_a_search_that_was_killed_as_it_began_to_grow_goes_on(finished):
    """The description is written, the batch that it calls for is not: nothing may be chosen by the old batches alone."""
    write(finished, samples=4)
    run(finished, "results/proposed/search/search.json")
    jobs, _ = listed(finished)
    assert (
        jobs["propose"] == 1 and {"list_configurations", "select", "summarize_costs", "plot_selection"} <= jobs.keys()
    )
    run(finished, "search")
    rows = tables.read(finished / "results/proposed/selection/leaderboard.tsv")
    assert sum(row["rank"] != "" for row in rows) == 4
    assert listed(finished)[0] == {}


def test_rungs_and_finalists_that_come_later_keep_the_batches(finished):
    """Two rungs more, over a finished search: each decision waits for the one below, and no batch is proposed again."""
    write(finished, samples=4)
    run(finished, "search")
    write(finished, samples=4, halving={"rungs": [1, 2, 3]}, rescore={"top": 1, "seeds": [2]}, epochs=3)
    jobs, _ = listed(finished)
    assert "propose" not in jobs and (jobs["promote"], jobs["rescore"]) == (2, 1)
    run(finished, "search")
    write(finished, samples=4, halving={"rungs": [1, 2, 3, 4]}, rescore={"top": 1, "seeds": [2]}, epochs=4)
    jobs, _ = listed(finished)
    assert "propose" not in jobs and (jobs["promote"], jobs["rescore"], jobs["select"]) == (3, 1, 1)
    run(finished, "search")
    best = read_json(finished / "results/proposed/selection/best.json")
    assert best["epochs"] == 4 and best["seeds"] == [1, 2]
    assert listed(finished)[0] == {}


@pytest.mark.nightly
def test_batches_that_are_kept_are_waited_for_when_their_script_has_changed(finished):
    """The script of the proposals and the ranking have changed: every batch is looked at again and stays, and the choice is among all."""
    write(finished)
    run(finished, "search")
    results = finished / "results/proposed"
    before = {path: path.read_bytes() for path in results.glob("search/batch-*.json")}
    with (finished / "scripts/propose.py").open("a") as file:
        file.write("\nMORE = 1\n")
    with (finished / "src/cascada/selection/ranking.py").open("a") as file:
        file.write("\nMORE = 1\n")
    jobs, _ = listed(finished)
    assert jobs["propose"] == 1 and jobs["select"] == 1 and "train" not in jobs
    done = workflows.jobs(run(finished, "search"))
    assert done.count("propose") == 2 and done.count("select") == 1 and "train" not in done
    assert {path: path.read_bytes() for path in results.glob("search/batch-*.json")} == before
    rows = tables.read(results / "selection/leaderboard.tsv")
    assert sum(row["rank"] != "" for row in rows) == 3
    assert listed(finished)[0] == {}
