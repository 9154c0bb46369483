"""Time of a surrogate shower on one core, beside what NumPy alone needs to draw and to bin the same particles.

    python -m benchmarks.surrogate

Goal: at most 5 ms per shower and core, mean over the demonstration's mixture: half protons, half irons, log-uniform from
2.5 to 63 TeV. The bare part draws two Gamma variables, an angle and a normal variable for each particle that the same
showers have, and fills one histogram: no cascade, no physics.
"""

import time
from collections.abc import Callable

import numpy as np

from cascada.data import cascade
from cascada.data.format import IRON, PROTON
from cascada.data.sources import surrogate
from cascada.data.sources.surrogate import GROUP, Options, Run

GROUPS, REPEATS = 5, 5  # 100 showers of each class
GOAL = 5.0  # ms


def ages() -> list[np.ndarray]:
    """Return, for each group, the ages float32 (n,) of as many particles as the group's showers have at ground."""
    found, options = [], Options()
    ground = cascade.ground_depth(options.altitude)
    for primary in (PROTON, IRON):
        for group in range(GROUPS):
            hadrons, particles, *_ = (
                np.random.default_rng(s) for s in np.random.SeedSequence([1, primary, group]).spawn(4)
            )
            energies = np.exp(hadrons.uniform(np.log(options.energy_min), np.log(options.energy_max), GROUP))
            first = cascade.primaries(surrogate.PRIMARIES[primary], energies, hadrons)
            photons, _ = cascade.develop(first, ground, hadrons)
            number, age = surrogate.particle_numbers(photons, ground, options, particles)
            found.append(np.repeat(age.astype(np.float32), number))
    return found


def bare(all_ages: list[np.ndarray]) -> None:
    random = np.random.default_rng(1)
    for age in all_ages:
        radius = random.standard_gamma(age, dtype=np.float32)
        radius /= random.standard_gamma(4.5 - 2 * age, dtype=np.float32)
        angle = random.random(len(age), np.float32) * np.float32(2 * np.pi)
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        energy = np.exp(random.standard_normal(len(age), np.float32))
        cell = ((np.clip(x, -1, 0.99) + 1) * 40).astype(np.intp) * 80 + ((np.clip(y, -1, 0.99) + 1) * 40).astype(
            np.intp
        )
        np.bincount(cell, energy, 6400)


def simulate() -> None:
    for primary in (PROTON, IRON):
        for _ in surrogate.showers(Run(primary=primary, showers=GROUPS * GROUP, seed=1), Options()):
            pass


def milliseconds(function: Callable[[], None]) -> float:
    """Return the processor's time per shower: what a busy machine takes away does not count."""
    start = time.process_time()
    function()
    return 1000 * (time.process_time() - start) / (2 * GROUPS * GROUP)


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what, figure, goal."""
    all_ages = ages()
    simulate()  # tables, caches
    times = np.array([[milliseconds(simulate), milliseconds(lambda: bare(all_ages))] for _ in range(REPEATS)])
    ours, lower = np.median(times, axis=0)
    print(f"{np.mean([len(a) for a in all_ages]) / GROUP:.0f} particles per shower; medians of {REPEATS}")
    print(f"{'surrogate':<45} {'ms':>6} {'goal':>6}")
    print(f"{'a shower, image and muons included':<45} {ours:>6.2f} {GOAL:>6.2f}")
    print(f"{'NumPy alone: draw and bin the particles':<45} {lower:>6.2f}")
    print(f"{'ratio':<45} {np.median(times[:, 0] / times[:, 1]):>6.2f}")
    return [("surrogate shower [ms]", ours, GOAL)]


if __name__ == "__main__":
    main()
