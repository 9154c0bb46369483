"""Masses and groups of particles, by CORSIKA's codes (CORSIKA 7) and by PDG codes (CORSIKA 8).

Both tables are those of the library `particle` (scikit-hep, after the Particle Data Group's Review); it is imported where
a table is made, once in a process. Nuclei are A * 100 + Z in CORSIKA (Heck and Pierog, "Extensive Air Shower Simulation
with CORSIKA: A User's Guide", table 4) and 10LZZZAAAI in the PDG's scheme; a nucleus weighs as much as its nucleons: the
binding energy, under one per cent of the mass, is neglected.
"""

from functools import cache

import numpy as np

# in this order: what enters the images, what else is a particle of the file, what is none
OTHER, ELECTROMAGNETIC, MUON, HADRON, NEUTRINO, ELSEWHERE, BOOKKEEPING, EMPTY, UNKNOWN, IMPOSSIBLE = range(10)
FIRST_LEFT_OUT, FIRST_NO_PARTICLE = NEUTRINO, BOOKKEEPING

PROTON_MASS, NEUTRON_MASS = 0.93827209, 0.93956542
# rows that repeat a muon with its production (MUADDI: 75, 76; EHISTORY: 85, 86, 95, 96): no particles at ground
BOOKKEEPING_CODES = (75, 76, 85, 86, 95, 96)
ETA_CODES = (71, 72, 73, 74)  # an η that was marked with its way to decay
ETA = 221
FIRST_NUCLEUS, MOST_NUCLEONS = 200, 59  # CORSIKA's nuclei; from code 6000 on there are none, 9900 is Cherenkov light
CODES = 100 * (MOST_NUCLEONS + 1)


def masses() -> np.ndarray:
    """Return the mass [GeV] of each of CORSIKA's codes, float32 (CODES,): NaN where there is no such particle."""
    return _tables()[0].copy()


def groups() -> np.ndarray:
    """Return the group of each of CORSIKA's codes, uint8 (CODES,)."""
    return _tables()[1].copy()


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    mass, group = np.full(CODES, np.nan, np.float32), np.full(CODES, UNKNOWN, np.uint8)
    for code, pdg in _pdg_of_code().items():
        mass[code], group[code] = of_pdg(pdg)
    nucleons, protons = np.divmod(np.arange(FIRST_NUCLEUS, CODES), 100)
    known = (protons >= 1) & (protons <= nucleons)
    mass[FIRST_NUCLEUS:] = np.where(known, _nuclear_mass(nucleons, protons), np.nan)
    group[FIRST_NUCLEUS:] = np.where(known, HADRON, UNKNOWN)
    group[list(BOOKKEEPING_CODES)] = BOOKKEEPING
    return mass, group


def _nuclear_mass(nucleons, protons):
    return protons * PROTON_MASS + (nucleons - protons) * NEUTRON_MASS


@cache
def _pdg_of_code() -> dict[int, int]:
    """Return the PDG code of each of CORSIKA's codes of elementary particles."""
    from particle import Corsika7ID, InvalidParticle
    from particle.exceptions import MatchingIDNotFound

    found = dict.fromkeys(ETA_CODES, ETA)
    for code in range(1, FIRST_NUCLEUS):
        try:
            found[code] = int(Corsika7ID(code).to_pdgid())
        except (
            InvalidParticle,
            MatchingIDNotFound,
        ):  # codes that the table leaves free, and rows that are no particles
            continue
    return found


@cache
def _code_of_pdg() -> dict[int, int]:
    return {pdg: code for code, pdg in _pdg_of_code().items() if code not in ETA_CODES}


@cache
def of_pdg(pdg: int) -> tuple[float, int]:
    """Return mass [GeV] and group of a PDG code: NaN and UNKNOWN if it names nothing that can reach the ground.

    Tau leptons are OTHER.
    """
    from particle import PDGID, InvalidParticle, Particle, ParticleNotFound

    kind = PDGID(pdg)
    if kind.is_nucleus and abs(pdg) >= 1_000_000_000:
        known = kind.A is not None and kind.A >= 1 and 0 <= abs(kind.Z) <= kind.A and (kind.Z or kind.A == 1)
        return (float(_nuclear_mass(kind.A, abs(kind.Z))), HADRON) if known else (np.nan, UNKNOWN)
    if kind.abspid in (12, 14, 16):
        return 0.0, NEUTRINO
    group = {11: ELECTROMAGNETIC, 13: MUON, 15: OTHER, 22: ELECTROMAGNETIC}.get(int(kind.abspid or 0))
    if pdg == -22 or (group is None and not kind.is_hadron):
        return np.nan, UNKNOWN
    try:
        mass = Particle.from_pdgid(pdg).mass
    except (ParticleNotFound, InvalidParticle):
        mass = None
    return (np.nan, UNKNOWN) if mass is None else (mass / 1000, HADRON if group is None else group)


def code_of_pdg(pdg: int) -> int:
    """Return CORSIKA's code of a PDG code, 0 if it has none. Nuclei are 10LZZZAAAI."""
    if abs(pdg) < 1_000_000_000:
        return _code_of_pdg().get(pdg, 0)
    nucleons, protons = pdg // 10 % 1000, pdg // 10_000 % 1000
    if pdg < 0 or not max(protons, 1) <= nucleons <= MOST_NUCLEONS:
        return 0
    if nucleons == 1:
        return 14 if protons else 13
    return nucleons * 100 + protons if protons else 0
