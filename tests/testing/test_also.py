"""Sets beside the sealed showers: what is done to images, differences, and one opening with several sets."""

import json

import h5py
import numpy as np
import pytest
import torch
from showers import CLASSES, small_dataset, small_shard
from sklearn import metrics as reference

from cascada.core.errors import DataError
from cascada.core.files import sha256, write_json
from cascada.data.also import gather
from cascada.data.format import new_events
from cascada.data.merging import MergeOptions
from cascada.models import Design
from cascada.models.classifier import Classifier
from cascada.models.inputs import fit_transform
from cascada.statistics import weights
from cascada.statistics.words import uncertainties
from cascada.testing import also, evaluation, ledger

SETTINGS = {"bootstrap": 200, "confidence": 0.95, "seed": 1}
TRANSFORMS = {"dead": {"transform": {"dead_cells": 0.3}}, "same": {"transform": {"energy_scale": 1.0}}}
SOURCE = {"source": {"kind": "surrogate", "variant": "deep", "showers": {"proton": 40, "iron": 40}, "altitude": 5200.0}}


def images(channels=2):
    return np.random.default_rng(1).random((4, channels, 80, 80)).astype(np.float32)


def test_energies_are_scaled_and_numbers_of_particles_are_not():
    before = images()
    after = also.change({"energy_scale": 0.8}, 1)(before, ["energy", "muons"], 0)
    np.testing.assert_allclose(after[:, 0], 0.8 * before[:, 0], rtol=1e-6)
    assert np.array_equal(after[:, 1], before[:, 1]) and after.dtype == np.float32


def test_a_dead_station_is_dead_in_all_channels():
    after = also.change({"dead_cells": 0.2}, 1)(images() + 1, ["energy", "muons"], 0)
    assert np.array_equal(after[:, 0] == 0, after[:, 1] == 0)
    assert (after[:, 0] == 0).mean() == pytest.approx(0.2, abs=0.01)


def test_the_threshold_comes_after_the_noise_whatever_the_order_given():
    given = {"cell_threshold": 0.5, "noise": 0.2}
    after = also.change(given, 1)(images(1), ["energy"], 0)
    assert not ((after > 0) & (after < 0.5)).any()
    assert np.array_equal(after, also.change(dict(reversed(given.items())), 1)(images(1), ["energy"], 0))


def test_blocks_have_other_random_numbers_and_the_same_ones_again():
    change = also.change({"dead_cells": 0.2}, 1)
    one, other, again = (change(images() + 1, ["energy", "muons"], start) for start in (0, 512, 0))
    assert not np.array_equal(one, other) and np.array_equal(one, again)


def predictions(number=400, seed=1, shift=0.0, signal_share=0.5, noise=None):
    random = np.random.default_rng(seed)
    events = new_events(number)
    events["label"] = random.random(number) < signal_share
    events["true_energy"] = np.exp(random.uniform(8, 11, number))
    score = random.normal(0, 1, number) + (1.6 - shift) * (events["label"] - 0.5)
    if noise is not None:
        score = score + np.random.default_rng(noise).normal(0, 0.2, number)
    return evaluation.Predictions(
        logits=np.stack([-score, score], axis=1), baselines={}, events=events, classes=["iron", "proton"], surrogate=True,
        mistakes=None,
    )  # fmt: skip


def with_baseline(sample, seed):
    """The same with a baseline that sees less of it."""
    sample.baselines["simple"] = sample.logits + np.random.default_rng(seed).normal(0, 2, sample.logits.shape)
    return sample


def compared(found, sealed, given, **settings):
    return also.compare("set", found, sealed, SETTINGS | {"also": {"set": given}} | settings)


def test_a_paired_difference_is_that_of_the_values_and_narrower_than_one_of_two_samples():
    sealed, transformed = predictions(), predictions(noise=2)
    paired = compared(transformed, sealed, TRANSFORMS["dead"])
    apart = compared(transformed, sealed, SOURCE)
    for name in ("f1", "roc_auc", "loss"):
        one, other = (content[name]["difference"] for content in (paired, apart))
        assert one["value"] == pytest.approx(other["value"], abs=1e-12)
        assert one["high"] - one["low"] < 0.5 * (other["high"] - other["low"]), name
    labels = sealed.events["label"]
    areas = [reference.roc_auc_score(labels, one.logits[:, 1]) for one in (transformed, sealed)]
    assert paired["roc_auc"]["value"] == pytest.approx(areas[0])
    assert paired["roc_auc"]["difference"]["value"] == pytest.approx(areas[0] - areas[1])


def test_two_samples_differ_by_the_spread_of_both():
    """The difference's error is √2 that of one sample of the same size."""
    content = compared(predictions(seed=2), predictions(), SOURCE)
    width, of_both = (one["high"] - one["low"] for one in (content["roc_auc"], content["roc_auc"]["difference"]))
    assert 1.15 < of_both / width < 1.75
    assert content["roc_auc"]["difference"]["low"] < 0 < content["roc_auc"]["difference"]["high"]


def test_a_set_that_is_worse_is_seen_to_be():
    content = compared(predictions(seed=2, shift=0.8), predictions(), SOURCE)
    assert content["roc_auc"]["difference"]["high"] < 0


def test_the_classes_count_as_among_the_sealed_showers():
    """Another mixture of the classes is no systematic."""
    many = predictions(4000, seed=2, signal_share=0.15)
    content = compared(many, predictions(4000), SOURCE)
    labels, predicted = many.events["label"], many.logits.argmax(axis=1)
    assert abs(content["f1"]["difference"]["value"]) < 0.03
    assert abs(reference.f1_score(labels, predicted) - content["f1"]["value"]) > 0.1


def test_where_no_label_changes_the_difference_reaches_to_the_exact_limit():
    content = compared(predictions(), predictions(), TRANSFORMS["same"])
    limit = 1 - 0.05 ** (1 / 400)
    assert content["accuracy"]["difference"] == {"value": 0, "low": pytest.approx(-limit), "high": pytest.approx(limit)}
    assert content["labels_changed"] == {"value": 0, "low": 0, "high": pytest.approx(limit)}


def test_a_change_that_counts_for_less_than_a_shower_does_not_narrow_the_difference():
    """One label of the highest energies changes: under E^-2.7 that is nothing, and says nothing of the low energies."""
    sealed, found = predictions(), predictions()
    highest = sealed.events["true_energy"].argmax()
    found.logits[highest] *= -1
    content = compared(found, sealed, TRANSFORMS["dead"], spectrum_index=-2.7)["spectrum"]
    changed, difference = content["labels_changed"], content["accuracy"]["difference"]
    assert 0 < changed["value"] < 0.1 / content["effective_showers"] < changed["high"]
    assert difference["low"] == -changed["high"] and difference["high"] == changed["high"] > 0.01


def test_under_a_stated_spectrum_too():
    sealed, transformed = predictions(), predictions(noise=2)
    section = compared(transformed, sealed, TRANSFORMS["dead"], spectrum_index=-2.7)["spectrum"]
    weight = sealed.events["true_energy"].astype(float) ** -1.7
    areas = [
        reference.roc_auc_score(sealed.events["label"], one.logits[:, 1], sample_weight=weight)
        for one in (transformed, sealed)
    ]
    assert section["roc_auc"]["difference"]["value"] == pytest.approx(areas[0] - areas[1])
    assert section["effective_showers"] < 250


@pytest.mark.parametrize("given", [SOURCE, TRANSFORMS["dead"]], ids=["source", "transform"])
def test_the_baselines_answer_too_and_the_network_s_lead_is_that_on_the_set(given):
    sealed, found = (
        with_baseline(predictions(), 5),
        with_baseline(predictions(seed=1 if "transform" in given else 2, noise=2), 6),
    )
    content = compared(found, sealed, given)
    one = content["baselines"]["simple"]["roc_auc"]
    area = [
        reference.roc_auc_score(each.events["label"], np.diff(each.baselines["simple"])[:, 0])
        for each in (found, sealed)
    ]
    assert one["value"] == pytest.approx(area[0]) and one["difference"]["value"] == pytest.approx(area[0] - area[1])
    lead = one["lead"]
    assert lead["value"] == pytest.approx(content["roc_auc"]["value"] - area[0])
    assert 0 < lead["low"] < lead["value"] < lead["high"]
    assert lead["high"] - lead["low"] < np.hypot(
        *(each["high"] - each["low"] for each in (one, content["roc_auc"]))
    )  # paired


def test_intervals_are_percentiles_where_all_showers_count_alike_and_bca_where_they_do_not():
    random = np.random.default_rng(1)
    draws, influence = random.gamma(2, 1, 500), random.gamma(1, 1, 300) - 1
    plain, weighted = also._Drawn(2.0, draws, None), also._Drawn(2.0, draws, influence)
    ends = {name: (one["low"], one["high"]) for name, one in
            (("plain", plain.interval(0.95)), ("weighted", weighted.interval(0.95)))}  # fmt: skip
    assert ends["plain"] == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert ends["weighted"] == pytest.approx(weights.bca(2.0, draws, influence, 0.95)) != ends["plain"]
    paired, apart = (weighted.less(weighted, one).influence for one in (True, False))
    assert not paired.any() and len(apart) == 600 and (apart**2).sum() == pytest.approx(2 * (influence**2).sum())


@pytest.mark.parametrize(
    ("number", "settings", "bca"),
    [(400, {}, False), (400, {"spectrum_index": -2.7}, True), (401, {}, True)],
    ids=["alike", "spectrum", "other shares of the classes"],
)
def test_showers_that_do_not_count_alike_are_noticed(number, settings, bca, monkeypatch):
    asked = []
    monkeypatch.setattr(weights, "influences", lambda *given: asked.append(given) or np.ones(4))
    sealed, found = predictions(400), predictions(number, seed=2)
    for sample in (sealed, found):
        sample.events["label"] = np.arange(len(sample.events)) % 2
    compared(found, sealed, SOURCE, **settings)
    assert bool(asked) == bca


def test_where_the_network_is_never_wrong_a_difference_reaches_to_the_exact_limits():
    sealed, found = predictions(), predictions(200, seed=2)
    for sample in (sealed, found):
        sample.logits = 9 * np.eye(2)[sample.events["label"].astype(int)]
    one = compared(found, sealed, SOURCE)["accuracy"]
    assert one["low"] == pytest.approx(0.05 ** (1 / 200), abs=0.001)  # the classes' shares weigh the showers a little
    assert one["difference"]["low"] == pytest.approx(one["low"] - 1) and one["difference"]["value"] == 0
    assert one["difference"]["high"] == pytest.approx(1 - 0.05 ** (1 / 400))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (SOURCE, "surrogate, variant deep"),
        ({"source": {"kind": "surrogate", "altitude": 4300.0}}, "surrogate, altitude 4300.0"),
        ({"transform": {"energy_scale": 0.9, "dead_cells": 0.05}}, "energy scale 0.9, dead cells 0.05"),
    ],
)
def test_a_set_in_a_few_words(given, text):
    assert also.what(given) == text


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Sealed showers (35 of each class), a set of other ones, and two selections of untrained networks."""
    folder = tmp_path_factory.mktemp("also")
    train, test = small_dataset(folder, showers=280)
    shards = [small_shard(folder / f"other-{n}.h5", primary, 40, seed=9) for n, primary in CLASSES.items()]
    gather("other", shards, train, folder / "other.h5", MergeOptions(classes=CLASSES))
    for seed in (1, 2):
        torch.manual_seed(seed)
        design = Design.of(
            "lenet", {"channels": (2, 2), "hidden": (4,), "transform": "log1p", "threshold": 0.01, "normalize": True}
        )
        model = Classifier(
            fit_transform(torch.rand(8, 1, 80, 80), "log1p", 0.01, True), design.build(1, 2), design=design,
            channels=["energy"], class_names=["iron", "proton"],
        )  # fmt: skip
        torch.save(model.checkpoint(), folder / f"{seed}.pt")
        about = {
            "configuration": f"lenet-0000000{seed}",
            "seed": seed,
            "epochs": 1,
            "checkpoint_sha256": sha256(folder / f"{seed}.pt"),
        }
        write_json(folder / f"{seed}.json", about)
    return folder, test


def run(prepared, seed=1, sets=None, test=None, **settings):
    folder, sealed = prepared
    sets = TRANSFORMS | {"other": SOURCE} if sets is None else sets
    return evaluation.test_model(
        best=folder / f"{seed}.json", checkpoint=folder / f"{seed}.pt", test=test or sealed, train=folder / "train.h5",
        baselines=None, metrics_file=folder / "test/metrics.json", predictions=folder / "test/predictions.h5",
        mistakes_file=folder / "test/mistakes.h5",
        also={name: folder / f"{name}.h5" for name, one in sets.items() if "source" in one},
        settings=SETTINGS | {"bootstrap": 50, "also": sets} | settings,
    )  # fmt: skip


@pytest.fixture
def opened(prepared):
    ledger.path_of(prepared[1]).unlink(missing_ok=True)
    return prepared


def test_one_opening_tests_every_set(opened):
    content, folder = run(opened), opened[0]
    assert list(content["also"]) == ["dead", "same", "other"] and len(ledger.read(opened[1])) == 1
    for name, one in content["also"].items():
        kept = json.loads((folder / f"test/also/{name}/metrics.json").read_text())
        assert kept["roc_auc"] == one["roc_auc"] and kept["what"] == one["what"]
        with h5py.File(folder / f"test/also/{name}/predictions.h5") as file:
            area = reference.roc_auc_score(file["label"][:], np.diff(file["logits"][:].astype(float), axis=1)[:, 0])
            assert one["roc_auc"]["value"] == pytest.approx(area) and "mistakes" not in file
    with h5py.File(folder / "test/also/other/predictions.h5") as file, h5py.File(folder / "other.h5") as showers:
        assert np.array_equal(file["true_energy"][:], showers["events"]["true_energy"])
    assert content["also"]["other"]["of_class"] == {"iron": 40, "proton": 40}
    same, dead = content["also"]["same"], content["also"]["dead"]
    assert same["roc_auc"]["value"] == content["roc_auc"]["value"] and same["labels_changed"]["value"] == 0
    assert dead["loss"]["value"] != content["loss"]["value"]


def test_the_sentence_names_both_uncertainties(opened):
    content = run(opened)
    text = uncertainties(content, 0.95, content["showers"])
    area = content["roc_auc"]
    assert text.startswith(
        f"ROC AUC {area['value']:.4f} [{area['low']:.4f}, {area['high']:.4f}] (statistical: 95% over 70 sealed showers)"
    )
    moved = content["also"]["other"]["roc_auc"]["difference"]
    assert (
        f"{moved['value']:+.4f} [{moved['low']:+.4f}, {moved['high']:+.4f}] under other (surrogate, variant deep)"
        in text
    )
    assert "systematic" in text and uncertainties({}, 0.95, 70) == ""


def test_the_ledger_knows_each_set(opened):
    run(opened)
    sets = ledger.read(opened[1])[0]["also"]
    assert sets["dead"] == TRANSFORMS["dead"]
    assert sets["other"]["test_sha256"] == sha256(opened[0] / "other.h5") and len(sets["other"]["seal_sha256"]) == 64


def test_a_set_that_was_opened_for_another_selection_is_refused_with_new_sealed_showers_too(opened, tmp_path):
    """Whoever chooses after a look at a set has chosen on it."""
    run(opened)
    folder = tmp_path / "dataset"
    folder.mkdir()
    shards = [small_shard(folder / f"{n}.h5", primary, 150, seed=33) for n, primary in CLASSES.items()]
    from cascada.data.merging import merge

    merge(shards, folder / "train.h5", folder / "test.h5", folder / "summary.json", MergeOptions(classes=CLASSES))
    ledger.path_of(folder / "test.h5").write_bytes(ledger.path_of(opened[1]).read_bytes())
    with pytest.raises(
        DataError,
        match=r"The showers of testing\.also\.other have been opened before, for another selection: lenet-00000001",
    ):
        run(opened, 2, test=folder / "test.h5")
    assert not run(opened, 2, sets={}, test=folder / "test.h5")["opening"]["reopened"]


def test_too_few_sealed_showers_for_a_transform_are_refused_before_the_seal_is_opened(tmp_path, opened):
    small_dataset(tmp_path, showers=80)
    with pytest.raises(DataError, match=r"testing\.also\.dead: 10 sealed showers of the class 'iron', at least 30"):
        run(opened, sets={"dead": TRANSFORMS["dead"]}, test=tmp_path / "test.h5")
    assert not ledger.path_of(tmp_path / "test.h5").exists()
