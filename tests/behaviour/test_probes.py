"""Every probe is passed by a model that behaves and failed by a model made to fail it."""

import numpy as np
import pytest
from probing import ROBUST, SETTINGS, X, concentration, measure, probabilities, told, well_behaved

from cascada.behaviour.probes import PROBES
from cascada.behaviour.settings import LIMITS, Limit, Settings
from cascada.behaviour.subject import Subject
from cascada.data import transformations


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
    predict = model(showers) if made else model
    found = measure(probe, predict, showers)
    assert {name for name, passed in found.items() if not passed} == fails, told(probe, predict, showers)


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
    assert LIMITS["symmetry_flips_unaveraged"] == Limit(LIMITS["symmetry_flips"].threshold, "warn")


@pytest.mark.parametrize("probe", [name for name in ROBUST if name not in ("total_energy", "core_offset")])
def test_answers_that_are_no_numbers_pass_nothing_they_are_asked(probe, showers):
    found = measure(probe, lambda images: np.full((len(images), 2), np.nan), showers)
    lenient = {"accuracy_fall_with_energy"}  # accuracy has no NaN: whatever argmax says is right or wrong
    assert not any(passed for name, passed in found.items() if name not in lenient), found


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
