"""The hadronic cascade against CORSIKA's numbers: the table "What a test of the surrogate asserts", upper part.

Depths of maximum are read off profiles down to sea level: at 5200 m (538 g/cm²) half of the showers still grow.
References: QGSJetII-04 in GAP-2020-058, extrapolated; spreads in the form of arXiv:1301.6637; muons of the published
showers (M. J. Núñez Ruiz, Universidad de Granada, 2021); interactions of Sibyll 2.3d.
"""

import numpy as np
import pytest

from cascada.data import cascade

SEA_LEVEL = 1030.0  # g/cm²
PROTON, IRON = 1, 56
TEV = 1000.0  # GeV


def maxima(mass, energy, number, seed=1, step=20.0):
    """Depth of maximum [g/cm²] of each shower: a parabola through the three highest points of its profile."""
    found = []
    for start in range(0, number, 50):
        size = min(50, number - start)
        random = np.random.default_rng([seed, start])
        photons, _ = cascade.develop(cascade.primaries(mass, np.full(size, energy), random), SEA_LEVEL, random)
        depths = np.arange(100, SEA_LEVEL, step)
        profile = cascade.profile(photons, size, depths)
        top, rows = profile.argmax(axis=1).clip(1, len(depths) - 2), np.arange(size)
        before, at, after = (profile[rows, top + shift] for shift in (-1, 0, 1))
        shift = step / 2 * (before - after) / (before - 2 * at + after)
        # a shower that still grows at sea level has no maximum to interpolate
        found.append(depths[top] + np.clip(np.nan_to_num(shift), -step, step))
    return np.concatenate(found)


def muons(mass, energy, number, seed=2):
    """Number of muons within 160 m of the axis at 5200 m, for each shower."""
    random, ground = np.random.default_rng(seed), cascade.ground_depth(5200.0)
    _, found = cascade.develop(cascade.primaries(mass, np.full(number, energy), random), ground, random)
    return np.bincount(found.shower[np.hypot(*found.position.T) <= 160], minlength=number)


@pytest.fixture(scope="module")
def maximum():
    return {
        (PROTON, 10): maxima(PROTON, 10 * TEV, 400),
        (PROTON, 100): maxima(PROTON, 100 * TEV, 1000),
        (PROTON, 1000): maxima(PROTON, 1000 * TEV, 60),
        (IRON, 100): maxima(IRON, 100 * TEV, 60),
        (IRON, 1000): maxima(IRON, 1000 * TEV, 15),
    }


@pytest.fixture(scope="module")
def muon_number():
    return {
        (PROTON, 3.12): muons(PROTON, 3.12 * TEV, 200),
        (PROTON, 10): muons(PROTON, 10 * TEV, 200),
        (PROTON, 100): muons(PROTON, 100 * TEV, 200),
        (IRON, 40.4): muons(IRON, 40.4 * TEV, 40),
        (IRON, 100): muons(IRON, 100 * TEV, 40),
    }


@pytest.mark.parametrize(
    ("shower", "reference", "tolerance"),
    [
        ((PROTON, 100), 519, 25),
        ((PROTON, 1000), 573, 25),
        ((IRON, 100), 409, 30),
        ((IRON, 1000), 466, 30),
    ],
)
def test_mean_depth_of_maximum(maximum, shower, reference, tolerance):
    assert maximum[shower].mean() == pytest.approx(reference, abs=tolerance)


@pytest.mark.parametrize(("mass", "low", "high"), [(PROTON, 60, 100), (IRON, 17, 38)])
def test_spread_of_the_depth_of_maximum_at_100_tev(maximum, mass, low, high):
    assert low < maximum[mass, 100].std(ddof=1) < high


def test_elongation_of_protons(maximum):
    assert 45 < maximum[PROTON, 100].mean() - maximum[PROTON, 10].mean() < 70


def test_muons_of_an_iron_of_40_tev(muon_number):
    assert 330 < muon_number[IRON, 40.4].mean() < 560


def test_muons_of_a_proton_of_3_tev(muon_number):
    number = muon_number[PROTON, 3.12]
    assert 20 < number.mean() < 38
    assert 0.3 < number.std(ddof=1) / number.mean() < 0.55


def test_muon_number_rises_with_energy_by_the_right_power(muon_number):
    """N_μ ∝ E^β: 0.908 (KASCADE with QGSJet), 0.85 (Matthews 2005)."""
    assert 0.82 < np.log10(muon_number[PROTON, 100].mean() / muon_number[PROTON, 10].mean()) < 0.94


def test_iron_makes_more_muons_than_a_proton(muon_number):
    assert 1.3 < muon_number[IRON, 100].mean() / muon_number[PROTON, 100].mean() < 2.0


def collide(kind, energy, number, seed=3):
    zeros = np.zeros((number, 2))
    acting = cascade.Particles(
        np.arange(number), np.full(number, kind), np.full(number, energy), np.full(number, 100.0), zeros, zeros
    )
    return cascade.interact(acting, np.random.default_rng(seed))


def test_leading_nucleon_and_transverse_momentum():
    energy, number = 10 * TEV, 2000
    made, _ = collide(cascade.NUCLEON, energy, number)
    nucleon = made.kind == cascade.NUCLEON
    assert 0.30 < made.energy[nucleon].sum() / number / energy < 0.43
    fast = ~nucleon & (made.energy > 10)  # slow ones fly at angles where the slope is no measure of the momentum
    transverse = np.hypot(*made.slope[fast].T) * made.energy[fast]
    assert 0.30 < transverse.mean() < 0.42


@pytest.mark.parametrize(("kind", "share"), [(cascade.NUCLEON, 1 / 3), (cascade.PION, 0.27)])
def test_an_interaction_keeps_the_energy_and_a_third_of_the_mesons_is_neutral(kind, share):
    made, neutral = collide(kind, TEV, 500)
    kept = np.bincount(made.shower, made.energy, 500) / TEV
    assert (kept < 1 + 1e-9).all() and kept.mean() > 0.98  # mesons below their mass are not followed
    mesons = made.kind == cascade.PION
    leading_meson = 500 * (kind == cascade.PION)  # it may be neutral too
    assert neutral[mesons].mean() == pytest.approx(share, abs=0.02)
    assert not neutral[~mesons].any()
    assert mesons.sum() > leading_meson


def test_photons_of_a_pion_share_its_energy():
    random = np.random.default_rng(4)
    made, neutral = collide(cascade.NUCLEON, TEV, 200)
    pions = made[neutral]
    photons = cascade._photons(pions, 5200.0, random)
    one, other = np.split(photons.energy, 2)
    np.testing.assert_allclose(one + other, pions.energy)
    assert one.std() > 0 and (one / pions.energy).mean() == pytest.approx(0.5, abs=0.02)
    assert np.array_equal(photons.start[: len(one)], pions.depth)


def test_an_iron_frees_56_nucleons_of_equal_energy():
    random = np.random.default_rng(5)
    first = cascade.primaries(IRON, np.array([10 * TEV, 56 * TEV]), random)
    assert np.bincount(first.shower).tolist() == [56, 56]
    np.testing.assert_allclose(first.energy, np.where(first.shower == 0, 10 * TEV / 56, TEV))
    assert (first.depth > 0).all()


def test_a_third_of_the_nucleons_interact_where_they_are_freed():
    random = np.random.default_rng(6)
    first = cascade.primaries(IRON, np.full(200, 40 * TEV), random)
    # those that fly on have depths of their own, those that do not share theirs
    _, place, together = np.unique(
        np.stack([first.shower, first.depth]), axis=1, return_inverse=True, return_counts=True
    )
    assert (together[place] > 1).mean() == pytest.approx(0.35, abs=0.05)
    assert np.abs(first.slope * first.energy[:, None]).std() < cascade.FERMI_MOMENTUM


def test_protons_start_after_their_free_path():
    random = np.random.default_rng(7)
    first = cascade.primaries(PROTON, np.full(20_000, 100 * TEV), random)
    # σ of 331 mb in air
    assert first.depth.mean() == pytest.approx(24160 / 331, rel=0.03)


@pytest.mark.parametrize(
    ("kind", "energy", "millibarn"),
    [(cascade.NUCLEON, 100.0, 265.7), (cascade.NUCLEON, 1e5, 324.5), (cascade.PION, 1e3, 212.2)],
)
def test_cross_sections(kind, energy, millibarn):
    """On nitrogen, from the fits to Sibyll 2.3d; air has 1.02 to 1.03 of them."""
    assert 1.02 < float(cascade.cross_section(np.array(kind), np.array(energy))) / millibarn < 1.03


def test_showers_do_not_mix():
    """A shower of low energy beside one of high energy gets no muon and no photon of it."""
    random = np.random.default_rng(8)
    photons, found = cascade.develop(cascade.primaries(PROTON, np.array([1.0, 50 * TEV]), random), 538.0, random)
    assert np.bincount(photons.shower, photons.energy, 2)[0] <= 1.0
    assert (found.shower == 1).mean() > 0.9
