"""Building by name, the classifier with its transform, checkpoints."""

import dataclasses

import pytest
import torch

from cascada.core.errors import ConfigError, DataError
from cascada.experiment.hyperparameters import Hyperparameters, later_defaults
from cascada.models import Design, build, config_class, families
from cascada.models.classifier import Classifier, load_classifier
from cascada.models.inputs import fit_transform

COMMON = dataclasses.asdict(Hyperparameters())


def classifier(**hyperparameters):
    torch.manual_seed(1)
    images = torch.rand(32, 1, 80, 80) ** 4
    hyperparameters = COMMON | hyperparameters
    transform = fit_transform(images, *(hyperparameters[name] for name in ("transform", "threshold", "normalize")))
    design = Design.of("lenet", hyperparameters)
    return Classifier(
        transform, design.build(1, 2), design=design, channels=["energy"], class_names=["iron", "proton"],
    )  # fmt: skip


def test_families_are_found():
    assert "lenet" in families()
    assert not {"base", "inputs", "classifier", "__init__"} & set(families())


def test_build_takes_the_familys_own_and_defaults():
    network = build("lenet", {"batch_size": 8, "channels": [3, 7]}, 2, 3)
    assert network.config == config_class("lenet")(channels=(3, 7))
    assert network(torch.zeros(4, 2, 80, 80)).shape == (4, 3)


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"chanels": [3, 7]}, r"unknown hyperparameters \['chanels'\].*'channels'"),
        ({"channels": 3}, r"'channels': expected tuple.*, got 3\."),
        ({"channels": [3, 2.5]}, r"expected tuple.*, got \[3, 2.5\]"),
        ({"channels": [3, True]}, r"expected tuple.*, got \[3, True\]"),
        ({"channels": [3]}, r"channels: \[3\] given, a list of 2 numbers"),
        ({"channels": [3, 0]}, r"channels: \[3, 0\] given.*at least 1"),
    ],
)
def test_build_refuses(hyperparameters, message):
    with pytest.raises(ConfigError, match=message):
        build("lenet", hyperparameters, 1, 2)


def test_an_unknown_model_lists_the_known():
    with pytest.raises(ConfigError, match=r"unknown model 'alexnet'.*'lenet'"):
        build("alexnet", {}, 1, 2)


def test_the_classifier_transforms_raw_energies():
    model = classifier().eval()
    images = torch.rand(5, 1, 80, 80)
    assert torch.equal(model(images), model.network(model.transform(images)))
    logits, auxiliary = model.forward_with_losses(images)
    assert torch.equal(logits, model(images)) and auxiliary == {}


def test_a_symmetric_classifier_takes_the_mean_of_eight_logits():
    model, images = classifier(evaluation="symmetric").eval(), torch.rand(5, 1, 80, 80) ** 4
    torch.nn.init.normal_(model.network.head[-1].weight)
    views = [torch.rot90(side, quarters, (2, 3)) for side in (images, images.flip(3)) for quarters in range(4)]
    expected = torch.stack([model.plain()(view) for view in views]).mean(0)
    assert len({view.numpy().tobytes() for view in views}) == 8
    torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-5)
    assert (model.plain()(images) - expected).abs().max() > 0.01
    assert model.plain()(images).equal(classifier_like(model)(images))
    assert model.views == 8 and model.plain().views == 1  # `plain` leaves it as it is


def classifier_like(model):
    """A plain classifier with the weights of another."""
    other = classifier().eval()
    other.load_state_dict(model.state_dict())
    return other


def test_a_symmetric_checkpoint_stays_symmetric(tmp_path):
    model = classifier(evaluation="symmetric").eval()
    torch.save(model.checkpoint(), tmp_path / "checkpoint.pt")
    loaded = load_classifier(tmp_path / "checkpoint.pt")
    assert loaded.views == 8 and loaded.hyperparameters["evaluation"] == "symmetric"
    assert "evaluation" not in loaded.plain().hyperparameters
    assert torch.equal(loaded(torch.ones(2, 1, 80, 80)), model(torch.ones(2, 1, 80, 80)))


def test_a_checkpoint_stands_alone(tmp_path):
    model = classifier(channels=[4, 5], threshold=0.05).eval()
    images = torch.rand(5, 1, 80, 80)
    torch.save(model.checkpoint(), tmp_path / "checkpoint.pt")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    loaded = load_classifier(tmp_path / "checkpoint.pt")
    assert torch.equal(torch.get_rng_state(), before)
    assert not loaded.training
    assert torch.equal(loaded(images), model(images))
    assert loaded.channels == ["energy"] and loaded.class_names == ["iron", "proton"]
    common = {name: value for name, value in COMMON.items() if name not in later_defaults(Hyperparameters)}
    assert loaded.hyperparameters == common | {"threshold": 0.05, "channels": [4, 5], "hidden": [100, 50, 10]}
    assert loaded.checkpoint()["hyperparameters"] == model.checkpoint()["hyperparameters"]


def test_damaged_and_foreign_checkpoints(tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(DataError, match="no such checkpoint"):
        load_classifier(path)
    path.write_bytes(b"half a file")
    with pytest.raises(DataError, match=r"checkpoint.pt: not a readable checkpoint"):
        load_classifier(path)
    torch.save([1, 2], path)
    with pytest.raises(DataError, match="holds a list"):
        load_classifier(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(DataError, match=r"missing \['model'"):
        load_classifier(path)
    content = classifier().checkpoint()
    content["hyperparameters"]["channels"] = [9, 9]
    torch.save(content, path)
    with pytest.raises(DataError, match="does not fit this version's network"):
        load_classifier(path)
