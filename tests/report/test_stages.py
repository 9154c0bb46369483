"""Rungs, batches, finalists and the best so far, from the records of a search."""

import json
from types import SimpleNamespace

import pytest

from cascada.experiment import records
from cascada.report.progress import stages
from cascada.report.progress.status import best_so_far

SHAPE = {"configurations": 4, "budgets": [1, 2], "seeds": [1, 2], "rescore": None}


def trial(configuration, seed, epochs, f1=0.5, state="completed"):
    validation = {"f1": f1, "loss": 1 - f1}
    return SimpleNamespace(configuration=configuration, seed=seed, epochs=epochs, state=state, validation=validation)


def write(results, **changes):
    (results / "search").mkdir(exist_ok=True)
    (results / "search/search.json").write_text(json.dumps(SHAPE | changes))


def rung(results, names):
    content = {"promoted": [{"configuration": name} for name in names], "configurations": 4}
    records.write(results / "search/rung-2.json", "rung", content)


FIRST = [trial(name, seed, 1) for name in "abcd" for seed in (1, 2)]


def said(results, trials):
    return [(one.name, one.epochs, one.done, one.expected, one.decided) for one in stages.stages(results, trials)]


def test_before_a_promotion_a_rung_has_at_most_so_many(tmp_path):
    write(tmp_path)
    running = [trial("a", 1, 1, state="running")]
    assert said(tmp_path, running) == [("rung 1 of 2", 1, 0, 8, True), ("rung 2 of 2", 2, 0, 4, False)]
    assert stages.stages(tmp_path, running)[0].running == 1


def test_after_it_the_rung_is_decided_and_the_one_below_says_so(tmp_path):
    write(tmp_path)
    rung(tmp_path, ["b"])
    # a trial of a configuration that does not climb any more is not counted
    found = stages.stages(tmp_path, [*FIRST, trial("b", 1, 2), trial("c", 1, 2)])
    assert (found[0].done, found[1].done, found[1].expected, found[1].decided) == (8, 1, 2, True)
    assert found[0].told == "1 of 4 configurations went on"


def test_finalists_are_a_stage(tmp_path):
    write(tmp_path, budgets=[2], rescore={"top": 2, "seeds": [3]})
    assert said(tmp_path, [])[1] == ("finalists", 2, 0, 2, False)
    records.write(tmp_path / "search/finalists.json", "finalists", {"finalists": [{"configuration": "a"}]})
    assert said(tmp_path, [trial("a", 3, 2), trial("b", 3, 2)])[1] == ("finalists", 2, 1, 1, True)


def test_batches_are_told(tmp_path):
    write(tmp_path)
    assert stages.batches(tmp_path) == ""
    records.write(tmp_path / "search/batch-1.json", "batch", {"proposals": [{}, {}]})
    assert stages.batches(tmp_path) == "2 of 4 configurations proposed in 1 batch(es)"


def test_the_best_is_of_the_largest_budget_and_has_an_uncertainty(tmp_path):
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/summary.json").write_text(json.dumps({"counts": {"validation": {"iron": 40, "proton": 60}}}))
    trials = [trial("lucky", 1, 1, 0.99), trial("a", 1, 2, 0.9), trial("a", 2, 2, 0.7), trial("b", 1, 2, 0.6)]
    found = stages.best(tmp_path, trials, "f1")
    assert (found.configuration, found.seeds, found.value) == ("a", [1, 2], pytest.approx(0.8))
    assert found.spread == pytest.approx(0.1414, abs=1e-4)
    assert found.standard_error == pytest.approx(0.04)  # √(0.8 · 0.2 / 100)
    assert best_so_far(found, "f1") == (
        "best so far: a mean of 2 seeds, 2 epochs, validation f1 0.8000 ± 0.1414 (2 seeds), standard error by 100 validation "
        "showers about 0.0400"
    )
    assert stages.best(tmp_path, trials, "loss").configuration == "a"
    (tmp_path / "search").mkdir()
    records.write(tmp_path / "search/finalists.json", "finalists", {"finalists": [{"configuration": "b"}]})
    assert stages.best(tmp_path, trials, "f1").configuration == "b"
    assert stages.best(tmp_path, [trial("a", 1, 2, state="running")], "f1") is None


def test_a_search_of_an_earlier_release_has_no_stages(tmp_path):
    assert stages.stages(tmp_path, FIRST) == []
