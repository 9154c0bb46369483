import numpy as np
import pytest

from cascada.data.particles import (
    BOOKKEEPING,
    ELECTROMAGNETIC,
    HADRON,
    MUON,
    OTHER,
    UNKNOWN,
    code_of_pdg,
    groups,
    masses,
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
        (66, 0, OTHER),
        (131, 1.77693, OTHER),
        (402, 3.7557, HADRON),  # 28 MeV of binding energy neglected
        (5626, 52.582, HADRON),
        (75, np.nan, BOOKKEEPING),
        (96, np.nan, BOOKKEEPING),
        (4, np.nan, UNKNOWN),
        (0, np.nan, UNKNOWN),
        (127, 2.1122, HADRON),
        (1299, np.nan, UNKNOWN),  # more protons than nucleons
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
        (1001002570, 0),  # fermium: no CORSIKA code has room for 257 nucleons
        (1000030020, 0),  # more protons than nucleons
        (-1000020040, 0),
        (9999999, 0),
    ],
)
def test_pdg_codes_become_corsika_codes(pdg, code):
    assert code_of_pdg(pdg) == code
