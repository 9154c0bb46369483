"""A physicist's description of a shower: a dozen numbers with a meaning and a name, from the image alone.

| name            | what it is                                                                                                |
|-----------------|-----------------------------------------------------------------------------------------------------------|
| `size`          | lg of the energy at ground [GeV]                                                                            |
| `density_50m`   | lg ρ(50 m) [GeV/m²] of the fitted lateral distribution                                                      |
| `slope`         | its slope, d lg ρ / d lg r between 16 and 134 m                                                             |
| `steepness`     | lg ρ(16 to 30 m) − lg ρ(66 to 96 m), measured without a fit                                                 |
| `concentration` | share of the energy within 12 m of the core                                                                 |
| `halo`          | lg of the share beyond 80 m                                                                                 |
| `hit_cells`     | lg of the number of cells above 10 MeV                                                                      |
| `compactness`   | lg of hit cells over the energy [GeV] of the brightest cell beyond 40 m                                     |
| `clumpiness`    | mean over the rings between 36 and 114 m of lg C_k, C_k = 2 s_k²/⟨E⟩_k of the cells of ring k                |
| `muons`         | lg of the number of muons in the image, where the data have that channel                                    |
| `muons_far`     | the same beyond 40 m                                                                                        |

Sources. The density at a fixed distance from the core fluctuates less than the shower's size does: Hillas et al., Proc. 12th ICRC,
Hobart (1971) 1001; at 50 m, as here: LHAASO-KM2A, arXiv:2010.06205. The slope is the lateral distribution's steepness, which follows
the depth of the shower's maximum. A straight line in lg r and lg ρ by the Theil-Sen estimator: the median over all pairs of rings of
the pair's slope (Sen, J. Am. Stat. Assoc. 63 (1968) 1379), which a sub-core or a dead sector in a quarter of the rings does not move.
Compactness: HAWC, arXiv:1701.01778. C_k, the azimuthal fluctuation in a ring, is LCm's: Conceição et al., arXiv:2204.12337; its double
sum over pairs of stations is 2 s²/⟨E⟩ with the variance s² of n − 1. Muons: the classical measure of a nucleus' mass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cascada.baselines import features
from cascada.data.format import CELL_SIZE, HALF_WIDTH, IMAGE_SIZE

NAMES = (
    "size", "density_50m", "slope", "steepness", "concentration", "halo", "hit_cells", "compactness", "clumpiness",
)  # fmt: skip
MUON_NAMES = ("muons", "muons_far")
MUONS = "muons"  # the channel that counts instead of summing energies
WINDOWS = (60.0, 60.0, 40.0, 40.0, 25.0, 25.0, 25.0)  # m, of the steps towards the core
FITTED = (16.0, 134.0)  # m: the rings between have several cells, and most of them energy
REFERENCE = 50.0  # m
NEAR, FAR = (16.0, 30.0), (66.0, 96.0)  # m, of the steepness
CORE, HALO, OUTSIDE = 12.0, 80.0, 40.0  # m
CLUMPY = (36.0, 114.0)  # m
THRESHOLD = 0.01  # GeV in a cell that is hit
FLOOR = -6.0  # lg of what is empty: below every density and share that a particle makes
EDGES = features.RINGS


def names(channels: Sequence[str]) -> tuple[str, ...]:
    """Those that images with these channels have."""
    return NAMES + (MUON_NAMES if MUONS in channels else ())


def variables(images: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Images (N, C, 80, 80) [GeV, muons a count] → (N, V) in the order of `names`; always finite.

    Energies are those of the first channel that does not count muons, and the core is found in it.
    """
    channels = list(channels)
    of_energy = next((place for place, name in enumerate(channels) if name != MUONS), 0)
    energy = images[:, of_energy].astype(np.float64)
    distance = features.distances(core(energy))
    found = _of_energy(energy, distance)
    if MUONS in channels:
        found += _of_muons(images[:, channels.index(MUONS)].astype(np.float64), distance)
    return np.stack(found, axis=1)


def core(energy: np.ndarray) -> np.ndarray:
    """Energies (N, 80, 80) → position (N, 2) of the core, x and y [m]: a barycentre in a Gaussian window that follows it and narrows.

    Weights are roots of energies: the energies themselves follow the brightest sub-core, which in iron showers of a few TeV lies
    45 m from the axis in the median, and this barycentre 21 m (5 and 4 m above 8 TeV; surrogate showers, cores within 30 m).
    """
    middle = (np.arange(IMAGE_SIZE) + 0.5) * CELL_SIZE - HALF_WIDTH
    weights, position = np.sqrt(np.maximum(energy, 0)), np.zeros((len(energy), 2))
    for width in WINDOWS:
        along_x, along_y = (np.exp(-((middle - position[:, axis, None]) ** 2) / (2 * width**2)) for axis in (0, 1))
        rows = np.einsum("nyx,nx->ny", weights, along_x) * along_y
        columns = np.einsum("nyx,ny->nx", weights, along_y) * along_x
        seen = rows.sum(axis=1) > 0
        centre = np.stack([columns @ middle, rows @ middle], axis=1) / np.where(seen, rows.sum(axis=1), 1)[:, None]
        position = np.where(seen[:, None], centre, position)
    return position


def _of_energy(energy: np.ndarray, distance: np.ndarray) -> list[np.ndarray]:
    """Energies and distances from the core (N, 80, 80) → the variables of NAMES, (N,) each."""
    rings = Rings.of(energy, distance)
    slope, density = rings.fit()
    total, hit = energy.sum(axis=(1, 2)), (energy > THRESHOLD).sum(axis=(1, 2))
    share = [np.where(mask, energy, 0).sum(axis=(1, 2)) / np.maximum(total, 1e-12) for mask in
             (distance < CORE, distance > HALO)]  # fmt: skip
    brightest = np.where(distance > OUTSIDE, energy, 0).max(axis=(1, 2))
    return [
        _lg(total), density, slope, rings.density(*NEAR) - rings.density(*FAR), share[0], _lg(share[1]), np.log10(1 + hit),
        np.log10(1 + hit) - _lg(brightest), rings.clumpiness(),
    ]  # fmt: skip


def _of_muons(muons: np.ndarray, distance: np.ndarray) -> list[np.ndarray]:
    return [np.log10(1 + np.where(mask, muons, 0).sum(axis=(1, 2))) for mask in (distance >= 0, distance > OUTSIDE)]


@dataclass(frozen=True, slots=True)
class Rings:
    """Sums (N, R) over the cells of the rings EDGES around the core, as far as the rings lie on the array."""

    cells: np.ndarray  # number
    energy: np.ndarray  # GeV
    square: np.ndarray  # GeV²

    @classmethod
    def of(cls, energy: np.ndarray, distance: np.ndarray) -> "Rings":
        """Sum energies at distances from the core, (N, 80, 80) each; cells outside the array's disc hold nothing by construction."""
        rings, images = len(EDGES) - 1, len(energy)
        ring = np.minimum(np.searchsorted(EDGES, distance.ravel(), side="right") - 1, rings - 1)
        which = np.repeat(np.arange(images) * rings, IMAGE_SIZE**2) + ring
        on_array = np.broadcast_to(features.distances(np.zeros((1, 2))) <= HALF_WIDTH, energy.shape).ravel()
        values = energy.ravel()
        weights = (on_array.astype(np.float64), on_array * values, on_array * values**2)
        return cls(*(np.bincount(which, one, images * rings).reshape(images, rings) for one in weights))

    def density(self, low: float, high: float) -> np.ndarray:
        """lg of the mean density [GeV/m²] between two edges [m], (N,); FLOOR where nothing is."""
        mine = _between(low, high)
        return _lg(self.energy[:, mine].sum(axis=1) / np.maximum(self.cells[:, mine].sum(axis=1) * CELL_SIZE**2, 1))

    def fit(self) -> tuple[np.ndarray, np.ndarray]:
        """Slope d lg ρ / d lg r and lg ρ(REFERENCE) [GeV/m²] of the lateral distribution, (N,) each; rings without energy do not count."""
        mine = _between(*FITTED)
        area = self.cells[:, mine] * CELL_SIZE**2
        seen = (self.energy[:, mine] > 0) & (area > 0)
        ratio = np.divide(self.energy[:, mine], area, out=np.ones_like(area), where=seen)
        middle = np.sqrt(EDGES[:-1] * EDGES[1:])[mine]
        return theil_sen(np.log10(middle / REFERENCE), np.where(seen, np.log10(ratio), np.nan))

    def clumpiness(self) -> np.ndarray:
        """Mean of lg C_k over the rings of CLUMPY with energy in more than one cell, (N,)."""
        mine = _between(*CLUMPY)
        cells, energy = self.cells[:, mine], self.energy[:, mine]
        mean = energy / np.maximum(cells, 1)
        variance = (self.square[:, mine] - cells * mean**2) / np.maximum(cells - 1, 1)
        seen = (cells > 1) & (mean > 0)
        ratio = 2 * np.maximum(variance, 0) / np.where(seen, mean, 1)
        return np.where(seen, _lg(ratio), 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)


def theil_sen(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and values at x = 0, (N,) each, of robust lines through x (M,) and y (N, M), of which NaN is missing.

    As `scipy.stats.theilslopes` with `method="joint"`, for all lines at once. One point gives a flat line, none gives FLOOR.
    """
    one, other = np.triu_indices(len(x), 1)
    slope = _median((y[:, other] - y[:, one]) / (x[other] - x[one]), 0.0)
    return slope, _median(y - slope[:, None] * x, FLOOR)


def _median(values: np.ndarray, otherwise: float) -> np.ndarray:
    """Median (N,) of the known values (N, M) of each row."""
    found, known = np.full(len(values), otherwise), np.isfinite(values).any(axis=1)
    if known.any():
        found[known] = np.nanmedian(values[known], axis=1)
    return found


def _between(low: float, high: float) -> np.ndarray:
    return (EDGES[:-1] >= low) & (EDGES[1:] <= high)


def _lg(values: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(values, 10**FLOOR))
