"""CORSIKA's particle codes: mass and group of each, and the translation of PDG codes (CORSIKA 8) into them.

Codes: Heck and Pierog, "Extensive Air Shower Simulation with CORSIKA: A User's Guide", table 4. Masses [GeV]: Particle
Data Group, Review of Particle Physics 2022. A nucleus A * 100 + Z weighs as much as its nucleons; the binding energy,
under one per cent of the mass, is neglected.
"""

import numpy as np

OTHER, ELECTROMAGNETIC, MUON, HADRON, BOOKKEEPING, UNKNOWN = range(6)

ELECTRON, PROTON_MASS, NEUTRON_MASS = 0.00051099895, 0.93827209, 0.93956542
# rows that repeat a muon with its production (MUADDI: 75, 76; EHISTORY: 85, 86, 95, 96): no particles at ground
BOOKKEEPING_CODES = (75, 76, 85, 86, 95, 96)
NEUTRINOS = (66, 67, 68, 69, 133, 134)
CODES = 10_000

# fmt: off
_MASSES = {
    1: 0.0, 2: ELECTRON, 3: ELECTRON, 5: 0.1056583755, 6: 0.1056583755,
    7: 0.1349768, 8: 0.13957039, 9: 0.13957039, 10: 0.497611, 11: 0.493677, 12: 0.493677,  # pions, kaons
    13: NEUTRON_MASS, 14: PROTON_MASS, 15: PROTON_MASS, 16: 0.497611, 17: 0.547862,
    18: 1.115683, 19: 1.18937, 20: 1.192642, 21: 1.197449, 22: 1.31486, 23: 1.32171, 24: 1.67245,  # hyperons
    25: NEUTRON_MASS, 26: 1.115683, 27: 1.18937, 28: 1.192642, 29: 1.197449, 30: 1.31486, 31: 1.32171, 32: 1.67245,
    48: 0.95778, 49: 1.019461, 50: 0.78266, 51: 0.77526, 52: 0.77526, 53: 0.77526,  # resonances
    **dict.fromkeys(range(54, 62), 1.232), 62: 0.89555, 63: 0.89167, 64: 0.89167, 65: 0.89555,
    **dict.fromkeys(NEUTRINOS, 0.0), 131: 1.77693, 132: 1.77693,
    116: 1.86484, 117: 1.86966, 118: 1.86966, 119: 1.86484, 120: 1.96835, 121: 1.96835,  # charm
    122: 2.9841, 123: 2.00685, 124: 2.01026, 125: 2.01026, 126: 2.00685, 127: 2.1122, 128: 2.1122, 130: 3.0969,
    137: 2.28646, 138: 2.46771, 139: 2.47044, 140: 2.45397, 141: 2.45265, 142: 2.45375, 143: 2.5782, 144: 2.5787,
    145: 2.6952, 149: 2.28646, 150: 2.46771, 151: 2.47044, 152: 2.45397, 153: 2.45265, 154: 2.45375, 155: 2.5782,
    156: 2.5787, 157: 2.6952,
}
_CODE_OF_PDG = {
    22: 1, -11: 2, 11: 3, -13: 5, 13: 6, 111: 7, 211: 8, -211: 9, 130: 10, 321: 11, -321: 12, 2112: 13, 2212: 14,
    -2212: 15, 310: 16, 221: 17, 3122: 18, 3222: 19, 3212: 20, 3112: 21, 3322: 22, 3312: 23, 3334: 24, -2112: 25,
    -3122: 26, -3222: 27, -3212: 28, -3112: 29, -3322: 30, -3312: 31, -3334: 32, 331: 48, 333: 49, 223: 50,
    113: 51, 213: 52, -213: 53, 12: 66, -12: 67, 14: 68, -14: 69, -15: 131, 15: 132, 16: 133, -16: 134,
    421: 116, 411: 117, -411: 118, -421: 119, 431: 120, -431: 121, 4122: 137, -4122: 149,
}
# fmt: on


def masses() -> np.ndarray:
    """Return the mass [GeV] of each code, float32 (CODES,): NaN where there is no such particle."""
    table = np.full(CODES, np.nan)
    table[list(_MASSES)] = list(_MASSES.values())
    nucleons, protons = np.divmod(np.arange(200, CODES), 100)
    weight = protons * PROTON_MASS + (nucleons - protons) * NEUTRON_MASS
    table[200:] = np.where(protons <= nucleons, weight, np.nan)
    return table.astype(np.float32)


def groups() -> np.ndarray:
    """Return the group of each code, uint8 (CODES,). Neutrinos and tau leptons are OTHER."""
    table = np.where(np.isnan(masses()), UNKNOWN, HADRON)
    table[[1, 2, 3]] = ELECTROMAGNETIC
    table[[5, 6]] = MUON
    table[[*NEUTRINOS, 131, 132]] = OTHER
    table[list(BOOKKEEPING_CODES)] = BOOKKEEPING
    return table.astype(np.uint8)


def code_of_pdg(pdg: int) -> int:
    """Return CORSIKA's code of a PDG code, 0 if it has none. Nuclei are 10LZZZAAAI."""
    if abs(pdg) < 1_000_000_000:
        return _CODE_OF_PDG.get(pdg, 0)
    nucleons, protons = pdg // 10 % 1000, pdg // 10_000 % 1000
    if pdg < 0 or not max(protons, 1) <= nucleons < 100:
        return 0
    if nucleons == 1:
        return 14 if protons else 13
    return nucleons * 100 + protons
