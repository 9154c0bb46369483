"""Every probe is passed by a model that behaves and failed by a model made to fail it."""

import json
import xml.etree.ElementTree
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from showers import CLASSES, images_of, small_dataset
from sklearn.metrics import roc_auc_score

from cascada.baselines import features
from cascada.behaviour import predictors, runner, settings, transformations
from cascada.behaviour.leaks import area_of_shuffled, deal, deviation_by_chance
from cascada.behaviour.probes import PROBES
from cascada.behaviour.settings import LIMITS, WARN, Limit, Settings
from cascada.behaviour.subject import Recipe, Subject
from cascada.core.errors import ConfigError
from cascada.data.format import new_events
from cascada.statistics import metrics
from cascada.statistics.verdicts import conclusion, names, stopping

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(bootstrap=50)
Y, X = np.mgrid[-158:162:4, -158:162:4]


def probabilities(logit):
    positive = 1 / (1 + np.exp(-np.asarray(logit, float)))
    return np.stack([1 - positive, positive], axis=1)


def concentration(images):
    """Share of the energy within 60 m of the core that lies within 20 m: protons of `images_of` are narrow."""
    image = images[:, 0].astype(float)
    distance = features.distances(features.core(image))
    near, far = ((image * (distance < reach)).sum(axis=(1, 2)) for reach in (20, 60))
    return near / np.maximum(far, 1e-9)


def well_behaved(images):
    """Depends on neither direction, position nor scale."""
    return probabilities(12 * (concentration(images) - 0.45))


@pytest.fixture(scope="module")
def showers():
    """Images (120, 1, 80, 80) and events of both classes, brighter for more energy."""
    random = np.random.default_rng(5)
    images = np.concatenate([images_of(primary, 60, random) for primary in CLASSES.values()])
    events = new_events(120)
    events["label"] = np.repeat([0, 1], 60)
    events["true_energy"] = np.exp(random.uniform(8, 11, 120))
    events["core_x"], events["core_y"] = random.uniform(-20, 20, (2, 120))
    # the same energy at ground in both classes: it tells nothing
    images *= (random.lognormal(5, 0.5, 120) / images.sum(axis=(1, 2, 3)))[:, None, None, None].astype(np.float32)
    return images, events


def measure(probe, predict, showers, **changes):
    """Whether each quantity of a probe keeps its default threshold, by name."""
    images, events = showers
    subject = Subject(predict, changes.get("images", images), changes.get("events", events), SETTINGS)
    return {one.name: one.judged(LIMITS[one.name])["kept"] for one in PROBES[probe](subject)}


ROBUST = [name for name in PROBES if name != "shuffled_labels"]


@pytest.mark.parametrize("probe", ROBUST)
def test_a_model_that_behaves_passes(probe, showers):
    found = measure(probe, well_behaved, showers)
    assert found and all(found.values()), found


def by_heart(showers):
    """Knows the images as they were and nothing else."""
    known = {image.tobytes(): label for image, label in zip(showers[0], showers[1]["label"], strict=True)}

    def predict(images):
        return probabilities([8 * known.get(image.tobytes(), 0.5) - 4 for image in images])

    return predict


def better_when_worse(showers):
    """Surer of the right answer the more the images were changed."""
    images, labels = showers[0], showers[1]["label"]

    def predict(given):
        changed = np.abs(given - images).mean(axis=(1, 2, 3)) / images.mean()
        return probabilities((2 * labels - 1) * (0.5 + 20 * np.sqrt(changed)))

    return predict


def worse_with_energy(showers):
    labels, energy = showers[1]["label"], showers[1]["true_energy"]
    return lambda images: probabilities((2 * labels - 1) * np.where(energy < np.median(energy), 3, -3))


def left_and_right(images):
    middle = (images[:, 0] * X).sum(axis=(1, 2)) / np.maximum(images.sum(axis=(1, 2, 3)), 1e-9)
    return probabilities(0.5 * middle)


def one_cell(images):
    return probabilities(20 * (images[:, 0, 40, 40] / images[:, 0, 38:43, 38:43].mean(axis=(1, 2)) - 1))


def absolute_scale(images):
    return probabilities((images.sum(axis=(1, 2, 3)) - 150) / 10)


def divides_by_zero(images):
    with np.errstate(invalid="ignore"):
        image = images[:, 0].astype(float)
        return probabilities(12 * ((image[:, 30:50, 30:50].sum(axis=(1, 2)) / image.sum(axis=(1, 2))) - 0.5))


def normalises_by_batch(images):
    value = concentration(images)
    return probabilities(12 * (value - value.mean()))


def counts_its_inputs(images):
    return probabilities(12 * (concentration(images) - 0.45) + 1e-2 * np.arange(len(images)))


@pytest.mark.parametrize(
    ("probe", "model", "fails"),
    [
        ("symmetries", left_and_right, {"symmetry_change", "symmetry_flips"}),
        ("core_shift", one_cell, {"core_shift_4m_flips", "core_shift_8m_flips"}),
        ("energy_scale", absolute_scale, {"energy_scale_flips"}),
        ("dead_cells", by_heart, {"dead_cells_5_auc", "dead_cells_auc"}),
        ("noise", by_heart, {"noise_auc"}),
        ("cell_threshold", by_heart, {"cell_threshold_auc"}),
        ("dead_cells", better_when_worse, {"dead_cells_loss_drop"}),
        ("noise", better_when_worse, {"noise_loss_drop"}),
        ("cell_threshold", better_when_worse, {"cell_threshold_loss_drop"}),
        ("energy_dependence", worse_with_energy, {"accuracy_fall_with_energy"}),
        ("odd_images", divides_by_zero, {"odd_images_not_finite"}),
        ("batches", normalises_by_batch, {"batch_size_change"}),
        ("batches", counts_its_inputs, {"batch_size_change", "batch_order_change"}),
    ],
)
def test_a_model_made_to_fail_fails(probe, model, fails, showers):
    made = model in (by_heart, better_when_worse, worse_with_energy)
    found = measure(probe, model(showers) if made else model, showers)
    assert {name for name, passed in found.items() if not passed} == fails


def test_the_symmetries_without_the_average_over_them_are_shown_beside_it(showers):
    images, events = showers

    def symmetric(images):
        turned = [transformations.symmetry(images, name) for name in transformations.SYMMETRIES]
        return np.mean([left_and_right(view) for view in (images, *turned)], axis=0)

    subject = Subject(symmetric, images, events, SETTINGS, unaveraged=left_and_right)
    found = {one.name: one for one in PROBES["symmetries"](subject)}
    alone = {one.name: one for one in PROBES["symmetries"](Subject(left_and_right, images, events, SETTINGS))}
    assert found["symmetry_flips_unaveraged"].value == alone["symmetry_flips"].value > 0.01
    assert found["symmetry_flips_unaveraged"].details == alone["symmetry_flips"].details
    assert found["symmetry_change"].value < 1e-6 and "symmetry_flips_unaveraged" not in alone
    assert LIMITS["symmetry_flips_unaveraged"] == Limit(LIMITS["symmetry_flips"].threshold, WARN)


@pytest.mark.parametrize("probe", [name for name in ROBUST if name not in ("total_energy", "core_offset")])
def test_answers_that_are_no_numbers_pass_nothing_they_are_asked(probe, showers):
    found = measure(probe, lambda images: np.full((len(images), 2), np.nan), showers)
    lenient = {"accuracy_fall_with_energy"}  # accuracy has no NaN: whatever argmax says is right or wrong
    assert not any(passed for name, passed in found.items() if name not in lenient), found


def test_a_leak_of_the_total_energy_is_found(showers):
    images, events = showers
    brighter = images * np.where(events["label"] == 1, 3, 1).astype(np.float32)[:, None, None, None]
    assert measure("total_energy", well_behaved, showers, images=brighter) == {"total_energy_auc": False}


def test_a_leak_of_the_core_is_found(showers):
    events = showers[1].copy()
    events["core_x"] *= np.where(events["label"] == 1, 0.1, 1)
    assert measure("core_offset", well_behaved, showers, events=events) == {"core_offset_auc": False}
    events["core_x"] = np.nan
    assert measure("core_offset", well_behaved, showers, events=events) == {}


def three_classes(images, events, brighter):
    """The same showers in three classes, each with its own factor on the energies."""
    events = events.copy()
    events["label"] = np.arange(len(events)) % 3
    return images * np.array(brighter, np.float32)[events["label"]][:, None, None, None], events


def test_a_leak_between_two_of_three_classes_is_not_diluted_by_the_third(showers):
    images, events = three_classes(*showers, (1, 2, 4))
    subject = Subject(well_behaved, images, events, Settings(bootstrap=100), classes=("a", "b", "c"))
    (found,) = PROBES["total_energy"](subject)
    energy, label = images.sum(axis=(1, 2, 3), dtype=float), events["label"]
    pairs = {(a, b): energy[np.isin(label, (a, b))] for a, b in ((0, 1), (0, 2), (1, 2))}
    areas = {pair: roc_auc_score(label[np.isin(label, pair)] == pair[1], values) for pair, values in pairs.items()}
    assert [row["value"] for row in found.details] == pytest.approx(list(areas.values()))
    assert found.value == pytest.approx(areas[0, 2]) and "of a and c, the two classes" in found.meaning
    assert areas[0, 2] > 0.75 > roc_auc_score(label == 1, energy)  # the gate would have missed it
    assert [row["at"] for row in found.details] == ["a and b", "a and c", "b and c"]
    # of the largest: never below the interval of any pair
    assert all(found.low >= row["low"] and found.high >= row["high"] for row in found.details)


def test_chance_of_three_classes_is_not_underestimated():
    random, events = np.random.default_rng(3), new_events(150)
    events["label"] = np.repeat([0, 1, 2], 50)
    areas = []
    for _ in range(400):
        score = random.random((150, 3))
        areas.append(metrics.roc_auc(score, random.permutation(events["label"])))
    assert np.std(areas) < deviation_by_chance(events) == pytest.approx((151 / 12 / 50 / 100) ** 0.5)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("data"), showers=200)[0]


def recipe(data, **changes):
    hyperparameters = {"channels": [2, 3], "hidden": [10], "batch_size": 32, "learning_rate": 0.01}
    return Recipe(data=data, model="lenet", hyperparameters=hyperparameters, **changes)


def test_shuffled_labels_cannot_be_told(data):
    settings = Settings(bootstrap=20, limits=LIMITS)
    subject = Subject.read(data, well_behaved, settings, recipe(data, epochs=1))
    (found,) = PROBES["shuffled_labels"](subject)
    assert len(found.details) == 8  # as many as forty showers need, or the most
    # 8 trainings on 40 validation showers: 0.5 ± 0.03
    assert found.value < 0.13 and found.low < 0.03


def test_showers_in_both_splits_are_found_by_shuffled_labels(data, tmp_path):
    leaky = tmp_path / "train.h5"
    leaky.write_bytes(data.read_bytes())
    with h5py.File(leaky, "r+") as file:
        events = file["events"][:]
        validation = np.flatnonzero(events["split"] == 1)
        for row, source in zip(validation, np.flatnonzero(events["split"] == 0), strict=False):
            file["images"][row] = file["images"][source]
            events["shower_id"][row], events["label"][row] = events["shower_id"][source], events["label"][source]
        file["events"][:] = events
    assert area_of_shuffled(recipe(leaky, epochs=25), 1000, seed=1) > 0.8
    assert area_of_shuffled(recipe(data, epochs=25), 1000, seed=1) < 0.75


@pytest.mark.parametrize("probe", ["symmetries", "energy_dependence", "total_energy", "core_offset"])
def test_copies_of_a_shower_do_not_narrow_an_interval(probe, showers):
    def uneven(images):
        return probabilities(40 * (concentration(images) - 0.45) + images[:, 0, :, :40].sum(axis=(1, 2)) / 20 - 4)

    def widths(copies, shower_id):
        events = np.tile(showers[1], copies)
        events["shower_id"] = shower_id
        subject = Subject(uneven, np.tile(showers[0], (copies, 1, 1, 1)), events, Settings(bootstrap=400))
        parts = [part for one in PROBES[probe](subject) for part in (vars_of(one), *one.details)]
        return np.array([part["high"] - part["low"] for part in parts])

    single, images = widths(1, np.arange(120)), np.arange(360)
    assert single.min() > 0
    # edges of the thirds of energy move with copies by a shower or two
    np.testing.assert_allclose(widths(3, images % 120), single, rtol=0.1 if probe == "energy_dependence" else 0.01)
    assert np.median(widths(3, images) / single) == pytest.approx(3**-0.5, abs=0.1)


def vars_of(one):
    return {name: getattr(one, name) for name in ("value", "low", "high")}


def test_chance_counts_showers():
    events = new_events(400)
    events["label"] = np.arange(400) % 2
    assert deviation_by_chance(events) == pytest.approx((401 / 12 / 200**2) ** 0.5)
    events["shower_id"] = np.arange(400) % 100
    assert (
        deviation_by_chance(events) == deviation_by_chance(events[:100]) > 1.9 * deviation_by_chance(new_copy(events))
    )
    assert deviation_by_chance(events[::2]) == np.inf


def new_copy(events):
    """The same with a shower for every image."""
    again = events.copy()
    again["shower_id"] = np.arange(len(events))
    return again


def test_labels_are_dealt_by_shower():
    one, other = new_events(6), new_events(4)
    one["shower_id"], other["shower_id"] = [0, 0, 1, 2, 3, 4], [4, 5, 6, 7]
    one["label"], other["label"] = [0, 0, 1, 0, 1, 1], [1, 0, 1, 0]
    for seed in range(20):
        first, second = deal([one, other], seed)
        assert first[0] == first[1] and first[5] == second[0]
        assert sum([first[0], *first[2:5], *second]) == 4  # as many of each class
    assert len({tuple(deal([one, other], seed)[0]) for seed in range(20)}) > 5


@pytest.mark.parametrize("name", transformations.SYMMETRIES)
def test_symmetries_move_and_keep(name, showers):
    images = showers[0][:3]
    kept = images.copy()
    moved = transformations.symmetry(images, name)
    assert not np.array_equal(moved, images) and np.array_equal(images, kept)
    np.testing.assert_array_equal(np.sort(moved, axis=None), np.sort(images, axis=None))


def test_shift_moves_the_core_and_loses_the_rim():
    image = np.zeros((1, 1, 80, 80), np.float32)
    image[0, 0, 40, 40], image[0, 0, 40, 79] = 5, 3
    for direction, place in {"+x": (40, 42), "-x": (40, 38), "+y": (42, 40), "-y": (38, 40)}.items():
        moved = transformations.shift(image, direction, 2)
        assert moved[0, 0][place] == 5
    assert transformations.shift(image, "+x", 2).sum() == 5  # nothing comes back on the other side


def test_degradations_contain_each_other(showers):
    images = showers[0]
    few, many = (transformations.dead_cells(images, fraction, 1) == 0 for fraction in (0.1, 0.3))
    assert (few <= many).all() and many.sum() > few.sum()
    assert (few & (images > 0)).sum() / (images > 0).sum() == pytest.approx(0.1, abs=0.01)
    noisy = transformations.noise(np.full((2, 1, 80, 80), 5, np.float32), 0.1, 1)
    inside = np.broadcast_to(transformations.disc(), noisy.shape)
    assert noisy[inside].std() == pytest.approx(0.1, rel=0.05) and (noisy[~inside] == 5).all()
    assert set(np.unique(transformations.cell_threshold(np.float32([0.1, 0.2]), 0.15))) == {0, np.float32(0.2)}


def test_the_schema_has_the_same_defaults():
    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())["properties"]["behaviour"]
    default = Settings()
    for name in ("showers", "seed", "bootstrap", "confidence"):
        assert schema["properties"][name]["default"] == getattr(default, name)
    assert schema["properties"]["probes"]["properties"] == settings.schema()


def test_settings_of_a_config():
    found = Settings.of({"showers": 10, "probes": {"noise_auc": {"severity": "warn"}}})
    assert found.showers == 10 and found.limits["noise_auc"] == Limit(0.75, "warn")
    with pytest.raises(ConfigError, match=r"'noise' given.*known are"):
        Settings.of({"probes": {"noise": {}}})
    with pytest.raises(ConfigError, match=r"severity: 'stop' given, allowed are \['gate', 'warn'\]"):
        Settings.of({"probes": {"noise_auc": {"severity": "stop"}}})


def cases(path):
    return {case.get("name"): case for case in xml.etree.ElementTree.parse(path).iter("testcase")}


def strict(showers, severity):
    """A model that behaves, with one threshold that nothing keeps."""
    limits = LIMITS | {"symmetry_change": Limit(-1.0, severity)}
    return Subject(well_behaved, *showers, Settings(bootstrap=50, limits=limits))


def test_a_run_leaves_a_junit_file(showers, tmp_path, capsys):
    judged = runner.run(strict(showers, "gate"), tmp_path / "behaviour.xml")
    assert names(judged, "gate", "failed") == stopping(judged) == ["symmetry_change"]
    found = cases(tmp_path / "behaviour.xml")
    assert len(found) == len(PROBES)
    failures = {name for name, case in found.items() if case.find("failure") is not None}
    assert failures == {"test_behaviour[symmetries]"}
    assert "failed: symmetry_change 0 [0, 0], at most -1 (mean" in found["test_behaviour[symmetries]"].find(
        "failure"
    ).get("message")
    assert found["test_behaviour[shuffled_labels]"].find("skipped") is not None  # nobody knows the recipe
    assert "test_behaviour[symmetries]" in capsys.readouterr().out


def test_a_failed_warning_is_no_failure(showers, tmp_path):
    judged = runner.run(strict(showers, "warn"), tmp_path / "behaviour.xml")
    assert stopping(judged) == [] and names(judged, "warn", "failed") == ["symmetry_change"]
    assert not any(case.find("failure") is not None for case in cases(tmp_path / "behaviour.xml").values())


def test_a_crash_is_raised_and_leaves_nothing(showers, tmp_path):
    def crashes(images):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        runner.run(Subject(crashes, *showers, SETTINGS), tmp_path / "behaviour.xml")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def selected(data, tmp_path_factory):
    """A checkpoint of a short training, and best.json."""
    import torch

    from cascada.core.files import sha256, write_json
    from cascada.training.trial import Machine, Trainer, Trial

    folder = tmp_path_factory.mktemp("selected")
    hyperparameters = recipe(data).hyperparameters | {
        "evaluation": "symmetric"
    }  # so that every probe has something to say
    trial = Trial.of(
        configuration="lenet-00000000", model="lenet", hyperparameters=hyperparameters, settings={"precision": "float32"},
        seed=1, epochs=1, data=data, folder=folder, tensorboard=folder,
    )  # fmt: skip
    trainer = Trainer(trial, Machine(device="cpu"))
    trainer.epoch(False, lambda state: None)
    torch.save(trainer.classifier.eval().checkpoint(), folder / "checkpoint.pt")
    about = {"configuration": "lenet-00000000", "seed": 1, "model": "lenet", "hyperparameters": hyperparameters}
    write_json(folder / "best.json", about | {"checkpoint_sha256": sha256(folder / "checkpoint.pt")})
    return folder


def test_the_rule_writes_what_publishing_reads(selected, data, tmp_path):
    content = runner.test_behaviour(
        best=selected / "best.json", checkpoint=selected / "checkpoint.pt", train=data, xml=tmp_path / "behaviour.xml",
        report=tmp_path / "behaviour.json", settings={"bootstrap": 20}, device="cpu", threads=1,
    )  # fmt: skip
    written = json.loads((tmp_path / "behaviour.json").read_text())
    assert [one["name"] for one in written["probes"]] == list(LIMITS) or set(LIMITS) == {
        p["name"] for p in written["probes"]
    }
    for one in written["probes"]:
        assert {"name", "value", "low", "high", "threshold", "severity", "kept", "verdict"} <= one.keys()
    assert written["gates_failed"] == names(content["probes"], "gate", "failed")
    assert written["conclusion"] == conclusion(content["probes"])
    assert cases(tmp_path / "behaviour.xml").keys() == {f"test_behaviour[{name}]" for name in PROBES}


def test_all_predictors_of_one_model_agree(selected, data, tmp_path):
    """The exported files are probed as the checkpoint is."""
    import onnxruntime

    from cascada.export.write import write_graphs
    from cascada.models.classifier import load_classifier

    write_graphs(load_classifier(selected / "checkpoint.pt"), tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    onnx = predictors.from_callable(lambda images: session.run(None, {"images": images})[0], logits=False)
    checkpoint = predictors.from_checkpoint(selected / "checkpoint.pt")
    images = Subject.read(data, checkpoint, SETTINGS).images
    for other in (onnx, predictors.from_program(tmp_path)):
        np.testing.assert_allclose(other(images), checkpoint(images), atol=1e-5)
        subject = Subject(other, images, new_events(len(images)), SETTINGS)
        assert {one.name: one.value <= 1e-5 for one in PROBES["batches"](subject)} == {
            "batch_size_change": True, "batch_order_change": True,
        }  # fmt: skip
