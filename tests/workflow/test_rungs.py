"""Successive halving as a user runs it: what climbs, with which bits, what a larger or smaller search trains, kills, damaged records."""

import json
import subprocess
import sys

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
    halved = {"halving": {"rungs": [1, 2]}, "rescore": {"top": 1, "seeds": [2]}}
    content["search"] |= halved | {"models": {"lenet": model}} | search
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
    """Four configurations for one epoch, two of them for a second one, one of these with a second seed."""
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


def test_survivors_go_on_from_their_states_and_the_ledger_says_what_that_saved(search):
    results = search / "results/halved"
    for name in promoted(results):
        log = (results / f"logs/train/{name}/seed-1-epochs-2.log").read_text()
        assert "resuming at epoch 2, batch 0 from" in log and "epoch 1/" not in log
    (attempt,) = read_lines(results / f"trials/{promoted(results)[0]}/seed-1/epochs-2/attempts.jsonl")
    assert (attempt["first_epoch"], attempt["epochs"], attempt["reason"]) == (2, 1, "completed")
    states = sorted(path.parent for path in results.glob("trials/*/*/*/state.pt"))
    assert len(states) == 3 and {path.name for path in states} == {"epochs-2"}, "those left behind can go on no more"
    costs = {(row["of"], row["name"]): row for row in tables.read(results / "search/costs.tsv")}
    assert [float(costs["rung", f"{epochs} epochs"]["epochs"]) for epochs in (1, 2)] == [
        4,
        2 + 2,
    ]  # and a finalist's seed
    assert float(costs["saved", "halving"]["epochs"]) == 2  # of the two that were left behind
    scored = read_json(results / "search/scores.json")["trials"]
    assert len(scored) == 4 + 2 + 1 and all(trial["scored"] == "by the training" for trial in scored)


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_choice_is_between_finalists_by_all_their_seeds(search):
    results = search / "results/halved"
    (finalist,) = records.read(results / "search/finalists.json", "finalists")["finalists"]
    best = read_json(results / "selection/best.json")
    assert best["configuration"] == finalist["configuration"] and best["seeds"] == [1, 2] and best["epochs"] == 2
    assert best["number_of_configurations"] == 4 and best["number_of_trials"] == 5
    row = tables.read(results / "selection/leaderboard.tsv")[0]
    values = [
        read_json(results / f"trials/{best['configuration']}/seed-{seed}/epochs-2/metrics.json")["validation"]["f1"]
        for seed in (1, 2)
    ]
    assert (row["rank"], row["configuration"], row["seeds"]) == ("1", best["configuration"], "2")
    assert float(row["validation_f1_mean"]) == pytest.approx(sum(values) / 2, abs=1e-6)


def test_status_shows_the_rungs(search):
    command = [sys.executable, "-m", "cascada", "status", "results/halved", "--once"]
    done = subprocess.run(command, cwd=search, env=workflows.environment(search), capture_output=True, text=True)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert "rung 1 of 2 1 4/4 0 2 of 4 configurations went on" in lines and "rung 2 of 2 2 2/2 0" in lines
    best = read_json(search / "results/halved/selection/best.json")["configuration"]
    assert f"finalists 2 1/1 0 {best} with seeds 2 too" in lines
    assert any(line.startswith("best so far: ") and "2 epochs" in line for line in lines)


def test_its_trials_have_the_bits_of_a_full_search(search):
    write(search, name="full", halving=None, rescore=None)
    climbers = [f"trials/{name}/seed-1/epochs-2/checkpoint.pt" for name in promoted(search / "results/halved")]
    run(search, *(f"results/full/{path}" for path in climbers), name="full")
    for path in climbers:
        assert sha256(search / "results/halved" / path) == sha256(search / "results/full" / path)


def test_tensorboard_has_one_run_per_trial(search):
    runs = {path.parent.relative_to(search) for path in search.glob("results/halved/tensorboard/**/*tfevents*")}
    assert len(runs) == 1 + 4 + 1  # the experiment's record, four trials, of which two went on, and the finalist's


def test_a_finished_search_has_nothing_left_to_do(search):
    assert listed(search) == {}


@pytest.mark.parametrize(
    ("change", "trainings", "rules"),
    [
        ({"rates": [*RATES, 0.1]}, 1, {"list_configurations", "promote", "select"}),
        ({"seeds": [1, 3]}, 4, {"list_configurations", "promote", "select"}),
        ({"epochs": 3, "halving": {"rungs": [1, 2, 3]}}, 0, {"promote", "select"}),
        ({"epochs": 3, "halving": {"rungs": [1, 3]}}, 0, {"promote", "select"}),
        ({"rates": RATES[:3]}, 0, {"list_configurations", "promote", "select"}),
        ({"halving": None}, 2, {"list_configurations", "select"}),
        ({"rescore": {"top": 2, "seeds": [2]}}, 0, {"rescore", "select"}),
        ({"rescore": None}, 0, {"select"}),
    ],
    ids=[
        "a configuration more",
        "a seed more",
        "a rung more",
        "a longer last rung",
        "one less",
        "no rungs",
        "finalists",
        "no finalists",
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


def test_a_decision_is_made_again_from_the_trials(search):
    """As docs/search.md says: without the records and the selection, nothing is trained."""
    results = search / "results/halved"
    away = search / "away"
    away.mkdir()
    names = ["search/rung-2.json", "search/finalists.json", "selection"]
    for name in names:
        (results / name).rename(away / name.split("/")[-1])
    try:
        found = listed(search)
        assert {"promote", "rescore", "select"} <= found.keys() and "train" not in found
    finally:
        for name in names:
            (away / name.split("/")[-1]).rename(results / name)
        away.rmdir()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"halving": {"first": 1, "eta": 1.5}}, "search.halving.eta: 1.5 given, at least 2"),
        ({"halving": {"rungs": [2, 2]}}, "each rung needs more epochs than the one before"),
        ({"halving": {"first": 3}}, "the first rung has 3 epochs and training.epochs is 2"),
        ({"halving": {"rung": [1]}}, "search.halving: unknown key(s) ['rung'] (did you mean 'rungs'?)"),
        ({"rescore": {"top": 3, "seeds": [2]}}, "search.rescore.top: 3 given and 2 of 4 configurations reach the last rung"),
        ({"rescore": {"top": 1, "seeds": [1]}}, "search.rescore.seeds: [1] given, with which search.seeds trains"),
        ({"seeds": [1, 1]}, "search.seeds: "),
        ({"sampler": "sobl"}, "search.sampler: 'sobl' given"),
        ({"sampler": "tpe"}, "search.samples is missing; the sampler tpe needs it"),
        ({"sampler": "tpe", "samples": 40, "batch": 2}, "20 batches, 2 rung(s) and finalists are 22 decisions, at most 10"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_said_at_the_dry_run(search, change, sentence):
    write(search, **change)
    done = run(search, "-n", "search", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and sentence in said and "Traceback" not in said


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


def test_a_search_that_is_killed_in_the_second_rung_ends_with_the_same_bits(finished):
    write(finished, rates=RATES[:2], epochs=40, name="killed", halving={"rungs": [1, 40]}, rescore=None)
    results = finished / "results/killed"
    driver = subprocess.Popen(
        workflows.command("search", configfile="killed.yaml"),
        cwd=finished, env=workflows.environment(finished), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    resume = workflows.wait_for_resume_file(results, driver, "trials/*/*/epochs-40/resume.pt")
    trainer = workflows.trainer_of(driver)
    driver.kill()
    driver.wait(timeout=60)
    trainer.wait(timeout=60)
    assert resume.exists()
    kept = {path: path.stat().st_mtime_ns for path in results.glob("**/epochs-1/metrics.json")}
    record = (results / "search/rung-2.json").read_bytes()
    run(finished, "--unlock", name="killed")
    run(finished, "search", "--rerun-incomplete", name="killed")
    assert "resuming at epoch" in (results / f"logs/train/{promoted(results)[0]}/seed-1-epochs-40.log").read_text()
    assert kept == {path: path.stat().st_mtime_ns for path in results.glob("**/epochs-1/metrics.json")}
    assert (results / "search/rung-2.json").read_bytes() == record
    write(finished, rates=RATES[:2], epochs=40, name="undisturbed", halving=None, rescore=None)
    path = f"trials/{promoted(results)[0]}/seed-1/epochs-40/checkpoint.pt"
    run(finished, f"results/undisturbed/{path}", name="undisturbed")
    assert sha256(results / path) == sha256(finished / "results/undisturbed" / path)


def test_a_search_that_was_killed_as_it_began_to_change_decides_anew(finished):
    """The table is written, the promotions that follow from it are not: every one of them is listed, and what reads them."""
    write(finished, epochs=3, halving={"rungs": [1, 3]})
    run(finished, "results/halved/search/configurations.tsv")
    found = listed(finished)
    assert (found["promote"], found["rescore"], found["select"], found["plot_selection"]) == (1, 1, 1, 1)
    run(finished, "search")
    results = finished / "results/halved"
    assert trained(results, 3) == sorted(promoted(results))
    assert read_json(results / "selection/best.json")["epochs"] == 3
    assert listed(finished) == {}
