"""NumPy archives of ready images.

`images` (N, 80, 80) [GeV], `primary` (N,) CORSIKA codes, `energy` (N,) [GeV].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.core.options import check, option
from cascada.data.format import new_events
from cascada.data.sources import Block, Progress

from .layout import NAMES

KIND = "toy_npz"
SIGNATURES = {b"PK\x03\x04": (0,)}


@dataclass(frozen=True, kw_only=True)
class Options:
    channels: tuple[str, ...] = option(("energy",), "channels of the images")
    altitude: float = option(5200.0, "observation altitude above sea level [m]")
    scale: float = option(1.0, "factor on all energies", above=0)

    def __post_init__(self):
        check(self)


def can_read(path: Path) -> bool:
    return path.suffix == ".npz" and path.is_file()


def showers(path: Path, options: Options, progress: Progress | None = None) -> Iterator[Block]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            images, primary, energy = (archive[name] for name in NAMES)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: {error}; expected {', '.join(NAMES)}. Write it again.") from error
    events = new_events(len(images))
    events["event_id"] = events["shower_id"] = np.arange(len(images))
    events["primary"], events["true_energy"] = primary, energy
    yield Block((images[:, None] * options.scale).astype(np.float32), events)
