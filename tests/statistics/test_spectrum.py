"""Energies that follow a power law, and that do not."""

import numpy as np
import pytest

from cascada.statistics import spectrum, weights

LOW, HIGH = 2500.0, 63_000.0


def drawn(index, number, seed=1):
    random = np.random.default_rng(seed).random(number)
    if index == -1:
        return LOW * (HIGH / LOW) ** random
    low, high = LOW ** (index + 1), HIGH ** (index + 1)
    return (low + random * (high - low)) ** (1 / (index + 1))


@pytest.mark.parametrize("index", [-6, -2.7, -1, 0])
def test_mean_and_deviation_are_those_of_drawn_energies(index):
    mean, deviation = spectrum.log_energy(index, LOW, HIGH)
    log = np.log(drawn(index, 200_000))
    assert log.mean() == pytest.approx(mean, abs=5 * deviation / 200_000**0.5)
    assert log.std() == pytest.approx(deviation, rel=0.02)


def test_weights_turn_one_spectrum_into_the_other():
    energy = drawn(-1, 200_000)
    mean = np.average(np.log(energy), weights=weights.spectrum_weights(energy, -2.7))
    assert mean == pytest.approx(spectrum.log_energy(-2.7, LOW, HIGH)[0], abs=0.02)


def test_another_index_is_noticed():
    energy = drawn(-2.7, 1000)
    assert spectrum.follows(energy, -2.7, LOW, HIGH)
    assert not spectrum.follows(energy, -2.0, LOW, HIGH) and not spectrum.follows(energy, -1.0, LOW, HIGH)
    assert spectrum.follows(energy, -2.0, LOW, HIGH, uncertain=0.2)
