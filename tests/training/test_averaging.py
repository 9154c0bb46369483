"""Averaged weights: the average's value, its buffers, what is kept of it, and the same bits after an interruption."""

import signal

import numpy as np
import pytest
import torch
import trials
from torch import nn

from cascada.core.errors import ConfigError
from cascada.experiment.hyperparameters import Hyperparameters
from cascada.training.averaging import AveragedWeights, decay_at

AVERAGED = {"averaging": 0.95}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("uninterrupted")
    trials.run(trials.specification(folder, data, hyperparameters=AVERAGED))
    return folder


def test_the_average_of_weights_and_buffers_by_hand():
    random = np.random.default_rng(1)
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    averaged, expected = AveragedWeights(module, 0.9), None
    for step in range(200):
        for value in (*module.parameters(), *module.buffers()):
            if value.is_floating_point():
                value.data.copy_(torch.from_numpy(random.normal(size=value.shape)))
            else:
                value += 1
        averaged.update_parameters(module)
        now = {name: value.double().numpy().copy() for name, value in module.state_dict().items()}
        decay = min(0.9, step / (9 + step)) if step else 0.0  # the first is taken as it is
        expected = expected or now
        expected = {name: decay * expected[name] + (1 - decay) * now[name] for name in now}
    expected["1.num_batches_tracked"] = 200
    for name, value in averaged.module.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_decay_grows_to_what_is_asked_for():
    assert [decay_at(step, 0.99) for step in (0, 8, 890, 10_000)] == [0.1, 0.5, 0.99, 0.99]


def test_the_averaged_weights_are_kept_and_change_no_step(tmp_path, data, uninterrupted):
    trials.run(trials.specification(tmp_path, data, epochs=3))
    assert not trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted))
    rows = zip(trials.history(tmp_path), trials.history(uninterrupted), strict=True)
    for plain, averaged in rows:
        assert plain["training_loss"] == averaged["training_loss"]
        assert plain["validation_loss"] != averaged["validation_loss"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_trial_with_averages_ends_with_the_same_bits(tmp_path, data, uninterrupted, number):
    trial = trials.specification(tmp_path, data, hyperparameters=AVERAGED)
    process = trials.start(trial)
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            process.send_signal(number)
            break
    output = process.communicate(timeout=60)[0]
    assert process.returncode != 0, output
    messages = []
    trials.run(trial, messages.append)
    assert any("resuming at epoch 2" in message for message in messages)
    assert trials.same_weights(trials.weights(tmp_path), trials.weights(uninterrupted))
    assert trials.history(tmp_path) == trials.history(uninterrupted)


@pytest.mark.parametrize("value", [1, -0.1, 1.5])
def test_a_decay_that_is_none_is_refused(value):
    with pytest.raises(ConfigError, match=f"averaging: expected at least 0 and below 1, got {value}"):
        Hyperparameters(averaging=value)
