"""What every model family promises (src/cascada/models/README.md), tried on each that `families()` finds."""

import ast
import dataclasses
import inspect
import math

import pytest
import torch
from torch.nn import functional

from cascada.core.errors import ConfigError
from cascada.experiment.hyperparameters import Hyperparameters
from cascada.experiment.spaces import family_defaults
from cascada.models import Design, build, config_class, families
from cascada.models.classifier import Classifier, load_classifier
from cascada.models.inputs import fit_transform

every_family = pytest.mark.parametrize("family", families())
HYPERPARAMETERS = [(family, item.name) for family in families() for item in dataclasses.fields(config_class(family))]
COMMON = dataclasses.asdict(Hyperparameters())
ANNOTATIONS = {"int", "float", "bool", "tuple[int, ...]", "tuple[float, ...]"}


def network(family, shape=(1, 2), seed=1, **hyperparameters):
    """Fresh weights for `shape`: (channels, classes)."""
    torch.manual_seed(seed)
    return build(family, hyperparameters, *shape)


def batch(number=16, channels=1, seed=2):
    """Images as the input transform makes them, and labels that they do not tell: (n, C, 80, 80), (n,)."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn((number, channels, 80, 80), generator=generator)
    return images, torch.arange(number) % 2


def step(model, optimizer, images, labels):
    logits, auxiliary = model.forward_with_losses(images)
    loss = functional.cross_entropy(logits, labels) + sum(auxiliary.values())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return logits.detach()


def trained(family, steps=2, seed=1, **hyperparameters):
    """A network after a few steps, in training mode."""
    model = network(family, seed=seed, **hyperparameters)
    optimizer = torch.optim.Adam(model.parameters(), 0.001)
    for _ in range(steps):
        step(model, optimizer, *batch())
    return model


def same(one, other):
    """Whether two networks have the same weights, in names, shapes and bits."""
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@every_family
@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (3, 4)])
def test_output(family, channels, classes):
    model = network(family, (channels, classes))
    images = batch(5, channels)[0]
    for mode in (True, False):
        logits, auxiliary = model.train(mode).forward_with_losses(images)
        assert logits.shape == (5, classes) and torch.isfinite(logits).all()
        assert all(loss.shape == () and torch.isfinite(loss) for loss in auxiliary.values())
    assert torch.equal(model(images), logits)


@every_family
def test_a_single_image_can_be_trained_on(family):
    model = trained(family)
    step(model, torch.optim.SGD(model.parameters(), 0.001), *batch(1))
    assert all(torch.isfinite(weights).all() for weights in model.state_dict().values())


@every_family
def test_blank_images_and_hot_cells_give_finite_logits(family):
    images = torch.zeros(3, 1, 80, 80)
    images[1, 0, 40, 40] = 1e6
    images[2, 0, 0, 0] = 1e6
    assert torch.isfinite(trained(family).eval()(images)).all()


@every_family
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_starts_undecided(family, seed):
    logits = network(family, seed=seed)(batch(32, seed=seed)[0])
    assert functional.cross_entropy(logits, batch(32)[1]).item() == pytest.approx(math.log(2), abs=0.05)


@every_family
def test_it_can_learn_one_batch_by_heart(family):
    model, (images, labels) = network(family), batch()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        logits = step(model, optimizer, images, labels)
        if functional.cross_entropy(logits, labels) < 0.1:
            break
    assert torch.equal(logits.argmax(1), labels)
    assert functional.cross_entropy(logits, labels) < 0.1


@every_family
def test_every_parameter_receives_a_gradient(family):
    model, (images, labels) = network(family), batch()
    logits, auxiliary = model.forward_with_losses(images)
    (functional.cross_entropy(logits, labels) + sum(auxiliary.values())).backward()
    largest = {name: 0 if p.grad is None else p.grad.abs().max().item() for name, p in model.named_parameters()}
    # rounding alone leaves some 1e-9, for instance in a bias whose mean batch normalisation takes off again
    assert {name: value for name, value in largest.items() if not value > 1e-7} == {}


def other_values(default):
    """Values beside a default, as (place, value): of a list each number by itself. Some may not be allowed."""
    if isinstance(default, tuple):
        for place, number in enumerate(default):
            for _, value in other_values(number):
                yield place, (*default[:place], value, *default[place + 1 :])
    elif isinstance(default, bool):
        yield 0, not default
    elif isinstance(default, int):
        yield from [(0, default + 1), (0, default - 1)]
    else:
        yield from [(0, default * 2 if default else 0.5), (0, default / 2)]


@pytest.mark.parametrize("field", HYPERPARAMETERS, ids=".".join)
def test_every_hyperparameter_changes_the_training(field):
    """Each number by itself, moved a little, must be seen in the weights' shapes or, after two steps, values."""
    family, name = field
    reference, default = trained(family), getattr(config_class(family)(), name)
    unseen = {place for place, _ in other_values(default)}
    assert unseen
    for place, value in other_values(default):
        if place in unseen:
            try:
                other = trained(family, **{name: value})
            except ConfigError:  # the next value is tried
                continue
            assert not same(reference, other), f"{name} = {value} trains as {default} does"
            unseen.remove(place)
    assert not unseen, f"no other value than {default} is allowed"


@every_family
def test_batch_size_and_order_do_not_matter_in_evaluation(family):
    model, images = trained(family).eval(), batch(12)[0]
    with torch.inference_mode():
        together, order = model(images), torch.randperm(12, generator=torch.Generator().manual_seed(1))
        assert together.std(0).min() > 1e-5  # the images differ, or nothing is tested
        torch.testing.assert_close(model(images[order]), together[order], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.cat([model(part) for part in images.split(5)]), together, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.cat([model(part) for part in images.split(1)]), together, rtol=1e-4, atol=1e-5)
        assert torch.equal(model(images), together)  # no random numbers


@every_family
def test_the_seed_decides_all_bits(family):
    assert same(trained(family, seed=4), trained(family, seed=4))
    assert not same(trained(family, seed=4), trained(family, seed=5))


@every_family
def test_a_saved_classifier_gives_the_same_outputs(family, tmp_path):
    original = classifier(family)
    torch.save(original.checkpoint(), tmp_path / "checkpoint.pt")
    loaded = load_classifier(tmp_path / "checkpoint.pt")
    images = energies(6)
    assert torch.equal(loaded(images), original(images))
    assert loaded.hyperparameters == original.hyperparameters
    assert same(loaded, original)


@every_family
def test_bfloat16(family):
    model, (images, labels) = network(family), batch()
    with torch.autocast("cpu", torch.bfloat16):
        logits, auxiliary = model.forward_with_losses(images)
    assert all(loss.dtype == torch.float32 for loss in auxiliary.values())
    (functional.cross_entropy(logits.float(), labels) + sum(auxiliary.values())).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        rough = model.eval()(images)
    torch.testing.assert_close(rough.float(), model(images), rtol=0.1, atol=0.05)


def energies(number):
    """Raw images [GeV] with empty cells: (n, 1, 80, 80)."""
    return (torch.randn((number, 1, 80, 80), generator=torch.Generator().manual_seed(6)) * 2).exp().sub(1).clamp(min=0)


def classifier(family):
    hyperparameters = COMMON | dataclasses.asdict(config_class(family)())
    return Classifier(
        fit_transform(energies(32), "log1p", 0.01, True), trained(family),
        design=Design.of(family, hyperparameters), channels=["energy"], class_names=["iron", "proton"],
    ).eval()  # fmt: skip


@every_family
def test_config_can_be_read_without_importing_it(family):
    tree = ast.parse(inspect.getsource(inspect.getmodule(config_class(family))))
    config = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")
    fields = [node for node in config.body if isinstance(node, ast.AnnAssign)]
    assert {ast.unparse(node.annotation) for node in fields} <= ANNOTATIONS
    defaults = {item.name: item.default for item in dataclasses.fields(config_class(family))}
    found = family_defaults(family)
    assert found.keys() == defaults.keys()
    assert {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()} == defaults
    assert not defaults.keys() & COMMON.keys()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config_class(family)(), next(iter(defaults)), 1)
