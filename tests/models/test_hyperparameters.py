"""Every hyperparameter that the families share changes the training (the thesis had one that never did)."""

import dataclasses

import pytest
import torch
from showers import small_dataset

from cascada.experiment.hyperparameters import AUGMENTATIONS, OPTIMIZERS, TRANSFORMS, Hyperparameters
from cascada.training.trial import Machine, Trainer, Trial

# every other value of a choice; a number changes by a hundredth, so that one used in rounded form is found too
OTHERS = {"optimizer": OPTIMIZERS, "transform": TRANSFORMS, "augmentation": AUGMENTATIONS, "evaluation": ()}
OTHERS |= {"weight_decay": (0.0001,), "averaging": (0.5, 0.51)}  # `evaluation` is of what has been trained
NEEDS = {"momentum": {"optimizer": "sgd"}}  # a field that only counts with another


def others(item: dataclasses.Field) -> tuple:
    """Other values of a field: those of OTHERS, else of a number one a hundredth or one below its default, or 0.1 beside 0.

    A text has no others of itself: it stands in OTHERS.
    """
    if item.name in OTHERS or isinstance(item.default, str):
        return tuple(OTHERS.get(item.name, ()))
    if isinstance(item.default, bool):
        return (not item.default,)
    return (item.default - 1,) if isinstance(item.default, int) else (item.default * 0.99 or 0.1,)


CASES = [
    (item.name, value)
    for item in dataclasses.fields(Hyperparameters)
    for value in others(item)
    if value != item.default
]


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """A function from hyperparameters to the validation loss after one epoch; each is trained once."""
    folder, known = tmp_path_factory.mktemp("data"), {}
    data, _ = small_dataset(folder, showers=200)

    def loss(**hyperparameters):
        key = tuple(sorted(hyperparameters.items()))
        if key not in known:
            values = {"channels": [2, 3], "hidden": [10]} | hyperparameters
            trial = Trial.of(
                configuration="lenet-0", model="lenet", hyperparameters=values, settings={"precision": "float32"},
                seed=1, epochs=1, data=data, folder=folder, tensorboard=folder,
            )  # fmt: skip
            trainer = Trainer(trial, Machine(device="cpu"))
            assert trainer.epoch(False, lambda state: None)
            known[key] = trainer.validate()["loss"]
        return known[key]

    return loss


def test_every_field_has_a_case():
    trained = {item.name for item in dataclasses.fields(Hyperparameters)} - {"evaluation"}
    assert {name for name, _ in CASES} == trained


@pytest.mark.parametrize(("name", "value"), CASES)
def test_every_common_hyperparameter_changes_the_training(losses, name, value):
    needed = NEEDS.get(name, {})
    assert losses(**needed) != losses(**needed, **{name: value})


def test_the_reference_repeats(losses):
    """Otherwise the inequalities above would hold for any field."""
    first = losses()
    torch.manual_seed(99)
    assert losses(optimizer="adam") == first
