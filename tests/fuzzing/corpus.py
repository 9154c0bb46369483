"""The files that are mutated: real CORSIKA files where CASCADA_TEST_DATA names them, and small written ones of every kind."""

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import yaml
import zstandard
from corsika_writer import Shower, random_rows, write_corsika

from cascada.data.format import EVENT_DTYPE, NEW_IN_VERSION_2, Header, SourceRow, create, new_events

REAL = {"corsika757_particle": 2200.0, "corsika76900_thin": 4.0, "DAT000037_ehist": 110.0, "DAT101001": 5300.0}
CHANNELS = ("energy", "electromagnetic_energy", "muon_energy", "hadron_energy", "muons")


@dataclass(frozen=True)
class Original:
    """A good file (or folder) and what to do with it. `structure`: how it can be taken apart (mutations.py)."""

    path: Path
    kind: str  # of its source, "showers" for a file of showers
    structure: str  # "corsika", "hdf5", "library" or "bytes"
    options: list[str] = field(default_factory=list)  # of cascada convert
    protected: bool = False  # by checksums: other bytes are never another valid file


def originals(folder: Path) -> list[Original]:
    """Write the small files into `folder`; return all. The surrogate has none."""
    makers: list[Callable[[Path], list[Original]]] = [_real, _corsika7, _corsika8, _energy_ground, _showers]
    return [original for maker in makers for original in maker(folder)]


def _real(folder: Path) -> list[Original]:
    data = os.environ.get("CASCADA_TEST_DATA")
    if not data:
        return []
    channels = ["--channels", ",".join(CHANNELS)]
    return [
        Original(Path(data) / "corsika" / name, "corsika7", "corsika", ["--altitude", str(altitude), *channels])
        for name, altitude in REAL.items()
    ]


def _corsika7(folder: Path) -> list[Original]:
    made = []
    for thinned in (False, True):
        showers = [Shower(particles=random_rows(n, n, thinned=thinned), long_blocks=n % 3) for n in (2500, 40, 0, 900)]
        path = write_corsika(folder / f"written{'_thinned' * thinned}", showers, thinned=thinned, run=1 + thinned)
        made.append(Original(path, "corsika7", "corsika"))
    plain = made[0].path.read_bytes()
    other = write_corsika(folder / "other", [Shower(particles=random_rows(1500, 9))], run=9).read_bytes()
    packed = zstandard.ZstdCompressor(write_checksum=True).compress
    files = {
        "two_runs": (plain + other, "corsika", False),
        "bare": (_without_markers(plain), "bytes", False),
        "packed.gz": (gzip.compress(plain, mtime=0), "bytes", True),
        "packed.zst": (packed(plain) + packed(other), "bytes", True),
    }
    for name, (content, structure, protected) in files.items():
        (folder / name).write_bytes(content)
        made.append(Original(folder / name, "corsika7", structure, protected=protected))
    return made


def _without_markers(data: bytes) -> bytes:
    return b"".join(data[start + 4 : start + 22936] for start in range(0, len(data), 22940))


def _corsika8(folder: Path) -> list[Original]:
    random, number = np.random.default_rng(8), 400
    path = folder / "library"
    for name in ("particles", "primary"):
        (path / name).mkdir(parents=True)
    (path / "config.yaml").write_text("name: library\ncreator: CORSIKA8\nversion: 8.0.0\nseed: 42\n")
    (path / "summary.yaml").write_text("showers: 3\nruntime: 00:00:12.5\n")
    plane = {"type": "ObservationPlane", "units": {"length": "m"}, "plane": {"center": [0, 0, 6_376_200]}}
    (path / "particles" / "config.yaml").write_text(yaml.safe_dump(plane))
    primary = {"pdg": 2212, "total_energy": 5000.0, "nx": 0.6, "ny": 0.0, "nz": -0.8}
    (path / "primary" / "summary.yaml").write_text(yaml.safe_dump({f"shower_{n}": primary for n in range(3)}))
    table = {
        "shower": np.sort(random.choice([0, 2], number)).astype("i4"),
        "pdg": random.choice([22, 11, -11, 13, -13, 2112, 211, 12], number).astype("i4"),
        "kinetic_energy": random.exponential(1, number).astype("f4"),
        "x": random.normal(0, 60, number).astype("f4"),
        "y": random.normal(0, 60, number).astype("f4"),
        "weight": random.choice([1, 2], number).astype("f4"),
    }
    file = path / "particles" / "particles.parquet"
    pyarrow.parquet.write_table(pyarrow.table(table), file, write_page_checksum=True, row_group_size=150)
    return [Original(path, "corsika8", "library")]


def _energy_ground(folder: Path) -> list[Original]:
    random, number, made = np.random.default_rng(4), 4, []
    frame = pd.DataFrame(
        {
            "ID_shower": np.arange(number),
            "E0": random.uniform(2500, 63000, number),
            "theta0": np.zeros(number),
            "Nmuons": random.integers(10, 600, number),
            "Y_class": np.arange(number) % 2,
        }
    )
    for layout in ("fixed", "table"):
        path = folder / f"thesis_{layout}.h5"
        frame.to_hdf(path, key="info", mode="w", format=layout)
        with h5py.File(path, "a") as file:
            images = random.gamma(0.3, 1.0, (number, 80, 80)).astype(np.float32)
            file.create_dataset("data", data=images, **({"compression": "gzip"} if layout == "table" else {}))
        made.append(Original(path, "energy_ground", "hdf5"))
    return made


def _showers(folder: Path) -> list[Original]:
    made = []
    for version, known in ((1, None), (2, 4)):
        path, number = folder / f"showers_{version}.h5", 4
        events = new_events(number)
        events["primary"], events["true_energy"], events["zenith"], events["muons"] = 14, 3000, 0.1, 7
        with create(path, Header(channels=("energy", "muons")), showers=known) as writer:
            writer.append(np.random.default_rng(1).random((number, 2, 80, 80)).astype(np.float32), events)
            writer.write_sources([SourceRow(file="DAT1", sha256="ab" * 32, kind="corsika7", events=number)])
        if version == 1:
            with h5py.File(path, "a") as file:
                del file["events"]
                file["events"] = events[[name for name in EVENT_DTYPE.names if name not in NEW_IN_VERSION_2]]
                file.attrs["data_model_version"] = 1
        made.append(Original(path, "showers", "hdf5"))
    return made
