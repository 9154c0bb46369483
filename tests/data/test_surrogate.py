"""Surrogate images against published ones, their seeds, switches and bookkeeping.

Rows of the table "What a test of the surrogate asserts" about images; the others stand in test_cascade.py. The published
iron image of 40.4 TeV (M. J. Núñez Ruiz, Universidad de Granada, 2021) holds 0.060 of the primary's energy, 0.14 of that
within 12 m of the core, and 4.4 % of the cells in the disc are empty; in the proton image lg ρ_E falls by 2.2 to 2.6
per decade of the distance between 20 and 80 m.
"""

import itertools

import numpy as np
import pytest

from cascada.core.errors import ConfigError
from cascada.data import sources
from cascada.data.checks import ks_distance, ks_limit, separation
from cascada.data.format import IRON, PROTON, open_showers
from cascada.data.sources import surrogate
from cascada.data.sources.surrogate import GROUP, Options, Run

CENTRES = (np.arange(80) - 39.5) * 4  # m
RADIUS = np.hypot(CENTRES[:, None], CENTRES)
DISC = RADIUS <= 160


def made(primary, number, seed=1, first=0, **options):
    """All showers of a run: images float64 (n, 80, 80), events."""
    run = Run(primary=primary, showers=number, seed=seed, first=first)
    parts = list(surrogate.showers(run, Options(**options)))
    images = np.concatenate([part.images for part in parts])
    assert images.dtype == np.float32 and images.shape[1:] == (1, 80, 80)
    return images[:, 0].astype(float), np.concatenate([part.events for part in parts])


@pytest.fixture(scope="module")
def iron():
    return made(IRON, 40, energy_min=40416.0, energy_max=40416.0, core_offset=0.0)


@pytest.fixture(scope="module")
def mixture():
    """Options as in the demonstration: 200 of each class."""
    return {primary: made(primary, 200) for primary in (PROTON, IRON)}


def test_energy_in_an_iron_image(iron):
    images, events = iron
    share = images.sum(axis=(1, 2)) / events["true_energy"]
    assert 0.04 < share.mean() < 0.14


def test_energy_near_the_core_of_an_iron(iron):
    images, _ = iron
    near = images[:, RADIUS <= 12].sum(axis=1) / images.sum(axis=(1, 2))
    assert abs(near.mean() - 0.14) < 2 * near.std(ddof=1)


def test_empty_cells_of_an_iron(iron):
    assert 0.02 < (iron[0][:, DISC] == 0).mean() < 0.10


def test_muons_of_an_iron(iron):
    assert 330 < iron[1]["muons"].mean() < 560


@pytest.mark.parametrize("energy", [3120.0, 30000.0])
def test_energy_falls_with_distance_in_a_proton_image(energy):
    images, _ = made(PROTON, 100, energy_min=energy, energy_max=energy, core_offset=0.0)
    edges = np.geomspace(20, 80, 7)
    density = [images[:, (low <= RADIUS) & (high > RADIUS)].mean() for low, high in itertools.pairwise(edges)]
    slope = np.polyfit(np.log10(np.sqrt(edges[:-1] * edges[1:])), np.log10(density), 1)[0]
    assert -3.0 < slope < -2.0


def test_images_are_finite_and_end_at_the_disc(mixture):
    for images, _ in mixture.values():
        assert np.isfinite(images).all() and (images >= 0).all()
        assert (images.sum(axis=(1, 2)) > 0).all()
        assert not images[:, 160 + 2 * np.sqrt(2) < RADIUS].any()  # a cell at the rim reaches 2.8 m further


def test_spectrum_is_log_uniform_and_the_same_for_both_classes(mixture):
    energies = {primary: events["true_energy"].astype(float) for primary, (_, events) in mixture.items()}
    for values in energies.values():
        assert values.min() >= 2500 and values.max() <= 63000
        place = np.sort(np.log(values / 2500) / np.log(63000 / 2500))
        assert np.abs(place - (np.arange(200) + 0.5) / 200).max() < 0.115  # 1 % of samples exceed 1.63 / √200
    assert ks_distance(*energies.values()) < ks_limit(200, 200)


def test_cores_are_random_and_the_same_for_both_classes(mixture):
    distance = {primary: np.hypot(events["core_x"], events["core_y"]) for primary, (_, events) in mixture.items()}
    for values in distance.values():
        assert values.max() <= 30.0
        assert np.mean(values < 30 / np.sqrt(2)) == pytest.approx(0.5, abs=0.1)  # uniform in area
    labels = np.repeat([1, 0], 200)
    assert separation(np.concatenate([*distance.values()]), labels)[0] < 0.575  # two standard deviations
    assert abs(np.mean(mixture[IRON][1]["core_x"])) < 3


def test_total_energy_is_no_more_of_a_leak_than_the_yardstick(mixture):
    """Yardsticks: total energy alone reaches AUC 0.72, muons alone 0.61."""
    labels = np.repeat([1, 0], 200)
    total = np.concatenate([images.sum(axis=(1, 2)) for images, _ in mixture.values()])
    muons = np.concatenate([events["muons"] for _, events in mixture.values()]).astype(float)
    assert separation(total, labels)[0] < 0.80
    assert separation(muons, labels)[0] < 0.70


def test_the_image_s_centre_is_the_core(mixture):
    images, events = mixture[PROTON]
    hottest = images.reshape(len(images), -1).argmax(axis=1)
    y, x = CENTRES[hottest // 80], CENTRES[hottest % 80]
    bright = events["true_energy"] > 20_000
    assert np.median(np.hypot(x - events["core_x"], y - events["core_y"])[bright]) < 6
    assert np.corrcoef(x[bright], events["core_x"][bright])[0, 1] > 0.9
    assert np.corrcoef(y[bright], events["core_y"][bright])[0, 1] > 0.9


def assert_same(one, other):
    assert np.array_equal(one[0], other[0])
    for name in one[1].dtype.names:
        if name not in ("event_id", "shower_id"):
            np.testing.assert_array_equal(one[1][name], other[1][name])


SMALL = {"energy_max": 4000.0}


def test_a_run_gives_the_same_bits_twice():
    assert_same(made(PROTON, 7, **SMALL), made(PROTON, 7, **SMALL))


def test_showers_do_not_depend_on_the_runs_they_are_asked_for_in():
    """One run of 50, or runs that cut it anywhere, in groups and across them."""
    whole = made(PROTON, 2 * GROUP + 10, **SMALL)
    for cuts in ([0, GROUP, 2 * GROUP + 10], [0, 7, 33, 2 * GROUP + 10]):
        parts = [made(PROTON, stop - start, first=start, **SMALL) for start, stop in itertools.pairwise(cuts)]
        assert_same(whole, tuple(np.concatenate(column) for column in zip(*parts, strict=True)))


def test_seed_primary_and_number_each_change_the_showers():
    energies = [
        made(primary, 3, seed, first, **SMALL)[1]["true_energy"].tolist()
        for primary, seed, first in ((PROTON, 1, 0), (PROTON, 2, 0), (IRON, 1, 0), (PROTON, 1, GROUP))
    ]
    assert len({value for values in energies for value in values}) == 12


def test_ids_count_from_zero_within_a_run():
    _, events = made(PROTON, 25, first=10, cores_per_shower=2, **SMALL)
    assert events["event_id"].tolist() == list(range(50))
    assert events["shower_id"].tolist() == [i // 2 for i in range(50)]


def test_several_cores_see_one_shower_at_different_places():
    images, events = made(PROTON, 6, cores_per_shower=3, **SMALL)
    _, single = made(PROTON, 6, **SMALL)
    assert len(images) == 18
    assert events["true_energy"].reshape(6, 3).tolist() == np.repeat(single["true_energy"], 3).reshape(6, 3).tolist()
    assert len(np.unique(events["core_x"])) == 18
    total = images.sum(axis=(1, 2)).reshape(6, 3)
    # the same particles, but for those at the rim
    np.testing.assert_allclose(total, total.mean(axis=1, keepdims=True) * np.ones(3), rtol=0.25)
    assert not np.array_equal(images[0], images[1])


def test_muons_are_added_to_the_image_when_asked_for():
    without, events = made(IRON, 5, energy_scale=1.0, **SMALL)
    with_muons, same = made(IRON, 5, energy_scale=1.0, muons_in_image=True, **SMALL)
    assert events["muons"].tolist() == same["muons"].tolist() and (events["muons"] > 5).all()
    added = with_muons - without
    assert added.min() > -1e-5 * with_muons.max()
    cells_hit = (added > 0.05).sum(axis=(1, 2))  # a muon has its mass of 0.106 GeV at least
    assert (cells_hit <= events["muons"]).all() and (cells_hit > 0.8 * events["muons"]).all()


def test_the_energy_scale_is_a_factor():
    one, _ = made(PROTON, 5, energy_scale=1.0, **SMALL)
    other, _ = made(PROTON, 5, energy_scale=0.5, **SMALL)
    np.testing.assert_allclose(other, 0.5 * one, rtol=1e-6)


def test_the_fill_factor_is_the_share_of_particles_seen():
    settings = {"energy_min": 20_000.0, "energy_max": 20_000.0}
    full, everywhere = made(IRON, 10, **settings)
    half, there = made(IRON, 10, fill_factor=0.5, **settings)
    assert half.sum() / full.sum() == pytest.approx(0.5, abs=0.03)
    assert (half == 0).sum() > (full == 0).sum()
    assert everywhere["muons"].tolist() == there["muons"].tolist()  # the shower itself is the same


def test_without_an_offset_the_core_is_in_the_middle():
    _, events = made(PROTON, 3, core_offset=0.0, **SMALL)
    assert not events["core_x"].any() and not events["core_y"].any()


def test_a_lower_site_sees_less_energy():
    """At 2000 m there is 50 % more air above."""
    high, _ = made(IRON, 5, energy_min=40e3, energy_max=40e3)
    low, _ = made(IRON, 5, energy_min=40e3, energy_max=40e3, altitude=2000.0)
    assert low.sum() < 0.7 * high.sum()


def test_other_nuclei_stand_between_proton_and_iron():
    settings = {"energy_min": 40e3, "energy_max": 40e3}
    totals = [made(primary, 60, **settings)[0].sum() for primary in (PROTON, 402, 1407, 2814, IRON)]
    assert totals == sorted(totals, reverse=True)


def test_the_mean_particle_energy_is_that_of_the_particles():
    """Gamma ratios and lognormal energies, drawn, against the integral over NKG's distribution."""
    random = np.random.default_rng(9)
    for age in (0.9, 1.3, 1.7):
        radius = random.standard_gamma(age, 400_000) / random.standard_gamma(4.5 - 2 * age, 400_000)
        mean = surrogate.PARTICLE_ENERGY * np.mean(1 / (radius + surrogate.INNERMOST))
        assert float(surrogate.mean_particle_energy(np.array(age))) == pytest.approx(mean, rel=0.02)


def test_conversion_writes_what_the_run_makes(tmp_path):
    ticks = []
    run = Run(primary=PROTON, showers=30, seed=3)
    options = sources.make_options("surrogate", SMALL)
    number = sources.convert("surrogate", [run], tmp_path / "s.h5", options, lambda *tick: ticks.append(tick))
    assert number == 30 and ticks == [(666, 1000), (1000, 1000)]
    with open_showers(tmp_path / "s.h5") as file:
        assert np.array_equal(file["images"][:, 0], made(PROTON, 30, seed=3, **SMALL)[0].astype(np.float32))
        assert file["sources"]["file"][0] == b"surrogate primary=14 showers=30 seed=3 first=0"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": ["muons"]}, r"Channels \['muons'\] given; the surrogate makes `energy` only"),
        (
            {"energy_min": 5000.0, "energy_max": 4000.0},
            r"energy_min 5000.0 and energy_max 4000.0 GeV given; expected min",
        ),
        ({"energy_min": 0.0}, "energy_min 0.0"),
        ({"fill_factor": 1.5}, "fill_factor 1.5 given, expected more than 0 and at most 1"),
        ({"energy_scale": 0.0}, "energy_scale 0.0 given, expected more than 0"),
        ({"core_offset": -1.0}, "core_offset -1.0 given, expected at least 0"),
        ({"cores_per_shower": 0}, "cores_per_shower 0 given, expected at least 1"),
        ({"cores_per_shower": 3, "core_offset": 0.0}, "same image several times"),
        ({"altitude": 52e3}, "altitude 52000.0 given, expected at least 0 and at most 20000"),
    ],
)
def test_impossible_options_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        sources.make_options("surrogate", settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"primary": 13}, r"Primary 13 given; the surrogate knows \[14, 402, 1407, 2814, 5626\]"),
        ({"showers": -1}, "showers -1 given, expected at least 0"),
        ({"seed": -1}, "seed -1"),
        ({"first": -5}, "first -5"),
    ],
)
def test_impossible_runs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Run(**({"primary": 14, "showers": 1, "seed": 1} | changes))
