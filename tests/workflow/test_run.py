"""A tiny real run of every rule: what is made, the DAG, what an edit reruns, who reads the sealed data."""

import json
import re

import pytest
from workflows import jobs, snakemake

pytestmark = pytest.mark.workflow


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
    listed = jobs(snakemake(workflow, "-n", "--forceall")).count("train")
    assert listed == trials >= len(table) - 1 >= 2


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


BESIDE = """\
  also:
    deep:
      source: {kind: surrogate, variant: deep, showers: {proton: 30, iron: 30}, showers_per_shard: 30, seed: 1}
"""


def with_sets(workflow, text=BESIDE, name="beside"):
    """Another experiment, with sets beside the sealed showers; returns its file."""
    smoke = (workflow / "experiments/smoke.yaml").read_text()
    changed = smoke.replace("experiment: smoke", f"experiment: {name}").replace("testing:\n", f"testing:\n{text}")
    (workflow / f"{name}.yaml").write_text(changed)
    return f"{name}.yaml"


def test_only_test_model_reads_the_sets_beside_the_sealed_data(workflow):
    """Walks the whole DAG: who reads a set's file, what is made of it, and that the training waits for none of it."""
    done = snakemake(workflow, "-n", "--forceall", configfile=with_sets(workflow))
    blocks = re.split(r"^(?:local)?(?:rule|checkpoint) ", done.stdout + done.stderr, flags=re.MULTILINE)[1:]
    readers, writers, of_shards = set(), set(), set()
    for block in blocks:
        rule = block.split(":")[0]
        found = {key: re.search(rf"^    {key}: (.*)$", block, re.MULTILINE) for key in ("input", "output")}
        lines = {key: one.group(1) if one else "" for key, one in found.items()}
        readers |= {rule} if "dataset/also/" in lines["input"] else set()
        of_shards |= {rule} if "dataset/shards/also/" in lines["input"] else set()
        writers |= {rule} if "/also/" in lines["output"] else set()
    assert readers == {"test_model"} and of_shards == {"merge_also"}
    assert writers == {"convert", "merge_also", "test_model"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("variant: deep, ", "", "seed 1 is that of data.sources.showers too"),
        ("iron: 30", "iron: 29", "29 showers of the class 'iron' to test, at least 30"),
        (
            "source: {kind: surrogate, variant: deep",
            "transform: {blur: 1}\n      source: {kind: surrogate",
            "unknown key(s) ['blur']",
        ),
    ],
)
def test_a_set_that_cannot_be_tested_is_refused_at_the_dry_run(workflow, old, new, message):
    assert old in BESIDE
    done = snakemake(workflow, "-n", check=False, configfile=with_sets(workflow, BESIDE.replace(old, new), "bad"))
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "testing.also.deep" in said and message in said and "Traceback" not in said


def test_a_change_of_the_search_keeps_what_is_trained(workflow):
    path = workflow / "experiments/smoke.yaml"
    before = path.read_text()
    try:
        path.write_text(before.replace("seeds: [1]", "seeds: [1, 2]"))
        assert path.read_text() != before
        old = len(list((workflow / "results/smoke/trials").glob("*/seed-1/epochs-*")))
        assert jobs(snakemake(workflow, "-n")).count("train") == old
    finally:
        path.write_text(before)


def test_an_edit_of_the_library_reruns_what_depends_on_it_and_nothing_else(workflow):
    path = workflow / "src/cascada/selection/ranking.py"
    before = path.read_text()
    try:
        path.write_text(before.replace('"""', '"""In other words. ', 1) + "# a comment\n")
        assert jobs(snakemake(workflow, "-n")) == []
        path.write_text(before + "\nMORE = 1\n")
        rerun = set(jobs(snakemake(workflow, "-n")))
        assert "select" in rerun and not rerun & {"convert", "merge", "describe_data", "train"}
    finally:
        path.write_text(before)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/lenet.py", "return self.head(", "return 1 * self.head("),
        (
            "experiment/hyperparameters.py",
            "OPTIMIZERS = (",
            "MORE = 1\nOPTIMIZERS = (",
        ),  # the table's code imports it, too
    ],
)
def test_an_edit_of_what_is_trained_trains_again_at_once(workflow, file, old, new):
    """Snakemake skips what waits for an ancient file that is made again: then nothing would train until the next run."""
    path = workflow / "src/cascada" / file
    before = path.read_text()
    assert old in before
    try:
        path.write_text(before.replace(old, new))
        assert "train" in jobs(snakemake(workflow, "-n"))
    finally:
        path.write_text(before)


def test_a_typo_is_found_before_anything_runs(workflow):
    path = workflow / "experiments/smoke.yaml"
    wrong = workflow / "wrong.yaml"
    wrong.write_text(path.read_text().replace("learning_rate:", "learning_rat:"))
    done = snakemake(workflow, "-n", check=False, configfile="wrong.yaml")
    assert done.returncode != 0
    message = done.stdout + done.stderr
    assert "search.models.lenet: unknown hyperparameter 'learning_rat' (did you mean 'learning_rate'?)" in message
    assert "Traceback" not in message


def test_a_parse_imports_nothing_heavy(workflow):
    """Every cluster job parses the Snakefile again. (Snakemake itself brings NumPy.)"""
    heavy = ("torch", "h5py", "sklearn", "pandas", "matplotlib", "scipy", "pyarrow")
    (workflow / "parse.smk").write_text(
        f'include: "Snakefile"\nprint("loaded", sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)\n'
    )
    done = snakemake(workflow, "-n", "--snakefile", "parse.smk")
    assert "loaded []" in done.stderr
