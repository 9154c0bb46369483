"""`cascada checklist`: the 32 items of REFORMS, whatever an experiment has got to."""

import json
import re
import shutil

import pytest
from exports import make_export

from cascada.cli import main
from cascada.core import paths, tables
from cascada.core.files import read_json, write_json
from cascada.core.notices import REOPENED, SURROGATE
from cascada.report.checklist import items
from cascada.report.checklist.evidence import FILES

METRIC = {"value": 0.9, "low": 0.85, "high": 0.95}
OPENING = {"number": 1, "selections": 1, "reopened": False}
SECTIONS = [3, 5, 7, 3, 6, 3, 3, 2]  # items in each: Kapoor et al. 2024, Table 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The files of a tiny experiment; those of its search and test as far as the checklist reads them."""
    folder = make_export(tmp_path_factory.mktemp("checklist") / "results/tiny")
    test = dict.fromkeys(("f1", "accuracy", "roc_auc"), METRIC) | {"showers": 30, "opening": OPENING}
    test |= {"settings": {"confidence": 0.95, "bootstrap": 1000}}
    test["baselines"] = {
        "gradient_boosting": {"f1": METRIC | {"difference": {"value": 0.02, "low": 0.01, "high": 0.03}}}
    }
    write_json(folder / paths.METRICS, test)
    write_json(folder / paths.BEHAVIOUR, {"conclusion": "passes all 15 gates"})
    write_json(folder / FILES["baselines"], {"baselines": {"gradient_boosting": {"validation": {"f1": 0.88}}}})
    (folder / "search").mkdir()
    rows = [["lenet-01234567", "lenet"], ["cae-01234567", "cae"]]
    tables.write(folder / paths.CONFIGURATIONS, ["configuration", "model"], rows)
    trials = [[*row, "completed", "1800", "0.5"] for row in rows] + [["gradient_boosting", "", "baseline", "4", "0"]]
    header = ["configuration", "model", "status", "wall_seconds", "gpu_hours"]
    tables.write(folder / paths.LEADERBOARD, header, trials)
    content = read_json(folder / "model/model.json")
    write_json(folder / "model/model.json", content | {"settings": {"search": {"sampler": "grid"}}})
    best = read_json(folder / paths.BEST)
    best["provenance"] |= {"git_commit": "0123abcd", "git_dirty": True}
    write_json(folder / paths.BEST, best)
    return folder


@pytest.fixture
def results(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "results/tiny")


def said(results, capsys):
    assert main(["checklist", str(results)]) == 0
    return capsys.readouterr().out


def paragraph(text, number):
    return re.search(rf"\*\*{number}\. .*?(?=\n\*\*\d[a-g]\.|\n## |\Z)", text, re.S)[0]


def test_there_are_32_items_in_8_sections():
    numbers = [f"{section}{letter}" for section, count in enumerate(SECTIONS, 1) for letter in "abcdefg"[:count]]
    assert [item.number for item in items.ITEMS] == numbers and len(numbers) == 32
    assert list(items.SECTIONS) == list("12345678")
    for item in items.ITEMS:
        assert item.answer or item.left, item.number  # nothing is passed over
        assert not item.needs or item.answer, item.number


def test_a_finished_experiment_is_answered_from_its_files(results, capsys):
    text = said(results, capsys)
    data = read_json(results / paths.SUMMARY)
    for number, words in {
        "1a": "iron (CORSIKA code 5626), proton (CORSIKA code 14)",
        "2a": data["train_sha256"],
        "2b": "git commit `0123abcd`, **with uncommitted changes**",
        "2c": "Configurations: 2; they took 1 h of training, 1 GPU-hours",
        "3e": f"test: {data['counts']['test']['iron']} iron",
        "3f": "Missing of images and labels: 0 % of iron, 0 % of proton.",
        "5a": "1 of family `lenet`, 1 of family `cae`",
        "5c": "opened 1 time(s);",
        "5e": "Sampler: grid",
        "5f": "F1 0.9000 [0.8500, 0.9500], difference of the model 0.0200 [0.0100, 0.0300]",
        "6b": "Showers in training and test: 0",
        "7a": "roc_auc 0.9000 [0.8500, 0.9500]",
        "7b": "95% intervals from 1000 bootstrap resamples",
        "8a": "passes all 15 gates",
    }.items():
        assert words in paragraph(text, number), number
    assert SURROGATE in text and "Not known yet" not in text and "Of 32 items, 29 are answered" in text
    assert text.count("**To say:**") == sum(bool(item.left) for item in items.ITEMS)


@pytest.mark.parametrize("name", FILES)
def test_what_is_missing_stays_open_and_is_named(name, results, capsys):
    (results / FILES[name]).unlink()
    text = said(results, capsys)
    needing = [item.number for item in items.ITEMS if name in item.needs]
    assert text.count("Not known yet: ") == len(needing)
    for number in needing:
        assert f"`{FILES[name]}` is still to be made" in paragraph(text, number)


def test_an_experiment_that_has_only_begun(results, capsys):
    for name, path in FILES.items():
        if name != "configurations":
            (results / path).unlink()
    text = said(results, capsys)
    assert "`dataset/summary.json` is still to be made" in text and "1 of family" not in text and SURROGATE not in text
    assert "Families: `cae`, `lenet`" in text


def test_a_second_look_at_the_sealed_showers_is_said(results, capsys):
    opening = {"number": 3, "selections": 2, "reopened": True}
    write_json(results / paths.METRICS, read_json(results / paths.METRICS) | {"opening": opening})
    text = said(results, capsys)
    assert REOPENED in text and "3 time(s), for 2 selections: **not the first look**" in text


def test_answers_that_were_written_into_the_file_are_not_lost(results, tmp_path, capsys):
    output = tmp_path / "reforms.md"
    command = ["checklist", str(results), "-o", str(output)]
    assert main(command) == 0 and output.read_text() == said(results, capsys).removeprefix(f"{output}\n")
    output.write_text("mine")
    assert main(command) == 1 and output.read_text() == "mine"
    assert "exists already, perhaps with answers of yours" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0 and output.read_text().startswith("# REFORMS checklist: tiny")


def test_foreign_and_damaged_folders_get_one_sentence(results, tmp_path, capsys):
    (tmp_path / "foreign").mkdir()
    for folder, words in (
        (tmp_path / "foreign", "not the results of an experiment"),
        (tmp_path / "none", "no such folder"),
    ):
        assert main(["checklist", str(folder)]) == 1
        message = capsys.readouterr().err
        assert words in message and message.count("\n") == 1
    (results / paths.METRICS).write_text(json.dumps({"f1": 1})[:-1])
    assert main(["checklist", str(results)]) == 1
    message = capsys.readouterr().err
    assert f"{paths.METRICS}: cannot be read" in message and message.count("\n") == 1
