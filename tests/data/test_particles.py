import numpy as np
import pytest

from cascada.data.particles import (
    BOOKKEEPING,
    ELECTROMAGNETIC,
    HADRON,
    MUON,
    NEUTRINO,
    OTHER,
    UNKNOWN,
    code_of_pdg,
    groups,
    masses,
    of_pdg,
)


@pytest.mark.parametrize(
    ("code", "mass", "group"),
    [
        (1, 0, ELECTROMAGNETIC),
        (2, 0.000511, ELECTROMAGNETIC),
        (3, 0.000511, ELECTROMAGNETIC),
        (5, 0.105658, MUON),
        (6, 0.105658, MUON),
        (8, 0.139570, HADRON),
        (13, 0.939565, HADRON),
        (14, 0.938272, HADRON),
        (66, 0, NEUTRINO),
        (133, 0, NEUTRINO),
        (71, 0.547862, HADRON),  # η, marked with its way to decay
        (161, 2.51841, HADRON),  # Σc*++
        (173, 2.51848, HADRON),
        (176, 5.27972, HADRON),  # B0
        (195, 6.0458, HADRON),
        (131, 1.77693, OTHER),
        (402, 3.7557, HADRON),  # 28 MeV of binding energy neglected
        (5626, 52.582, HADRON),
        (75, np.nan, BOOKKEEPING),
        (96, np.nan, BOOKKEEPING),
        (4, np.nan, UNKNOWN),
        (0, np.nan, UNKNOWN),
        (127, 2.1122, HADRON),
        (1299, np.nan, UNKNOWN),  # more protons than nucleons
        (400, np.nan, UNKNOWN),  # four neutrons
        (5999, np.nan, UNKNOWN),
    ],
)
def test_mass_and_group_of_a_code(code, mass, group):
    assert masses()[code] == pytest.approx(mass, abs=1e-3, nan_ok=True)
    assert groups()[code] == group


def test_particles_and_antiparticles_weigh_the_same():
    table = masses()
    pairs = [(13, 25), (14, 15), (18, 26), (19, 27), (21, 29), (22, 30), (23, 31), (24, 32), (117, 118), (137, 149)]
    for particle, antiparticle in pairs:
        assert table[particle] == table[antiparticle]


@pytest.mark.parametrize(
    ("pdg", "code"),
    [
        (22, 1),
        (-11, 2),
        (11, 3),
        (-13, 5),
        (13, 6),
        (211, 8),
        (2112, 13),
        (2212, 14),
        (-2212, 15),
        (1000010010, 14),
        (1000000010, 13),
        (1000010020, 201),
        (1000020040, 402),
        (1000260560, 5626),
        (4232, 138),
        (511, 176),
        (221, 17),  # the η itself, not a marked one
        (1001002570, 0),  # fermium: no CORSIKA code has room for 257 nucleons
        (1000030020, 0),  # more protons than nucleons
        (-1000020040, 0),
        (9999999, 0),
    ],
)
def test_pdg_codes_become_corsika_codes(pdg, code):
    assert code_of_pdg(pdg) == code


@pytest.mark.parametrize(
    ("pdg", "mass", "group"),
    [
        (22, 0, ELECTROMAGNETIC),
        (-13, 0.105658, MUON),
        (16, 0, NEUTRINO),
        (-15, 1.77693, OTHER),
        (111, 0.134977, HADRON),
        (311, 0.497611, HADRON),  # K0, of which CORSIKA knows only the long-lived and the short-lived
        (511, 5.27972, HADRON),
        (4232, 2.46779, HADRON),
        (1000020040, 3.75568, HADRON),
        (-1000020040, 3.75568, HADRON),
        (1000000040, np.nan, UNKNOWN),  # four neutrons
        (1000020010, np.nan, UNKNOWN),
        (1, np.nan, UNKNOWN),  # a quark
        (9999999, np.nan, UNKNOWN),
        (0, np.nan, UNKNOWN),
        (-22, np.nan, UNKNOWN),
        (-(2**31), np.nan, UNKNOWN),
    ],
)
def test_mass_and_group_of_a_pdg_code(pdg, mass, group):
    assert of_pdg(pdg)[0] == pytest.approx(mass, abs=1e-4, nan_ok=True)
    assert of_pdg(pdg)[1] == group
