"""Successive halving as a user runs it: what climbs, with which bits, what a larger or smaller search trains, kills, damaged records."""

import pytest
import workflows
import yaml

from cascada.core import tables
from cascada.core.files import read_json, sha256
from cascada.experiment import records

pytestmark = pytest.mark.workflow
EXPERIMENT = "halved.yaml"
RATES = [0.001, 0.003, 0.01, 0.03]


def write(folder, rates=RATES, epochs=2, name="halved", **search):
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    model = {"channels": [2, 4], "batch_size": 16, "learning_rate": {"choice": rates}}
    content["search"] |= {"halving": {"rungs": [1, 2]}, "models": {"lenet": model}} | search
    content["search"] = {key: value for key, value in content["search"].items() if value is not None}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content | {"experiment": name, "training": {"epochs": epochs}}))
    return folder


def run(folder, *arguments, name="halved", **options):
    return workflows.snakemake(folder, *arguments, configfile=f"{name}.yaml", **options)


def listed(folder):
    """How many jobs of each rule the dry-run lists."""
    found = workflows.jobs(run(folder, "-n", "search"))
    return {rule: found.count(rule) for rule in found if rule != "search"}


def trained(results, epochs):
    return sorted(path.parts[-3] for path in results.glob(f"trials/*/seed-1/epochs-{epochs}"))


def promoted(results, rung=2):
    return [row["configuration"] for row in records.read(results / f"search/rung-{rung}.json", "rung")["promoted"]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Four configurations for one epoch, two of them for a second one."""
    folder = write(workflows.copy(tmp_path_factory.mktemp("halved")))
    run(folder, "search")
    return folder


@pytest.fixture
def search(finished):
    """The finished search, as it was before the test's changes; nothing may be run in it."""
    write(finished)
    yield finished
    write(finished)


def test_the_better_half_climbs_and_is_compared(search):
    results = search / "results/halved"
    assert len(trained(results, 1)) == 4
    assert trained(results, 2) == sorted(promoted(results)) and len(promoted(results)) == 2
    scores = {
        path.parts[-4]: read_json(path)["validation"] for path in results.glob("trials/*/seed-1/epochs-1/metrics.json")
    }
    order = sorted(scores, key=lambda name: (-scores[name]["f1"], scores[name]["loss"], name))
    assert promoted(results) == order[:2]
    rows = tables.read(results / "selection/leaderboard.tsv")
    assert [(row["rank"], row["epochs"]) for row in rows[:4]] == [("1", "2"), ("2", "2"), ("", "1"), ("", "1")]
    assert [row["configuration"] for row in rows[2:4]] == order[2:]
    best = read_json(results / "selection/best.json")
    assert best["configuration"] == rows[0]["configuration"] and best["epochs"] == 2
    assert best["number_of_configurations"] == best["number_of_trials"] == 4


def test_its_trials_have_the_bits_of_a_full_search(search):
    write(search, name="full", halving=None)
    climbers = [f"trials/{name}/seed-1/epochs-2/checkpoint.pt" for name in promoted(search / "results/halved")]
    run(search, *(f"results/full/{path}" for path in climbers), name="full")
    for path in climbers:
        assert sha256(search / "results/halved" / path) == sha256(search / "results/full" / path)


def test_tensorboard_has_one_run_per_trial(search):
    runs = {path.parent.relative_to(search) for path in search.glob("results/halved/tensorboard/**/*tfevents*")}
    assert len(runs) == 1 + 4  # the experiment's record and four trials, of which two went on


def test_a_finished_search_has_nothing_left_to_do(search):
    assert listed(search) == {}


@pytest.mark.parametrize(
    ("change", "trainings", "rules"),
    [
        ({"rates": [*RATES, 0.1]}, 1, {"list_configurations", "promote", "select"}),
        ({"seeds": [1, 2]}, 4, {"list_configurations", "promote", "select"}),
        ({"epochs": 3, "halving": {"rungs": [1, 2, 3]}}, 0, {"promote", "select"}),
        ({"epochs": 3, "halving": {"rungs": [1, 3]}}, 0, {"promote", "select"}),
        ({"rates": RATES[:3]}, 0, {"list_configurations", "promote", "select"}),
        ({"halving": None}, 2, {"list_configurations", "select"}),
        ({"rescore": {"top": 1, "seeds": [2]}}, 0, {"rescore", "select"}),
    ],
    ids=[
        "a configuration more",
        "a seed more",
        "a rung more",
        "a longer last rung",
        "one less",
        "no rungs",
        "finalists",
    ],
)
def test_a_search_that_changes_trains_what_is_new(search, change, trainings, rules):
    """What climbs is known, and shown, when the rung below is trained."""
    write(search, **change)
    found = listed(search)
    assert found.get("train", 0) == trainings
    assert rules <= found.keys()
    assert not found.keys() & {"convert", "merge"}


def test_changed_code_trains_again_from_the_first_rung(search):
    path = search / "src/cascada/models/lenet.py"
    before = path.read_text()
    try:
        path.write_text(before + "\nMORE = 1\n")
        found = listed(search)
        assert found["train"] == 4 and found["promote"] == 1 and "list_configurations" not in found
    finally:
        path.write_text(before)


def test_an_edited_record_is_refused_before_anything_runs(search):
    path = search / "results/halved/search/rung-2.json"
    whole = path.read_bytes()
    try:
        for damaged in (whole.replace(b'"wanted": 2', b'"wanted": 1'), whole[: len(whole) // 2]):
            assert damaged != whole
            path.write_bytes(damaged)
            done = run(search, "-n", check=False)
            said = done.stdout + done.stderr
            assert done.returncode == 1 and "Traceback" not in said
            assert "results/halved/search/rung-2.json: " in said and "delete it with the records after it" in said
    finally:
        path.write_bytes(whole)
