"""Paths of results stand once in the library, and the rules write the same; tables are read as they were written."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from cascada.core import paths, tables

RULES = "".join(path.read_text() for path in (Path(__file__).parents[2] / "rules").glob("*.smk"))
WRITTEN = {*re.findall(r'"<results>/([^"{]+)"', RULES), *re.findall(r'f"\{RESULTS\}/(\w+)', RULES)}
NAMED = {name: getattr(paths, name) for name in dir(paths) if name.isupper() and name not in ("RESULTS", "TRIALS")}


@pytest.mark.parametrize("name", NAMED)
def test_the_rules_write_them(name):
    path = NAMED[name]
    assert (
        any(written == path or written.startswith(f"{path}/") for written in WRITTEN) or f"<results>/{path}/" in RULES
    )


def test_a_trial_s_folder_and_log():
    folder = Path("results/x/trials/lenet-00000000/seed-3/epochs-16")
    assert folder.match(paths.TRIALS) and paths.trial_of(folder) == ("lenet-00000000", 3, 16)
    for rule in ("<results>/trials/{configuration}/seed-{seed}/epochs-{epochs}/",
                 "<results>/logs/train/{configuration}/seed-{seed}-epochs-{epochs}.log"):  # fmt: skip
        assert rule in RULES
    assert paths.training_log(Path("r"), "a-0", 3, 16) == Path("r/logs/train/a-0/seed-3-epochs-16.log")


def test_tables_are_read_as_they_were_written(tmp_path):
    tables.write(tmp_path / "x.tsv", ["name", "value"], [['"adam"', 1], ["a\tb\nc", ""]])
    assert (tmp_path / "x.tsv").read_text() == 'name\tvalue\n"adam"\t1\na b c\t\n'
    assert tables.read(tmp_path / "x.tsv") == [{"name": '"adam"', "value": "1"}, {"name": "a b c", "value": ""}]


@pytest.mark.parametrize(
    ("lists", "module", "name"),
    [
        (("SCORE_PLOTS", "ENERGY_PLOTS"), "cascada.report.sealed.plots", "PLOTS"),
        (("MODEL_FILES",), "cascada.export.folder", "FILES"),
    ],
)
def test_lists_of_files_in_the_rules_are_those_of_the_library(lists, module, name):
    written = {
        one for each in lists for one in ast.literal_eval(re.search(rf"^{each} = (\(.*?\))", RULES, re.M | re.S)[1])
    }
    assert written == {*getattr(importlib.import_module(module), name)}
