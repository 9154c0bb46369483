"""`cascada summary`: what a finished experiment found, and of an unfinished one what is missing, in one sentence."""

import pytest

from cascada.cli import main
from cascada.core import paths
from cascada.core.files import read_json, write_json
from cascada.core.notices import OTHER_BITS, REOPENED
from cascada.report.summary import PARTS

METRIC = {"value": 0.9, "low": 0.85, "high": 0.95}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The files of a finished experiment, as far as the summary reads them."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/small"
    names = ("f1", "accuracy", "roc_auc")
    best = {
        "configuration": "lenet-00000000",
        "number_of_configurations": 3,
        "seeds": [1, 2],
        "hyperparameters": {"batch_size": 8},
    }
    best["validation"] = {name: {"mean": 0.91, "spread": 0.01 if name == "f1" else None} for name in names}
    test = dict.fromkeys(names, METRIC) | {"classes": ["iron", "proton"], "opening": {"reopened": False}}
    write_json(folder / paths.BEST, best)
    write_json(folder / paths.METRICS, test)
    write_json(folder / paths.DATA_CARD, {"surrogate": True})
    write_json(folder / paths.BEHAVIOUR, {"conclusion": "passes all 15 gates"})
    (folder / "search").mkdir()
    return folder


def test_a_finished_experiment(results, capsys):
    assert main(["summary", str(results)]) == 0
    said = capsys.readouterr().out
    for words in ("Best configuration: lenet-00000000 (of 3; surrogate showers", "batch_size: 8", "0.9100 ± 0.0100 (2 seeds)",
                  "0.9100 (one seed)", "0.9000 [0.8500, 0.9500]", "The signal is proton", "passes all 15 gates"):  # fmt: skip
        assert words in said, words
    assert REOPENED not in said and OTHER_BITS not in said
    assert main(["summary"]) == 0 and "lenet-00000000" in capsys.readouterr().out  # the newest


def test_what_the_choice_promised(results, capsys):
    best, test = read_json(results / paths.BEST), read_json(results / paths.METRICS)
    promised = {"raw": 0.91, "corrected": 0.905, "low": 0.86, "high": 0.94, "confidence": 0.95}
    write_json(
        results / paths.BEST, best | {"metric": "f1", "selection": {"why": "It was the best.", "optimism": promised}}
    )
    write_json(results / paths.METRICS, test | {"settings": {"confidence": 0.95}})
    assert main(["summary", str(results)]) == 0
    said = capsys.readouterr().out
    assert (
        "  It was the best.\n  Validation f1 of the exported network: 0.9100 as measured, 0.9050 [0.8600, 0.9400] after correcting"
        in said
    )
    assert "  The sealed showers give 0.9000 [0.8500, 0.9500]: -0.0050, 0.1 standard errors. That agrees.\n" in said


def test_the_marks_of_the_test(results, capsys):
    test = dict.fromkeys(("f1", "accuracy", "roc_auc"), METRIC) | {"classes": ["iron", "proton"]}
    write_json(results / paths.METRICS, test | {"opening": {"reopened": True, "other_bits": True}})
    assert main(["summary", str(results)]) == 0
    said = capsys.readouterr().out
    assert REOPENED in said and OTHER_BITS in said


@pytest.mark.parametrize("missing", PARTS)
def test_an_unfinished_experiment_says_what_is_missing(missing, results, capsys):
    (results / missing).unlink()
    assert main(["summary", str(results)]) == 1
    said = capsys.readouterr().err
    assert f"has not finished; missing: {PARTS[missing]} ({missing}). Go on with `snakemake" in said
    assert said.count("\n") == 1


def test_no_experiment_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["summary", "results/nothing"]) == 1
    assert "no such folder; results found there: none" in capsys.readouterr().err
    assert main(["summary"]) == 1
    assert "no results of a search here" in capsys.readouterr().err
