"""The variants of the surrogate's interaction model: each moves its own row, none moves a row further than models differ.

Rows: energy of electromagnetic particles and number of muons at 5200 m, the muons' mean distance from the axis, depth of the
maximum. Interaction models differ by less than 10 % in the densities at ground above 1 TeV (arXiv:1904.05135) and by 10 to 25 g/cm²
in the mean depth of the maximum.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gammaincc

from cascada.core.options import declared
from cascada.data import cascade
from cascada.data.format import IRON, PROTON
from cascada.data.interactions import STANDARD, VARIANTS
from cascada.data.sources import surrogate
from cascada.data.sources.surrogate import Options, Run

MOST, DEEPEST = 0.10, 25.0  # relative; g/cm²
SHOWERS, ENERGY = 400, 10_000.0  # GeV
OTHERS = [name for name in VARIANTS if name != "standard"]


def ground_rows(model):
    """Of protons: electromagnetic energy at ground [GeV], muons within 160 m, sum of these muons' distances [m]; (n, 3)."""
    random, ground = np.random.default_rng([7, model.number]), cascade.ground_depth(5200.0)
    first = cascade.primaries(1, np.full(SHOWERS, ENERGY), random, model)
    photons, muons = cascade.develop(first, ground, random, model)
    maximum = cascade.electromagnetic_maximum(photons.energy)[1]
    depth = np.maximum((ground - photons.start) / cascade.RADIATION_LENGTH, 1e-3)
    left = photons.energy * gammaincc(1 + 0.5 * maximum, 0.5 * depth)
    distance = np.hypot(*muons.position.T)
    mine, distance = muons.shower[distance <= 160], distance[distance <= 160]
    sums = (
        np.bincount(photons.shower, left, SHOWERS),
        np.bincount(mine, minlength=SHOWERS),
        np.bincount(mine, distance, SHOWERS),
    )
    return np.stack(sums, axis=1)


@pytest.fixture(scope="module")
def rows():
    """Means of the rows with their standard errors, by variant."""
    found = {}
    for name, model in VARIANTS.items():
        energy, muons, distances = ground_rows(model).T
        mean = distances.sum() / muons.sum()
        found[name] = {
            "energy": (energy.mean(), energy.std() / SHOWERS**0.5),
            "muons": (muons.mean(), muons.std() / SHOWERS**0.5),
            "distance": (mean, np.std(distances - mean * muons) / muons.mean() / SHOWERS**0.5),
        }
    return found


def moved(rows, one, other, row):
    """Relative difference of two variants in a row, and its standard error."""
    (a, da), (b, db) = rows[one][row], rows[other][row]
    return a / b - 1, np.hypot(da / a, db / b)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("row", ["energy", "muons", "distance"])
def test_no_density_moves_further_than_models_differ(rows, name, row):
    shift, error = moved(rows, name, "standard", row)
    assert abs(shift) < MOST + 2 * error


@pytest.mark.parametrize(
    ("more", "less", "row", "others"),
    [
        ("deep", "shallow", "energy", ["muons"]),
        ("muon_rich", "muon_poor", "muons", []),
        ("wide", "narrow", "distance", ["energy"]),
    ],
)
def test_each_pair_moves_its_own_row(rows, more, less, row, others):
    shift, error = moved(rows, more, less, row)
    assert shift > 0.03 and shift > 2.5 * error
    for other in others:
        shift, error = moved(rows, more, less, other)
        assert abs(shift) < 0.05 + 2 * error, other


def test_muons_and_electromagnetic_energy_move_against_each_other_and_apart(rows):
    assert moved(rows, "muon_rich", "muon_poor", "energy")[0] < 0 < moved(rows, "muon_rich", "muon_poor", "muons")[0]


def mean_maximum(model, number=120, energy=100_000.0):
    """Mean depth of maximum [g/cm²] and its error; the profile's highest of points 10 g/cm² apart."""
    random = np.random.default_rng([3, model.number])
    photons, _ = cascade.develop(cascade.primaries(1, np.full(number, energy), random, model), 1030.0, random, model)
    depths = np.arange(100, 1030.0, 10.0)
    found = depths[cascade.profile(photons, number, depths).argmax(axis=1)]
    return found.mean(), found.std() / number**0.5


def test_the_maximum_moves_by_no_more_than_models_differ():
    (deep, one), (standard, two), (shallow, three) = (
        mean_maximum(VARIANTS[n]) for n in ("deep", "standard", "shallow")
    )
    assert abs(deep - standard) < DEEPEST + 2 * np.hypot(one, two)
    assert abs(shallow - standard) < DEEPEST + 2 * np.hypot(two, three)
    assert deep > shallow


@pytest.mark.parametrize("name", OTHERS)
def test_a_variant_s_showers_are_others_than_those_of_the_same_seed(name):
    run = Run(primary=PROTON, showers=2, seed=1)
    (ours,), (theirs,) = (
        list(surrogate.showers(run, Options(energy_max=3000.0, variant=v))) for v in (name, "standard")
    )
    assert not set(ours.events["true_energy"]) & set(theirs.events["true_energy"])
    assert not set(ours.events["run"]) & set(theirs.events["run"])


RECORDED = {  # before there were variants
    PROTON: (
        [3137.760009765625, 3007.405517578125, 3507.43896484375],
        [26, 36, 30],
        [270.14677097, 418.83601917, 445.99201942],
    ),
    IRON: (
        [3134.084228515625, 2747.024658203125, 3121.541748046875],
        [36, 32, 26],
        [48.35606869, 37.99524167, 41.47276726],
    ),
}
BITS = {PROTON: "2056f28c0f36b0c6", IRON: "dfc5ec31720dc3f4"}


@pytest.mark.parametrize("primary", RECORDED)
def test_the_standard_s_showers_are_those_of_before(primary):
    (block,) = surrogate.showers(Run(primary=primary, showers=3, seed=1), Options(energy_max=4000.0))
    energies, muons, sums = RECORDED[primary]
    assert block.events["true_energy"].tolist() == pytest.approx(energies, rel=1e-6)
    if hashlib.sha256(block.images.tobytes() + block.events.tobytes()).hexdigest()[:16] != BITS[primary]:
        assert block.events["muons"].tolist() == muons  # another processor rounds differently
        assert block.images.sum(axis=(1, 2, 3), dtype=float).tolist() == pytest.approx(sums, rel=1e-4)
    assert set(block.events["run"]) == {1}


def test_the_option_names_every_variant_and_the_factors_of_the_standard_are_one():
    options = {one.name: one for one in declared(Path(surrogate.__file__), "Options")}
    option = options["variant"]
    assert option.limits["choices"] == tuple(VARIANTS) and option.default == "standard"
    factors = {k: v for k, v in dataclasses.asdict(STANDARD).items() if k not in ("number", "meaning")}
    assert set(factors.values()) == {1.0}
    assert [model.number for model in VARIANTS.values()] == list(range(len(VARIANTS)))
