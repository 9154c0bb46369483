"""A rung of which every trial has failed: the search stops with a remedy, and the remedy leads to its end."""

import os
import re
import shlex

import pytest
import workflows
import yaml

from cascada.core.files import read_json

pytestmark = [pytest.mark.workflow, pytest.mark.nightly]

# Whoever starts Python in the copy runs this first: a machine that has no memory left as long as BROKEN names the trials' budget.
BROKEN = """
import os, sys

def look(event, arguments):
    if event == "open" and os.environ["BROKEN"] in str(arguments[0]) and ".progress.json." in str(arguments[0]):
        raise RuntimeError("no memory left")

if "BROKEN" in os.environ:
    sys.addaudithook(look)
"""
SEARCH = {"models": {"lenet": {"channels": {"choice": [[2, 3], [2, 4], [3, 4]]}, "batch_size": 16}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = workflows.copy(tmp_path_factory.mktemp("rungs"))
    (folder / "src/sitecustomize.py").write_text(BROKEN)
    return folder


@pytest.mark.parametrize(
    ("budget", "says"),
    [(1, "Rung 1: none of 3"), (2, "Rung 2: none of 2"), (3, r"No configuration has completed \(2 trials, 2 failed\)")],
)
def test_the_remedy_for_a_whole_rung_runs_to_its_end(folder, monkeypatch, budget, says):
    name = f"broken_{budget}"
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    content["search"] |= SEARCH | {"halving": {"rungs": [1, 2, 3]}}
    content |= {"experiment": name, "training": {"epochs": 3, "on_failure": "record"}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setitem(os.environ, "BROKEN", f"epochs-{budget}")
    done = workflows.snakemake(folder, "search", configfile=f"{name}.yaml", check=False)
    assert done.returncode == 1 and re.search(says, done.stderr), done.stderr
    monkeypatch.delitem(os.environ, "BROKEN")
    assert "train" not in workflows.jobs(workflows.snakemake(folder, "-n", "search", configfile=f"{name}.yaml"))
    said = re.search(r"with `(--forcerun .*?)` at its end", done.stderr)[1]
    option, pattern = shlex.split(said)
    failed = sorted(str(path.relative_to(folder)) for path in folder.glob(pattern))  # as a shell does
    assert failed and all(read_json(folder / path)["reason"] == "RuntimeError: no memory left" for path in failed)
    done = workflows.snakemake(folder, "search", option, *failed, configfile=f"{name}.yaml")
    assert workflows.jobs(done).count("train") >= len(failed)
    best = read_json(folder / f"results/{name}/selection/best.json")
    assert best["epochs"] == 3 and best["number_of_configurations"] == 3
    statuses = [read_json(path)["status"] for path in folder.glob(f"results/{name}/trials/*/*/*/metrics.json")]
    assert statuses == ["completed"] * (3 + 2 + len(list(folder.glob(f"results/{name}/trials/*/*/epochs-3"))))
    assert workflows.jobs(workflows.snakemake(folder, "-n", "search", configfile=f"{name}.yaml")) == []
