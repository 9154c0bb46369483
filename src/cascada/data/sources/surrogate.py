"""Source `surrogate`: a fast toy cascade, not a replacement of CORSIKA.

A vectorised Monte Carlo of the hadronic cascade (data/cascade.py) whose π⁰ start parametrised electromagnetic sub-showers.
Known to be crude: no kaons, charm, photonuclear reactions, muon scattering or inclined showers; electromagnetic sub-showers
fluctuate by Poisson's law alone; one Molière radius; the absolute energy at ground is uncertain by 30 %.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.data import cascade
from cascada.data.format import CELL_SIZE, HALF_WIDTH, IMAGE_SIZE, new_events
from cascada.data.sources import Block, Progress
from cascada.errors import ConfigError

KIND = "surrogate"

MOLIERE_RADIUS = 130.0  # m at 5200 m
PARTICLE_ENERGY = 0.020  # GeV: mean energy of a particle at the Molière radius
PARTICLE_SPREAD = 0.9  # of the logarithm of a particle's energy
INNERMOST = 0.0046  # Molière radii, where the mean energy stops rising
SHOWERS_AT_ONCE = 20  # bounds the memory
MASSES = {14: 1, 402: 4, 1407: 14, 2814: 28, 5626: 56}  # CORSIKA code: mass number


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Settings of the surrogate: energies [GeV], altitude and core offset [m]."""

    channels: tuple[str, ...] = ("energy",)
    altitude: float = 5200.0
    energy_min: float = 2500.0
    energy_max: float = 63000.0
    muons_in_image: bool = False
    fill_factor: float = 1.0
    core_offset: float = 30.0
    energy_scale: float = 0.7
    cores_per_shower: int = 1

    def __post_init__(self):
        if tuple(self.channels) != ("energy",):
            raise ConfigError(f"channels: {list(self.channels)} given, the surrogate makes ['energy'] alone.")
        if not 0 < self.energy_min <= self.energy_max:
            raise ConfigError(f"energy_min {self.energy_min}, energy_max {self.energy_max}: 0 < min ≤ max is needed.")
        if not 0 < self.fill_factor <= 1:
            raise ConfigError(f"fill_factor: {self.fill_factor} given, above 0 to 1 is allowed.")
        if self.core_offset < 0 or self.energy_scale <= 0 or self.cores_per_shower < 1:
            raise ConfigError(
                "core_offset of at least 0, energy_scale above 0, cores_per_shower of at least 1 are needed."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A surrogate run: what stands in the place of a raw file."""

    primary: int
    showers: int
    seed: int
    block: int = 0

    def __str__(self) -> str:
        return f"surrogate primary={self.primary} showers={self.showers} seed={self.seed} block={self.block}"


def can_read(path: Path) -> bool:
    """A run is no file."""
    return False


def showers(run: Run, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Simulate a run in blocks that depend on nothing but the run and the options."""
    random = np.random.default_rng(np.random.SeedSequence([run.seed, run.primary, run.block]))
    for start in range(0, run.showers, SHOWERS_AT_ONCE):
        number = min(SHOWERS_AT_ONCE, run.showers - start)
        block = _simulate(run.primary, number, options, random)
        block.events["shower_id"] += start
        block.events["event_id"] += start * options.cores_per_shower
        yield block
        if progress:
            progress(start + number, run.showers)


def simulate(primary: int, number: int, seed: int, block: int, options: Options) -> Block:
    """Return all showers of a run at once: images float32 (number · cores, 1, 80, 80), events."""
    parts = list(showers(Run(primary=primary, showers=number, seed=seed, block=block), options))
    return Block(np.concatenate([p.images for p in parts]), np.concatenate([p.events for p in parts]))


def _simulate(primary: int, number: int, options: Options, random: np.random.Generator) -> Block:
    if primary not in MASSES:
        raise ConfigError(f"Primary {primary} given, the surrogate knows {sorted(MASSES)} (CORSIKA codes).")
    energies = np.exp(random.uniform(np.log(options.energy_min), np.log(options.energy_max), number))
    ground = cascade.ground_depth(options.altitude)
    neutral, muons = cascade.develop(cascade.primaries(MASSES[primary], energies, random), ground, random)
    shower, position, energy = particles_at_ground(neutral, ground, options, random)
    cores = options.cores_per_shower
    radius, angle = (
        np.sqrt(random.random((2, number, cores))) * [[[1]], [[0]]],
        random.uniform(0, 2 * np.pi, (number, cores)),
    )
    core = (options.core_offset * radius[0])[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    events = new_events(number * cores)
    events["shower_id"] = np.repeat(np.arange(number), cores)
    events["primary"], events["zenith"], events["azimuth"] = primary, 0, 0
    events["true_energy"] = np.repeat(energies, cores)
    images = np.empty((number, cores, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    count = np.empty((number, cores))
    for j in range(cores):
        images[:, j] = _image(shower, position + core[shower, j], energy, number)
        at = muons.position + core[muons.shower, j]
        inside = np.hypot(at[:, 0], at[:, 1]) <= HALF_WIDTH
        count[:, j] = np.bincount(muons.shower[inside], minlength=number)
        if options.muons_in_image:
            images[:, j] += _image(muons.shower, at, muons.energy, number)
    events["muons"] = count.ravel()
    events["core_x"], events["core_y"] = core[..., 0].ravel(), core[..., 1].ravel()
    return Block(images.reshape(-1, 1, IMAGE_SIZE, IMAGE_SIZE), events)


def particles_at_ground(
    sub_showers: cascade.Secondaries, ground: float, options: Options, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the particles of electromagnetic sub-showers: shower (n,), position (n, 2) [m], energy (n,) [GeV].

    The share of the energy that is left at depth t is Q(1 + b·t_max, b·t), b = 0.5 (PDG's gamma profile); the lateral
    distribution is NKG's with age s = 3t/(t + 2y), sampled exactly: r/r_M = z/(1 − z), z ~ Beta(s, 4.5 − 2s).
    """
    from scipy.special import gammaincc

    y, maximum = cascade.electromagnetic_maximum(sub_showers.energy)
    t = np.maximum((ground - sub_showers.start) / cascade.RADIATION_LENGTH, 1e-3)
    left = sub_showers.energy * gammaincc(1 + 0.5 * maximum, 0.5 * t) * options.energy_scale * options.fill_factor
    age = np.clip(3 * t / (t + 2 * y), 0.2, 2.1)
    number = random.poisson(left / mean_particle_energy(age))
    parent = np.repeat(np.arange(len(number)), number)
    z = random.beta(age[parent], 4.5 - 2 * age[parent])
    radius = z / np.maximum(1 - z, 1e-9)
    angle = random.uniform(0, 2 * np.pi, len(parent))
    offset = (MOLIERE_RADIUS * radius)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    energy = PARTICLE_ENERGY / (radius + INNERMOST) * random.lognormal(0, PARTICLE_SPREAD, len(parent))
    return sub_showers.shower[parent], sub_showers.position[parent] + offset, energy


def mean_particle_energy(age: np.ndarray) -> np.ndarray:
    """Mean energy [GeV] of a particle of a sub-shower of this age, over NKG's lateral distribution."""
    from scipy.special import betaln

    ages = np.linspace(0.2, 2.1, 96)
    # in u = z^s the integrand is smooth at the core, where the density of z is not
    u = (np.arange(2000) + 0.5) / 2000
    z = u[None, :] ** (1 / ages[:, None])
    density = (1 - z) ** (3.5 - 2 * ages[:, None]) / ages[:, None] / np.exp(betaln(ages, 4.5 - 2 * ages))[:, None]
    value = (density / (z / (1 - z) + INNERMOST)).mean(axis=1)
    return PARTICLE_ENERGY * np.exp(PARTICLE_SPREAD**2 / 2) * np.interp(age, ages, value)


def _image(shower: np.ndarray, position: np.ndarray, energy: np.ndarray, number: int) -> np.ndarray:
    """Sum energies into cells: float32 (number, 80, 80), row y, column x, the disc of 160 m alone."""
    inside = (position**2).sum(axis=1) <= HALF_WIDTH**2
    cell = np.minimum(((position[inside] + HALF_WIDTH) / CELL_SIZE).astype(np.int64), IMAGE_SIZE - 1)
    flat = (shower[inside] * IMAGE_SIZE + cell[:, 1]) * IMAGE_SIZE + cell[:, 0]
    sums = np.bincount(flat, energy[inside], number * IMAGE_SIZE**2)
    return sums.reshape(number, IMAGE_SIZE, IMAGE_SIZE).astype(np.float32)
