"""Three classes, one of them two primaries, from the experiment's file to the exported model: every figure by its value."""

import subprocess
import sys

import h5py
import numpy as np
import publications
import pytest
import workflows
from browser import wait_for_text
from sklearn import metrics as reference

from cascada.core.files import read_json

pytestmark = pytest.mark.workflow
CLASSES = {"heavy": 5626, "medium": 1407, "light": [14, 402]}
SIGNAL = 2
EXPERIMENT = """
experiment: groups
data:
  classes: {heavy: 5626, medium: 1407, light: [14, 402]}
  signal: light
  sources:
    showers:
      kind: surrogate
      showers: {proton: 60, helium: 40, nitrogen: 100, iron: 100}
      showers_per_shard: 100
      energy_min: 20000
      seed: 1
search:
  models:
    lenet: {channels: [2, 4], batch_size: 16, learning_rate: 0.003}
training: {epochs: 3}
testing: {bootstrap: 60}
behaviour: {bootstrap: 20, showers: 60}
publishing: {ignore_gates: true}
"""


def snakemake(folder, *arguments, **options):
    return workflows.snakemake(folder, *arguments, configfile="groups.yaml", **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A repository in which the experiment has been run and published."""
    folder = tmp_path_factory.mktemp("groups")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in publications.environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        publications.commit_work_tree(folder)
        (folder / "groups.yaml").write_text(EXPERIMENT)
        publications.git(folder, "add", "groups.yaml")
        publications.git(folder, "commit", "--quiet", "--message", "Three classes")
        snakemake(folder)
        snakemake(folder, "publish", "--config", "version=1.0.0")
        yield folder


@pytest.fixture(scope="module")
def sealed(folder):
    """Labels and probabilities (N, 3) of the test, the labels from the primaries in test.h5."""
    with h5py.File(folder / "results/groups/test/predictions.h5") as file:
        probability = np.exp(file["logits"][:].astype(float))
    with h5py.File(folder / "results/groups/dataset/test.h5") as file:
        primary = file["events"]["primary"]
    label = np.select([primary == 5626, primary == 1407, np.isin(primary, (14, 402))], [0, 1, 2], -1)
    assert np.bincount(label).tolist() == [25, 25, 25]
    return label, probability / probability.sum(axis=1, keepdims=True)


def test_every_figure_of_the_test(folder, sealed):
    found, (label, probability) = read_json(folder / "results/groups/test/metrics.json"), sealed
    predicted, mine = probability.argmax(axis=1), label == SIGNAL
    p = probability[:, SIGNAL]
    assert found["signal"] == "light" and found["classes"] == list(CLASSES)
    expected = {
        "accuracy": reference.accuracy_score(label, predicted),
        "f1": reference.f1_score(label, predicted, average="macro"),
        "roc_auc": reference.roc_auc_score(label, probability, multi_class="ovr"),
        "loss": reference.log_loss(label, probability),
        "brier": ((probability - np.eye(3)[label]) ** 2).sum(axis=1).mean(),
    }
    assert {name: found[name]["value"] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert found["confusion_matrix"]["value"] == reference.confusion_matrix(label, predicted).tolist()
    of_class = {name: one["roc_auc"]["value"] for name, one in found["of_class"].items()}
    assert of_class == pytest.approx(
        {name: reference.roc_auc_score(label == k, probability[:, k]) for k, name in enumerate(CLASSES)}, rel=1e-5
    )
    assert [one["f1"]["value"] for one in found["of_class"].values()] == pytest.approx(
        reference.f1_score(label, predicted, average=None).tolist()
    )
    assert found["of_class"]["light"]["brier"]["value"] == pytest.approx(reference.brier_score_loss(mine, p), rel=1e-5)
    false, true, _ = reference.roc_curve(mine, p, drop_intermediate=False)
    left = false[np.flatnonzero(true >= 0.5)[0]]
    assert found["background_efficiency"]["value"] == pytest.approx(left)


def test_validation_and_baselines_use_the_same_means(folder):
    results = folder / "results/groups"
    best, simple = read_json(results / "selection/best.json"), read_json(results / "baselines/metrics.json")
    trial = read_json(next(results.glob("trials/*/*/*/metrics.json")))
    assert trial["signal"] == simple["signal"] == "light"
    content = read_json(results / "model/model.json")
    for metric in ("f1", "roc_auc", "accuracy"):
        assert content["validation"][metric]["value"] == pytest.approx(trial["validation"][metric], rel=1e-5)
        assert best["validation"][metric]["mean"] == trial["validation"][metric]


def test_leaks_are_of_the_pair_that_differs_most(folder):
    results = folder / "results/groups"
    with h5py.File(results / "dataset/train.h5") as file, h5py.File(results / "dataset/test.h5") as sealed:
        label = np.concatenate([file["events"]["label"], sealed["events"]["label"]])
        energy = np.concatenate([one["images"][:].sum(axis=(1, 2, 3), dtype=float) for one in (file, sealed)])
        validation = np.flatnonzero(file["events"]["split"] == 1)
        chosen, seen = (
            file["events"]["label"][validation],
            file["images"][:][validation].sum(axis=(1, 2, 3), dtype=float),
        )

    def worst(values, labels):
        areas = [
            reference.roc_auc_score(labels[rows] == pair[1], values[rows])
            for pair in ((0, 1), (0, 2), (1, 2))
            if (rows := np.isin(labels, pair)).any()
        ]
        return max(max(area, 1 - area) for area in areas)

    card, behaviour = read_json(results / "dataset/card.json"), read_json(results / "test/behaviour.json")
    assert card["checks"]["auc_of_total_energy"] == pytest.approx(worst(energy, label), abs=1e-4)
    probe = next(one for one in behaviour["probes"] if one["name"] == "total_energy_auc")
    assert probe["value"] == pytest.approx(worst(seen, chosen), abs=1e-3) and len(probe["details"]) == 3
    assert behaviour["signal"] == card["signal"] == "light"


def test_every_primary_is_in_every_split(folder):
    card = read_json(folder / "results/groups/dataset/card.json")
    assert card["counts_by_primary"]["light"] == {
        "14": {"train": 33, "validation": 12, "test": 15}, "402": {"train": 22, "validation": 8, "test": 10},
    }  # fmt: skip


def test_the_model_says_what_it_tells_apart_and_labels_what_it_predicts(folder):
    model = folder / "results/groups/model"
    content, card = read_json(model / "model.json"), (model / "MODEL_CARD.md").read_text()
    assert content["classes"] == CLASSES and content["output"] | {"signal": "light"} == content["output"]
    assert "light (CORSIKA codes 14, 402). The signal is light." in card and "| f1 (mean over 3 classes) |" in card
    helium = folder / "results/groups/dataset/shards/showers/helium-0000.h5"
    command = [sys.executable, "-m", "cascada", "predict", model, helium, "-o", "out.h5", "--figures", "figures"]
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=workflows.environment(folder), capture_output=True, text=True
    )
    assert done.returncode == 0 and "for heavy, medium, light (signal: light)" in done.stdout, done.stderr
    with h5py.File(folder / "out.h5") as file:
        assert set(file["label"][:]) == {2} and file.attrs["signal"] == "light"


def test_what_is_published_is_the_signals(folder, sealed):
    label, probability = sealed
    artifacts = folder / "artifacts"
    published = read_json(artifacts / "metrics.json")
    assert published["signal"] == "light"
    light = reference.roc_auc_score(label == SIGNAL, probability[:, SIGNAL])
    assert published["test"]["of_class"]["light"]["roc_auc"]["value"] == pytest.approx(light, rel=1e-5)
    curve = np.loadtxt(artifacts / "plots/roc.csv", delimiter=",", skiprows=1)
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(light, abs=1e-3)
    rows = [line.split(",") for line in (artifacts / "plots/confusion.csv").read_text().splitlines()[1:]]
    names = list(CLASSES)
    assert rows == [[names[a], names[b]] for a, b in zip(label, probability.argmax(axis=1), strict=True)]
    card = (artifacts / "model/MODEL_CARD.md").read_text()
    assert "Version 1.0.0" in card and "The signal is light." in card and "| light | " in card


def test_the_pages_name_the_signal_in_a_browser(folder, page):
    results = folder / "results/groups"
    auc = read_json(results / "test/metrics.json")["of_class"]["light"]["roc_auc"]["value"]
    for name, texts in {
        "test/test.html": ("The signal is light, the background heavy and medium.", f"{auc:.4f} [", "(mean over 3 classes)"),
        "dataset/card.html": ("The signal is light.", "heavy and light", "402"),
        "search/index.html": ("validation F1 (mean over 3 classes)",),
        "test/behaviour.html": ("the two classes that it separates best",),
        "model.html": ("signal", "light"),
    }.items():  # fmt: skip
        page.get((results / name).as_uri())
        wait_for_text(page, *texts)


def test_wrong_classes_are_one_sentence_at_the_dry_run(folder):
    text = (folder / "groups.yaml").read_text()
    for before, after, message in (
        ("  signal: light\n", "", "data.signal is missing; with 3 classes"),
        ("signal: light", "signal: helium", "data.signal: 'helium' given, which is not a class"),
        ("[14, 402]", "[]", "data.classes.light: an empty list given"),
        ("[14, 402]", "[14, 1407]", "the primary 1407 is named by the classes 'medium' and 'light'"),
        ("heavy: 5626, medium: 1407, ", "", "a classifier needs two classes or more"),
    ):
        assert before in text
        (folder / "wrong.yaml").write_text(text.replace(before, after))
        done = workflows.snakemake(folder, "-n", check=False, configfile="wrong.yaml")
        said = done.stdout + done.stderr
        assert done.returncode == 1 and message in said and "Traceback" not in said, said
