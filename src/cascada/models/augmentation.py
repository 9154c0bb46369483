"""Augmentation of training images: raw energies [GeV] (N, C, 80, 80) to raw energies of the same shape.

| part | what it does to each image |
|---|---|
| `symmetries` | one of the eight rotations and mirrors of the square, which leave vertical showers as probable as they were |
| `shifts` | a shift by −2 to 2 cells along each axis; a cell that comes in from outside is an empty one |
| `scale` | a factor from 0.8 to 1.25 on all energies, uniform in its logarithm |
| `wide_scale` | a factor from 2/3 to 1.5 likewise: a network is least sure where its training ends |
| `noise` | in 7 of 10 images, normal noise of up to 12 MeV on each cell of the array; no energy falls below 0 |
| `dead_cells` | in 7 of 10 images, up to 12 % of the cells are silent, in all channels |

They are done in this order: what is dead does not hear the noise. The first three share one stream of random numbers,
drawn in host memory; a part that came later has one of its own, so that the others keep their bits.
"""

import hashlib
from functools import lru_cache

import torch
from torch.nn import functional

from cascada.data.array import disc
from cascada.experiment.hyperparameters import augmentation_parts

MAXIMUM_SHIFT = 2  # cells of 4 m, along each axis
MAXIMUM_SCALE = 1.25  # factor on all energies, as probable as its inverse: the scale is known to some 20 %
MAXIMUM_WIDE_SCALE = 1.5  # beyond what the behaviour tests go to (0.8 to 1.2), so that they do not probe an edge
DISTURBED = 0.7  # share of the images that get noise, and dead cells; the others stay as good as they are
MAXIMUM_NOISE = 0.012  # GeV per cell, standard deviation; the behaviour tests go to 0.01
MAXIMUM_DEAD = 0.12  # share of the cells; the behaviour tests go to 0.1


def augment(images: torch.Tensor, kind: str, seed: int, energies: torch.Tensor | None = None) -> torch.Tensor:
    """Return images (N, C, 80, 80) changed at random by the parts that `kind` names; the given ones stay as they are.

    `energies`: boolean (C,), the channels in GeV, which can be noisy; all if omitted. The same seed gives the same result;
    numbers for single cells are drawn on the images' device, and differ between kinds of devices.
    Raises ConfigError for an unknown part.
    """
    parts, generator = augmentation_parts(kind), torch.Generator().manual_seed(seed)
    images = _moved(images, parts, generator)
    if "scale" in parts:
        images = images * _factors(len(images), MAXIMUM_SCALE, generator).to(images.device, non_blocking=True)
    if "wide_scale" in parts:
        images = images * _factors(len(images), MAXIMUM_WIDE_SCALE, _stream("wide_scale", seed)).to(
            images.device, non_blocking=True
        )
    if "noise" in parts:
        images = _noisy(images, _stream("noise", seed, images.device), energies)
    if "dead_cells" in parts:
        images = _partly_dead(images, _stream("dead_cells", seed, images.device))
    return images


def _factors(number: int, maximum: float, generator: torch.Generator) -> torch.Tensor:
    """From 1 / maximum to maximum, uniform in the logarithm: (number, 1, 1, 1), in host memory."""
    return maximum ** (torch.rand((number, 1, 1, 1), generator=generator) * 2 - 1)


def _stream(part: str, seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Random numbers for one part alone."""
    digest = hashlib.sha256(f"{part}/{seed}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8]) >> 1)


def _strength(images: torch.Tensor, maximum: float, generator: torch.Generator) -> torch.Tensor:
    """Up to `maximum` for the share of images that are disturbed, 0 for the others: (N, 1, 1, 1)."""
    one, other = torch.rand((2, len(images), 1, 1, 1), generator=generator, device=images.device)
    return maximum * one * (other < DISTURBED)


def _noisy(images: torch.Tensor, generator: torch.Generator, energies: torch.Tensor | None) -> torch.Tensor:
    level = _strength(images, MAXIMUM_NOISE, generator) * _disc(images.device)
    if energies is not None:
        level = level * energies.to(images.device).view(-1, 1, 1)
    draw = torch.randn(images.shape, generator=generator, device=images.device)
    return draw.mul_(level).add_(images).clamp_(min=0)


def _partly_dead(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    share = _strength(images, MAXIMUM_DEAD, generator)
    draw = torch.rand((len(images), 1, *images.shape[2:]), generator=generator, device=images.device)
    return images * (draw >= share)


@lru_cache(maxsize=4)
def _disc(device: torch.device) -> torch.Tensor:
    return torch.from_numpy(disc()).to(device)


def _moved(images: torch.Tensor, parts: tuple[str, ...], generator: torch.Generator) -> torch.Tensor:
    if not {"symmetries", "shifts"} & set(parts):
        return images
    symmetry, shifts = torch.zeros(len(images), dtype=torch.int64), torch.zeros(2, len(images), dtype=torch.int64)
    if "symmetries" in parts:
        symmetry = torch.randint(8, symmetry.shape, generator=generator)
    if "shifts" in parts:
        shifts = torch.randint(-MAXIMUM_SHIFT, MAXIMUM_SHIFT + 1, shifts.shape, generator=generator)
    return move(images, symmetry, shifts)


def move(images: torch.Tensor, symmetry: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Apply one symmetry of the square and then one shift to each image; cells from outside the image are 0.

    images (N, C, S, S); `symmetry` int64 (N,), bits of which 4 transposes, then 2 mirrors the rows, then 1 mirrors
    the columns; `shifts` int64 (2, N): towards larger rows and columns, at most 2 cells either way.
    """
    size, steps = images.shape[-1], 2 * MAXIMUM_SHIFT + 1
    rows, columns = (MAXIMUM_SHIFT - shifts).unbind()
    choice = (symmetry * steps + rows) * steps + columns
    sources = _sources(size, images.device)[choice.to(images.device, non_blocking=True)]  # (N, S²)
    # one cell more than the image has: the empty one that the sources name where the image ends
    cells = functional.pad(images.flatten(2), (0, 1))
    return cells.gather(2, sources.unsqueeze(1).expand(-1, images.shape[1], -1)).view(images.shape)


@lru_cache(maxsize=4)
def _sources(size: int, device: torch.device) -> torch.Tensor:
    """For each symmetry and shift, the index of the cell that comes to each place: (8 · 5 · 5, size²), 10 MB.

    One gather with this table is faster than turning groups of images, and it is one kernel on a GPU.
    """
    inside, margin, table = torch.arange(size**2).view(size, size), MAXIMUM_SHIFT, []
    for symmetry in range(8):
        turned = inside.T if symmetry & 4 else inside
        turned = turned.flip([axis for axis in (0, 1) if symmetry & (2 >> axis)])
        framed = functional.pad(turned, (margin,) * 4, value=size**2)
        table.append(framed.unfold(0, size, 1).unfold(1, size, 1).reshape(-1, size**2))
    return torch.cat(table).to(device)
