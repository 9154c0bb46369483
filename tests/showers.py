"""Small synthetic showers for tests: two classes that differ in shape, so that a tiny network learns them in seconds."""

from pathlib import Path

import numpy as np

from cascada.data.format import IRON, PROTON, Header, SourceRow, create, new_events

CLASSES = {"iron": IRON, "proton": PROTON}


def images_of(primary: int, showers: int, random: np.random.Generator) -> np.ndarray:
    """Protons are narrow and irons are wide spots somewhere near the centre, on a sparse noise; float32 (n, 1, 80, 80)."""
    y, x = np.mgrid[-158:162:4, -158:162:4]
    core = random.uniform(-20, 20, (2, showers, 1, 1))
    width = (12 if primary == PROTON else 30) * random.lognormal(0, 0.2, (showers, 1, 1))
    spot = np.exp(-((x - core[0]) ** 2 + (y - core[1]) ** 2) / (2 * width**2)) * random.lognormal(
        1, 0.5, (showers, 1, 1)
    )
    noise = random.exponential(0.05, spot.shape) * (random.random(spot.shape) < 0.3)
    return ((spot + noise) * (np.hypot(x, y) <= 160))[:, None].astype(np.float32)


def small_shard(path: Path, primary: int, showers: int = 100, seed: int = 0, role: str = "") -> Path:
    """Write a shard as a source would."""
    random = np.random.default_rng([seed, primary])
    events = new_events(showers)
    events["primary"], events["zenith"], events["azimuth"] = primary, 0, 0
    events["true_energy"] = np.exp(random.uniform(np.log(2500), np.log(63000), showers))
    events["core_x"], events["core_y"] = random.uniform(-20, 20, (2, showers))
    events["muons"] = random.poisson(events["true_energy"] / 100)
    with create(path, Header(role=role)) as writer:
        writer.append(images_of(primary, showers, random), events)
        writer.write_sources([SourceRow(file=path.name, sha256="", kind="surrogate", events=showers)])
    return path


def small_dataset(folder: Path, showers: int = 400) -> tuple[Path, Path]:
    """Merge half protons, half irons; return the paths of train.h5 and test.h5 (summary.json beside them)."""
    from cascada.data.merging import MergeOptions, merge

    shards = [small_shard(folder / f"{name}.h5", primary, showers // 2, seed=1) for name, primary in CLASSES.items()]
    train, test = folder / "train.h5", folder / "test.h5"
    merge(shards, train, test, folder / "summary.json", MergeOptions(classes=CLASSES, seed=1))
    return train, test
