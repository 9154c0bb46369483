"""The surrogate's hadronic cascade: nucleons, pions and muons of vertical showers, generation by generation.

A fast toy cascade, not a replacement of CORSIKA: no kaons, charm, photonuclear reactions or muon scattering; the photons
of π⁰ are handed on: they start electromagnetic sub-showers. All particles of many showers move on together in NumPy arrays.
Energies in GeV, depths in g/cm², lengths in m.
"""

from dataclasses import dataclass

import numpy as np

from cascada.data.atmosphere import depth, height
from cascada.data.interactions import STANDARD, Interactions

NUCLEON, PION = 0, 1
NUCLEON_LENGTH = 24160.0  # g/cm² · mb: mean free path times cross-section in air
NITROGEN_TO_AIR = 1.025  # ratio of inelastic cross-sections, 1.02 to 1.03
IRON_LENGTH = 13.0  # g/cm²
PION_CRITICAL = 115.0  # GeV, the energy at which decay and interaction balance in a vertical shower
MUON_MASS, MUON_LIFETIME, MUON_LOSS = 0.10566, 658.6, 0.0022  # GeV, cτ [m], GeV per g/cm²
FERMI_MOMENTUM = 0.090  # GeV/c per axis
RADIATION_LENGTH, CRITICAL_ENERGY = 36.7, 0.086  # g/cm², GeV: of electromagnetic sub-showers
SMALLEST_ENERGY = 0.3  # GeV, below which a hadron is not followed


@dataclass(slots=True)
class Particles:
    """Hadrons where they were made: shower (n,), kind, energy, depth, position and slope at that depth (n, 2)."""

    shower: np.ndarray
    kind: np.ndarray
    energy: np.ndarray
    depth: np.ndarray
    position: np.ndarray
    slope: np.ndarray

    def __getitem__(self, chosen) -> "Particles":
        return Particles(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(slots=True)
class Secondaries:
    """What reaches the ground or starts a sub-shower: `start` is the depth where it was made.

    `position` (n, 2) is where its direction meets the ground, relative to the shower's axis.
    """

    shower: np.ndarray
    energy: np.ndarray
    start: np.ndarray
    position: np.ndarray


def cross_section(kind: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Inelastic cross-section in air [mb]: fits to Sibyll 2.3d on nitrogen, L = lg(E/GeV) − 2, times NITROGEN_TO_AIR."""
    logarithm = np.log10(np.maximum(energy, 1.0)) - 2
    nucleon = 265.7 + 7.6 * logarithm + 4.0 * logarithm**2
    pion = 200.9 + 5.0 * logarithm + 6.3 * logarithm**2
    return NITROGEN_TO_AIR * np.where(kind == NUCLEON, nucleon, pion)


def free_path(kind: np.ndarray, energy: np.ndarray, model: Interactions) -> np.ndarray:
    """Mean free path in air [g/cm²]."""
    return NUCLEON_LENGTH / (model.cross_section * cross_section(kind, energy))


def primaries(
    mass: int, energies: np.ndarray, random: np.random.Generator, model: Interactions = STANDARD
) -> Particles:
    """The nucleons of primaries of mass number `mass` and energies (n,), where each interacts first.

    A nucleus breaks up along a chain of fragments; of the nucleons that a collision frees 35 % interact there and the others
    fly on (superposition with a first interaction of the nucleus).
    """
    showers = np.arange(len(energies))
    if mass == 1:
        start = random.exponential(free_path(np.zeros(len(energies), int), energies, model))
        return _nucleons(showers, energies, start, np.zeros((len(energies), 2)))
    fragment, x = np.full(len(energies), mass), np.zeros(len(energies))
    parts = []
    while (alive := fragment > 0).any():
        length = IRON_LENGTH * (56 / np.maximum(fragment, 1)) ** (2 / 3) / model.cross_section
        x = x + random.exponential(length)
        kept = np.floor(fragment * random.uniform(0.2, 0.9, len(fragment))).astype(int)
        kept[kept < 4] = 0
        freed = np.where(alive, fragment - kept, 0)
        shower = np.repeat(showers, freed)
        at_once = random.random(len(shower)) < 0.35
        energy = energies[shower] / mass
        further = random.exponential(free_path(np.zeros(len(shower), int), energy, model))
        start = x[shower] + np.where(at_once, 0.0, further)
        slope = random.normal(0, FERMI_MOMENTUM, (len(shower), 2)) / energy[:, None]
        parts.append(_nucleons(shower, energy, start, slope))
        fragment = np.where(alive, kept, 0)
    return _join(parts)


def _nucleons(shower, energy, start, slope, position=None) -> Particles:
    position = np.zeros((len(shower), 2)) if position is None else position
    return Particles(shower, np.full(len(shower), NUCLEON), energy, start, position, slope)


def _join(parts: list[Particles]) -> Particles:
    return Particles(*(np.concatenate([getattr(part, name) for part in parts]) for name in Particles.__slots__))


def develop(
    first: Particles, ground: float, random: np.random.Generator, model: Interactions = STANDARD
) -> tuple[Secondaries, Secondaries]:
    """Follow all hadrons to their end. `first` stand where they interact; `ground` is the observation depth.

    Returns the photons of the π⁰, which start sub-showers, and the muons at ground (with the energy that is left).
    """
    ground_height = float(height(np.array([ground]))[0])
    neutral, muons = [], []
    acting = first[first.depth < ground]
    while len(acting.energy):
        made, is_neutral = interact(acting, random, model)
        neutral.append(_photons(made[is_neutral], ground_height, random))
        charged = made[~is_neutral]
        charged = charged[charged.energy > SMALLEST_ENERGY]
        nucleon = charged.kind == NUCLEON
        end = charged.depth + random.exponential(free_path(charged.kind, charged.energy, model))
        # beyond e^50 no pion decays above ground
        decay = charged.depth * np.exp(np.minimum(random.exponential(charged.energy / PION_CRITICAL), 50.0))
        decays = ~nucleon & (decay < end)
        end = np.where(decays, decay, end)
        muons.append(_muons(charged[decays], end[decays], ground, ground_height, random))
        goes_on = ~decays & (end < ground)
        acting = _move(charged[goes_on], end[goes_on])
    return _join_secondaries(neutral), _join_secondaries(muons)


def interact(
    acting: Particles, random: np.random.Generator, model: Interactions = STANDARD
) -> tuple[Particles, np.ndarray]:
    """Collide each hadron with a nucleus of air: return all that is made, and which of it are π⁰.

    Leading nucleon x ~ Beta(1.2, 2.0), leading meson x ~ Beta(0.8, 2.4); Poisson[13.5 (E/100 GeV)^0.24 √(1−x)] pions share
    the rest as Dirichlet(0.35); π⁰ are 1/3 (0.27 with a pion projectile); pT ~ Gamma(2, 0.175 GeV). A model's factors move these.
    """
    number = len(acting.energy)
    nucleon = acting.kind == NUCLEON
    of_nucleon, of_meson = (2.0 / model.elasticity, 2.4 / model.elasticity)
    leading = np.where(nucleon, random.beta(1.2, of_nucleon, number), random.beta(0.8, of_meson, number))
    mean = model.multiplicity * 13.5 * (acting.energy / 100) ** 0.24 * np.sqrt(1 - leading)
    pions = np.maximum(random.poisson(mean), 2)
    parent = np.repeat(np.arange(number), pions)
    shares = random.standard_gamma(0.35, len(parent))
    total = np.bincount(parent, shares, number)
    energy = (acting.energy * (1 - leading) / np.maximum(total, 1e-300))[parent] * shares
    parent = np.concatenate([np.arange(number), parent])
    energy = np.concatenate([acting.energy * leading, energy])
    kind = np.concatenate([acting.kind, np.full(len(energy) - number, PION)])
    neutral_share = (model.neutral * np.where(nucleon, 1 / 3, 0.27))[parent]
    is_neutral = (random.random(len(energy)) < neutral_share) & (kind == PION)
    keep = energy > 0.14
    parent, energy, kind, is_neutral = parent[keep], energy[keep], kind[keep], is_neutral[keep]
    transverse = random.gamma(2, 0.175 * model.transverse, len(energy))
    angle = random.uniform(0, 2 * np.pi, len(energy))
    kick = np.minimum(transverse / energy, 1.0)
    slope = acting.slope[parent] + kick[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    made = Particles(acting.shower[parent], kind, energy, acting.depth[parent], acting.position[parent], slope)
    return made, is_neutral


def _move(particles: Particles, end: np.ndarray) -> Particles:
    way = height(particles.depth) - height(end)
    position = particles.position + particles.slope * way[:, None]
    return Particles(particles.shower, particles.kind, particles.energy, end, position, particles.slope)


def _photons(pions: Particles, ground_height: float, random: np.random.Generator) -> Secondaries:
    """Both photons of each π⁰, which shares its energy evenly at random between them and decays at once.

    A shower of one photon with all of the energy would have its maximum 18 g/cm² deeper. The photons keep the direction:
    their opening angle is small beside the one that the transverse momentum gives.
    """
    way = height(pions.depth) - ground_height
    position = pions.position + pions.slope * way[:, None]
    one = pions.energy * random.random(len(pions.energy))
    energy = np.concatenate([one, pions.energy - one])
    return Secondaries(np.tile(pions.shower, 2), energy, np.tile(pions.depth, 2), np.tile(position, (2, 1)))


def _muons(pions: Particles, end: np.ndarray, ground: float, ground_height: float, random) -> Secondaries:
    """Muons of decayed pions that reach the ground: energy U(0.573, 1) of the pion's, loss, survival."""
    pions = pions[above := end < ground]
    end = end[above]
    energy = random.uniform(0.573, 1, len(end)) * pions.energy
    left = energy - MUON_LOSS * (ground - end)
    way = height(end) - ground_height
    mean_energy = np.maximum((energy + left) / 2, MUON_MASS)
    arrives = (left > MUON_MASS) & (random.random(len(end)) < np.exp(-way * MUON_MASS / (mean_energy * MUON_LIFETIME)))
    position = pions.position + pions.slope * (height(pions.depth) - ground_height)[:, None]
    return Secondaries(pions.shower[arrives], left[arrives], end[arrives], position[arrives])


def _join_secondaries(parts: list[Secondaries]) -> Secondaries:
    if not parts:
        return Secondaries(np.zeros(0, int), np.zeros(0), np.zeros(0), np.zeros((0, 2)))
    return Secondaries(*(np.concatenate([getattr(part, name) for part in parts]) for name in Secondaries.__slots__))


def profile(sub_showers: Secondaries, showers: int, depths: np.ndarray) -> np.ndarray:
    """Energy deposit per radiation length, summed over each shower's sub-showers, at depths (d,): (showers, d)."""
    from scipy.special import gammaln

    total = np.zeros((showers, len(depths)))
    power = 0.5 * electromagnetic_maximum(sub_showers.energy)[1]
    factor = np.log(0.5 * sub_showers.energy) - gammaln(1 + power)
    for column, x in enumerate(depths):
        begun = np.flatnonzero(sub_showers.start < x)
        t = 0.5 * (x - sub_showers.start[begun]) / RADIATION_LENGTH
        deposit = np.exp(factor[begun] + power[begun] * np.log(t) - t)
        total[:, column] = np.bincount(sub_showers.shower[begun], deposit, showers)
    return total


def electromagnetic_maximum(energy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y = ln(E/86 MeV), at least 0, and the depth of the maximum y + 0.5 in radiation lengths."""
    y = np.maximum(np.log(energy / CRITICAL_ENERGY), 0.0)
    return y, y + 0.5


def ground_depth(altitude: float) -> float:
    return float(depth(altitude))
