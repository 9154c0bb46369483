"""The surrogate: a fast toy cascade that stands in for CORSIKA and is not a substitute for it.

A vectorised Monte Carlo of the hadronic cascade (data/cascade.py) whose π⁰ start parametrised electromagnetic sub-showers.
Known to be crude: no kaons, charm, photonuclear reactions, muon scattering or inclined showers; electromagnetic sub-showers
fluctuate by Poisson's law alone; one Molière radius; the absolute energy at ground is uncertain by 30 %.

Showers are made in groups of GROUP with a seed of their own each, so that shower number n of a primary is the same
whatever the runs it is asked for in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cascada.core.errors import ConfigError
from cascada.core.options import check, option
from cascada.data import cascade
from cascada.data.format import HALF_WIDTH, IMAGE_SIZE, new_events
from cascada.data.interactions import RUNS, VARIANTS
from cascada.data.projection import cells, check_cores
from cascada.data.sources import Block, Progress

KIND = "surrogate"

MOLIERE_RADIUS = 130.0  # m at 5200 m
PARTICLE_ENERGY = 0.020  # GeV: mean energy of a particle near the Molière radius, before `energy_scale`
PARTICLE_SPREAD = 0.9  # of the logarithm of a particle's energy
INNERMOST = 0.0046  # Molière radii, where the mean energy stops rising
YOUNGEST, OLDEST = 0.2, 2.1  # ages beyond which NKG's distribution cannot be sampled
GROUP = 20  # showers made together: bounds the memory
PRIMARIES = {14: 1, 402: 4, 1407: 14, 2814: 28, 5626: 56}  # CORSIKA code: mass number


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    channels: tuple[str, ...] = option(("energy",), "channels of the images")
    altitude: float = option(5200.0, "observation altitude above sea level [m]", minimum=0, maximum=20000)
    energy_min: float = option(2500.0, "lowest energy of the log-uniform spectrum [GeV]", above=0)
    energy_max: float = option(63000.0, "highest energy of the log-uniform spectrum [GeV]", above=0)
    muons_in_image: bool = option(False, "add the muons' energies to the images; they are counted in any case")
    fill_factor: float = option(1.0, "share of the ground that detectors cover", above=0, maximum=1)
    core_offset: float = option(
        30.0, "radius of the disc in which random cores fall, the same for all primaries [m]", minimum=0
    )
    energy_scale: float = option(0.7, "factor on all energies at ground", above=0)
    cores_per_shower: int = option(1, "images made from one shower; splits keep them together", minimum=1)
    variant: str = option(
        "standard",
        "variant of the interaction model, moved within the spread of the models in use (docs/testing.md)",
        choices=("standard", "deep", "shallow", "muon_rich", "muon_poor", "wide", "narrow"),
    )

    def __post_init__(self):
        check(self)
        if tuple(self.channels) != ("energy",):
            raise ConfigError(
                f"Channels {list(self.channels)} given; the surrogate makes `energy` only. Set channels to [energy]."
            )
        if self.energy_min > self.energy_max:
            raise ConfigError(
                f"energy_min {self.energy_min} and energy_max {self.energy_max} GeV given; expected min ≤ max."
            )
        check_cores(self.core_offset, self.cores_per_shower)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A surrogate run: what stands in the place of a raw file."""

    primary: int = option(help="CORSIKA code or name of the primary")
    showers: int = option(help="how many showers", minimum=0)
    seed: int = option(help="seed; with primary and number it determines a shower", minimum=0)
    first: int = option(0, "number of the first shower: runs that share a seed need different ones", minimum=0)

    def __post_init__(self):
        if self.primary not in PRIMARIES:
            raise ConfigError(f"Primary {self.primary} given; the surrogate knows {sorted(PRIMARIES)} (CORSIKA codes).")
        check(self)

    def __str__(self) -> str:
        return f"surrogate primary={self.primary} showers={self.showers} seed={self.seed} first={self.first}"


def can_read(path: Path) -> bool:
    """A run is no file."""
    return False


def showers(run: Run, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    """Simulate a run, group by group: each shower depends on its number, primary, seed and the options alone."""
    for group in range(run.first // GROUP, -(-(run.first + run.showers) // GROUP)):
        start = max(run.first - group * GROUP, 0)
        stop = min(run.first + run.showers - group * GROUP, GROUP)
        block = simulate(run.primary, GROUP, seed_of(run, group, options), options)
        done = group * GROUP + start - run.first
        cores = options.cores_per_shower
        mine = slice(start * cores, stop * cores)
        block = Block(block.images[mine], block.events[mine])
        block.events["event_id"] = done * cores + np.arange(len(block.events))
        block.events["shower_id"] = block.events["event_id"] // cores
        block.events["run"] = run.seed + RUNS * VARIANTS[options.variant].number
        block.events["event"] = run.first + block.events["shower_id"]
        yield block
        if progress:
            progress(done + stop - start, run.showers)


def seed_of(run: Run, group: int, options: Options) -> list[int]:
    """What the random numbers of a group depend on; the standard's are those of the time before there were variants."""
    number = VARIANTS[options.variant].number
    return [run.seed, run.primary, group, *([number] if number else [])]


def simulate(primary: int, number: int, seed: list[int], options: Options) -> Block:
    """Return `number` showers made together: images float32 (number · cores, 1, 80, 80), events."""
    # a stream for each part: a switch that changes one of them leaves the others as they are
    hadrons, particles, places, tanks = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4))
    energies = np.exp(hadrons.uniform(np.log(options.energy_min), np.log(options.energy_max), number))
    ground = cascade.ground_depth(options.altitude)
    model = VARIANTS[options.variant]
    first = cascade.primaries(PRIMARIES[primary], energies, hadrons, model)
    neutral, muons = cascade.develop(first, ground, hadrons, model)
    shower, x, y, energy = particles_at_ground(neutral, ground, options, particles)
    cores = options.cores_per_shower
    core = _cores(number, options, places)
    seen = tanks.random(len(muons.energy)) < options.fill_factor
    images = np.empty((number, cores, IMAGE_SIZE, IMAGE_SIZE), np.float32)
    count = np.empty((number, cores))
    for j in range(cores):
        image = _image(shower, x + core[shower, j, 0], y + core[shower, j, 1], energy, number)
        at = (muons.position + core[muons.shower, j]).astype(np.float32)
        inside = (at * at).sum(axis=1) <= HALF_WIDTH**2
        count[:, j] = np.bincount(muons.shower[inside], minlength=number)
        if options.muons_in_image:
            muon_x, muon_y = at[seen].T
            image += _image(muons.shower[seen], muon_x, muon_y, muons.energy[seen], number)
        images[:, j] = options.energy_scale * image
    events = new_events(number * cores)
    events["shower_id"] = np.repeat(np.arange(number), cores)
    events["primary"], events["zenith"], events["azimuth"] = primary, 0, 0
    events["true_energy"] = np.repeat(energies, cores)
    events["muons"] = count.ravel()
    events["core_x"], events["core_y"] = core.reshape(-1, 2).T
    return Block(images.reshape(-1, 1, IMAGE_SIZE, IMAGE_SIZE), events)


def _cores(number: int, options: Options, random: np.random.Generator) -> np.ndarray:
    """Return cores float32 (number, cores, 2) [m], uniform in a disc."""
    distance, turn = random.random((2, number, options.cores_per_shower))
    distance, angle = options.core_offset * np.sqrt(distance), 2 * np.pi * turn
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=-1).astype(np.float32)


def particles_at_ground(
    sub_showers: cascade.Secondaries, ground: float, options: Options, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw the particles of electromagnetic sub-showers that a core could bring onto the array.

    Returns shower (n,), x, y float32 (n,) [m] from the axis, energy float32 (n,) [GeV], without `energy_scale`.

    The lateral distribution is NKG's, sampled exactly: r/r_M = z/(1 − z), z ~ Beta(s, 4.5 − 2s), is a ratio of two Gamma
    variables. Energies scatter around their mean at r like a lognormal variable of mean 1.
    """
    number, age = particle_numbers(sub_showers, ground, options, random)
    parent = np.repeat(np.arange(len(number)), number)
    age = age.astype(np.float32)[parent]
    # single precision throughout: these arrays are the cost of a shower
    radius = random.standard_gamma(age, dtype=np.float32)
    radius /= np.maximum(random.standard_gamma(4.5 - 2 * age, dtype=np.float32), 1e-9)
    reach = HALF_WIDTH + options.core_offset + np.hypot(*sub_showers.position.T)
    near = np.flatnonzero(radius <= (reach / MOLIERE_RADIUS).astype(np.float32)[parent])
    radius, parent = radius[near], parent[near]
    angle = random.random(len(near), np.float32) * np.float32(2 * np.pi)
    at_x, at_y = sub_showers.position.T.astype(np.float32)
    distance = radius * np.float32(MOLIERE_RADIUS)
    x, y = at_x[parent] + distance * np.cos(angle), at_y[parent] + distance * np.sin(angle)
    logarithm = random.standard_normal(len(near), np.float32) * np.float32(PARTICLE_SPREAD)
    energy = np.exp(logarithm - np.float32(PARTICLE_SPREAD**2 / 2))
    energy *= PARTICLE_ENERGY
    energy /= radius + np.float32(INNERMOST)
    return sub_showers.shower[parent], x, y, energy


def particle_numbers(
    sub_showers: cascade.Secondaries, ground: float, options: Options, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw how many particles each sub-shower has at ground (n,); return its age s = 3t/(t + 2y) too.

    The share of the energy that is left at depth t is Q(1 + b·t_max, b·t), b = 0.5 (PDG's gamma profile).
    """
    from scipy.special import gammaincc

    y, maximum = cascade.electromagnetic_maximum(sub_showers.energy)
    t = np.maximum((ground - sub_showers.start) / cascade.RADIATION_LENGTH, 1e-3)
    left = sub_showers.energy * gammaincc(1 + 0.5 * maximum, 0.5 * t) * options.fill_factor
    age = np.clip(3 * t / (t + 2 * y), YOUNGEST, OLDEST)
    return random.poisson(left / mean_particle_energy(age)), age


def mean_particle_energy(age: np.ndarray) -> np.ndarray:
    """Mean energy [GeV] of a particle of a sub-shower of this age, over NKG's lateral distribution."""
    return np.interp(age, *_mean_energies())


@cache
def _mean_energies() -> tuple[np.ndarray, np.ndarray]:
    """Return ages and the mean energy [GeV] of a particle at each."""
    from scipy.special import betaln

    ages = np.linspace(YOUNGEST, OLDEST, 96)
    # in u = z^s the integrand is smooth at the core, where the density of z is not
    u = (np.arange(2000) + 0.5) / 2000
    z = u[None, :] ** (1 / ages[:, None])
    density = (1 - z) ** (3.5 - 2 * ages[:, None]) / ages[:, None] / np.exp(betaln(ages, 4.5 - 2 * ages))[:, None]
    return ages, PARTICLE_ENERGY * (density / (z / (1 - z) + INNERMOST)).mean(axis=1)


def _image(shower: np.ndarray, x: np.ndarray, y: np.ndarray, energy: np.ndarray, number: int) -> np.ndarray:
    """Sum energies into cells: float64 (number, 80, 80), row y, column x, the disc of 160 m alone."""
    inside = np.flatnonzero(x * x + y * y <= HALF_WIDTH**2)
    flat = shower[inside] * IMAGE_SIZE**2 + cells(x[inside], y[inside])
    sums = np.bincount(flat, energy[inside], number * IMAGE_SIZE**2)
    return sums.reshape(number, IMAGE_SIZE, IMAGE_SIZE)
