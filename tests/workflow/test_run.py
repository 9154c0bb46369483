"""A tiny real run of every rule: what is made, the DAG, what an edit reruns, who reads the sealed data."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("Snakefile", "config.yaml", "experiments", "rules", "scripts", "envs", "report", "profiles")

pytestmark = pytest.mark.workflow


def snakemake(folder, *arguments, check=True):
    command = [sys.executable, "-m", "snakemake", "--configfile", "experiments/smoke.yaml", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    """A copy of the workflow, run once to its end."""
    folder = tmp_path_factory.mktemp("workflow")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    snakemake(folder)
    return folder


def test_the_run_leaves_every_product(workflow):
    results = workflow / "results/smoke"
    for name in (
        "dataset/train.h5", "dataset/test.h5", "dataset/summary.json", "dataset/card.json", "search/configurations.tsv",
        "selection/leaderboard.tsv", "selection/best.json", "selection/leaderboard.png", "test/metrics.json",
        "test/predictions.h5", "test/roc.png",
    ):  # fmt: skip
        assert (results / name).stat().st_size > 0, name


def test_test_metrics_carry_intervals(workflow):
    metrics = json.loads((workflow / "results/smoke/test/metrics.json").read_text())
    for name in ("f1", "accuracy", "roc_auc"):
        assert metrics[name]["low"] <= metrics[name]["value"] <= metrics[name]["high"]


def test_nothing_is_left_to_do(workflow):
    assert "Nothing to be done" in snakemake(workflow, "-n").stdout + snakemake(workflow, "-n").stderr


def test_one_train_node_per_trial(workflow):
    table = (workflow / "results/smoke/search/configurations.tsv").read_text().splitlines()
    trials = len(list((workflow / "results/smoke/trials").glob("*/seed-*/epochs-*")))
    done = snakemake(workflow, "-n", "--forceall")
    listed = re.findall(r"^rule train:", done.stdout + done.stderr, re.MULTILINE)
    assert len(listed) == trials >= len(table) - 1 >= 2


def test_only_test_model_reads_the_sealed_data(workflow):
    """Walks the whole DAG, and finds the rule downstream of best.json."""
    done = snakemake(workflow, "-n", "--forceall", "--printshellcmds")
    blocks = re.split(r"^(?:local)?rule ", done.stdout + done.stderr, flags=re.MULTILINE)[1:]
    readers = {}
    for block in blocks:
        inputs = re.search(r"^    input: (.*)$", block, re.MULTILINE)
        if inputs and re.search(r"dataset/test\.h5", inputs.group(1)):
            readers[block.split(":")[0]] = inputs.group(1)
    assert readers.keys() == {"test_model"}
    assert "selection/best.json" in readers["test_model"]


def test_a_change_of_the_search_keeps_what_is_trained(workflow):
    path = workflow / "experiments/smoke.yaml"
    before = path.read_text()
    try:
        path.write_text(before.replace("seeds: [1]", "seeds: [1, 2]"))
        assert path.read_text() != before
        done = snakemake(workflow, "-n")
        old = len(list((workflow / "results/smoke/trials").glob("*/seed-1/epochs-*")))
        listed = re.findall(r"^rule train:", done.stdout + done.stderr, re.MULTILINE)
        assert len(listed) == old
    finally:
        path.write_text(before)


def test_the_report_has_every_page(workflow):
    snakemake(workflow, "--report", "report.html")
    page = (workflow / "report.html").read_text()
    for category in ("1. Data", "2. Search", "3. Test"):
        assert category in page
