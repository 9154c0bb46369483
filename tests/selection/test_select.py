"""The rule `select`: from trials and their stored scores to a leaderboard, a frozen checkpoint and a record that says why."""

import json
import shutil

import numpy as np
import pytest
from searches import METRICS, Search

from cascada.core import tables
from cascada.core.errors import CascadaError, DataError
from cascada.core.files import read_json, sha256, write_json
from cascada.selection.ranking import select

A, B, C = (f"lenet-{letter * 8}" for letter in "abc")
HOW = {"rule": "best", "tolerance": 0.002, "seed": "median"}
HALVED = Search(
    {
        (A, 1, 1): 1.2, (B, 1, 1): 1.0, (C, 1, 1): 0.3, (A, 1, 3): 2.5, (B, 1, 3): 2.1, (A, 2, 3): 2.1, (A, 3, 3): 2.5,
    },
    multiply_adds={A: 900, B: 400},
)  # fmt: skip
SEEDS = Search({(name, seed, 3): 2.0 for name in (A, B) for seed in (1, 2, 3)}, multiply_adds={A: 900, B: 400})


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    """The files of both searches, written once."""
    found = {}
    for name, search in {"halved": HALVED, "seeds": SEEDS}.items():
        found[name] = tmp_path_factory.mktemp(name), search
        search.write(found[name][0])
    return found


@pytest.fixture
def halved(searches, tmp_path):
    """A copy, to be changed."""
    shutil.copytree(searches["halved"][0], tmp_path / "halved")
    scores = tmp_path / "halved/scores.json"
    content = read_json(scores)
    for entry in content["trials"]:
        entry["path"] = entry["path"].replace(str(searches["halved"][0]), str(tmp_path / "halved"))
    write_json(scores, content)
    return tmp_path / "halved"


def chosen(folder, compared, left_behind=(), finalists=(), baselines=None, metric="f1", seeds=(1,), **how):
    """best.json and the leaderboard's rows; trials are named as their folders."""
    files = [folder / name / "metrics.json" for name in compared]
    outputs = [folder / name for name in ("leaderboard.tsv", "best.json", "checkpoint.pt")]
    content = select(
        files, [path.with_name("checkpoint.pt") for path in files], metric, *outputs, baselines,
        [folder / name / "metrics.json" for name in left_behind], list(finalists),
        scores=folder / "scores.json", train=folder / "train.h5", how=HOW | how, search={"seeds": seeds, "learns": False},
    )  # fmt: skip
    assert read_json(folder / "best.json") == json.loads(json.dumps(content))
    return content, tables.read(folder / "leaderboard.tsv")


TOP, BEHIND = (f"{A}-1-3", f"{B}-1-3"), (f"{C}-1-1",)


def test_the_leaderboard_says_what_the_figures_are_worth(halved):
    best, rows = chosen(halved, TOP, BEHIND)
    assert [(row["rank"], row["configuration"], row["status"], row["epochs"], row["chosen"]) for row in rows] == [
        ("1", A, "completed", "3", "yes"), ("2", B, "completed", "3", ""), ("", C, "stopped", "1", ""),
    ]  # fmt: skip
    for row in rows:
        assert float(row["validation_f1_low"]) < float(row["validation_f1_mean"]) < float(row["validation_f1_high"])
    assert [row["in_set"] for row in rows] == ["yes", "yes", ""] and [row["multiply_adds"] for row in rows] == [
        "900",
        "400",
        "1000",
    ]
    assert [row["training_ms_per_shower"] for row in rows] == ["2.0000"] * 3
    assert float(rows[0]["validation_f1_corrected"]) == pytest.approx(
        best["selection"]["optimism"]["corrected"], abs=1e-6
    )
    assert rows[1]["validation_f1_corrected"] == "" and float(rows[1]["f1_loss_limit"]) > float(rows[1]["f1_loss"]) > 0


def test_the_record_says_what_was_compared_and_why_this_one(halved):
    best, _ = chosen(halved, TOP, BEHIND)
    record = best["selection"]
    assert record["why"].startswith(f"{A} has the best mean validation f1 of 2 candidates, ")
    assert record["why_this_seed"] == "seed 1 is the only one."
    assert {name: record[name] for name in HOW} == HOW and record["not_distinguishable"] == [A, B]
    assert {name: record["compared"][name] for name in ("candidates", "epochs", "metric", "showers", "images")} == {
        "candidates": 2, "epochs": 3, "metric": "f1", "showers": 300, "images": 300,
    }  # fmt: skip
    assert [row["configuration"] for row in record["candidates"]] == [A, B]
    assert (
        record["optimism"]["replayed"] == ["promotions", "rule", "seed"]
        and len(record["optimism"]["not_replayed"]) == 2
    )
    assert record["optimism"]["raw"] == pytest.approx(best["validation"]["f1"]["mean"])
    assert record["optimism"]["low"] < record["optimism"]["corrected"] < record["optimism"]["high"]
    assert all(best["validation"][name]["low"] < best["validation"][name]["high"] for name in METRICS)
    assert best["multiply_adds"] == 900 and best["number_of_configurations"] == 3


def test_the_median_seed_is_frozen_with_its_checkpoint(searches):
    folder, search = searches["seeds"]
    best, _ = chosen(folder, [f"{name}-{seed}-3" for name in (A, B) for seed in (1, 2, 3)], seeds=(1, 2, 3))
    values = {
        trial["seed"]: trial["validation"]["f1"]
        for trial in search.trials()
        if trial["configuration"] == best["configuration"]
    }
    assert best["seed"] == sorted(values, key=values.get)[1] and best["seeds"] == [1, 2, 3]
    expected = folder / f"{best['configuration']}-{best['seed']}-3/checkpoint.pt"
    assert (folder / "checkpoint.pt").read_bytes() == expected.read_bytes()
    assert best["checkpoint_sha256"] == sha256(expected)
    assert best["selection"]["optimism"]["raw"] == pytest.approx(values[best["seed"]])


def test_a_declared_seed_and_the_cheapest(searches):
    folder, _ = searches["seeds"]
    compared = [f"{name}-{seed}-3" for name in (A, B) for seed in (1, 2, 3)]
    best, rows = chosen(folder, compared, seeds=(1, 2, 3), rule="cheapest", tolerance=0.2, seed=3)
    assert (best["configuration"], best["seed"], best["multiply_adds"]) == (B, 3, 400)
    assert "is the cheapest (400 multiply-adds, 10 parameters) of the 2 of 2 candidates" in best["selection"]["why"]
    assert [row["chosen"] for row in rows] == (["", "yes"] if rows[0]["configuration"] == A else ["yes", ""])
    best, _ = chosen(folder, compared, seeds=(1, 2, 3), rule="cheapest", tolerance=0.0)
    assert best["configuration"] == rows[0]["configuration"]


def test_finalists_are_compared_by_all_their_seeds(halved):
    best, rows = chosen(halved, [*TOP, f"{A}-2-3", f"{A}-3-3"], BEHIND, finalists=[A])
    assert best["seeds"] == [1, 2, 3] and best["selection"]["compared"]["candidates"] == 1
    assert [row["in_set"] for row in rows] == ["yes", "", ""] and rows[1]["validation_f1_low"]
    luck = best["selection"]["before_finalists"]
    assert [luck[name] for name in ("configuration", "seed", "seeds", "configurations", "epochs")] == [A, 1, [1], 2, 3]
    trial = read_json(halved / f"{A}-1-3/metrics.json")["validation"]["f1"]
    assert luck["raw"] == pytest.approx(trial) and luck["low"] < luck["corrected"] < luck["high"]
    assert "before_finalists" not in chosen(halved, TOP, BEHIND)[0]["selection"]


def test_baselines_are_shown_and_never_selected(halved):
    simple = {
        "validation": {"f1": 1.0, "accuracy": 1.0, "roc_auc": 1.0, "loss": 0.0},
        "parameters": 3,
        "wall_seconds": 1.0,
    }
    write_json(halved / "baselines.json", {"baselines": {"logistic_regression": simple}})
    best, rows = chosen(halved, TOP, BEHIND, baselines=halved / "baselines.json")
    assert best["configuration"] == A and best["baselines"]["logistic_regression"]["f1"] == 1.0
    assert (rows[-1]["rank"], rows[-1]["status"], rows[-1]["validation_f1_mean"]) == ("", "baseline", "1.000000")
    assert rows[-1]["wall_seconds"] == "1.0" and rows[-1]["gpu_hours"] == "0.0000"


def test_nothing_is_selected_where_all_diverged(halved):
    for name in TOP:
        write_json(halved / name / "metrics.json", read_json(halved / name / "metrics.json") | {"status": "diverged"})
    with pytest.raises(CascadaError, match=r"No configuration has completed .2 trials, 2 diverged"):
        chosen(halved, TOP, BEHIND)
    assert not (halved / "best.json").exists()


def test_scores_of_other_showers_are_refused(halved):
    write_json(halved / "scores.json", read_json(halved / "scores.json") | {"showers_sha256": "0" * 64})
    with pytest.raises(
        DataError,
        match=r"scores.json: the scores are of other validation showers than .*train.h5 has, or in another order; remove",
    ):
        chosen(halved, TOP, BEHIND)
    assert not (halved / "best.json").exists()


def test_scores_in_another_order_are_refused(halved):
    """As if scores.npy and what describes it had been made from showers in another order."""
    path = halved / TOP[0] / "scores.npy"
    np.save(path, np.load(path)[::-1])
    content = read_json(halved / "scores.json")
    next(entry for entry in content["trials"] if entry["path"] == str(path))["sha256"] = sha256(path)
    write_json(halved / "scores.json", content)
    with pytest.raises(
        DataError, match=rf"scores.npy of {A}, seed 1, 3 epochs: their order does not fit the split, as their loss is"
    ):
        chosen(halved, TOP, BEHIND)


def test_a_completed_trial_without_scores_is_refused(halved):
    content = read_json(halved / "scores.json")
    content["trials"] = [entry for entry in content["trials"] if entry["configuration"] != B]
    write_json(halved / "scores.json", content)
    with pytest.raises(DataError, match=rf"no scores of {B}, seed 1, 3 epochs, which completed; remove"):
        chosen(halved, TOP, BEHIND)
