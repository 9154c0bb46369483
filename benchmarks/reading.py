"""Reading training batches, in each memory tier, against a DataLoader over h5py: one image at a time, as is usual.

    python -m benchmarks.reading

Goal: five times as fast for data in memory, the tier that `auto` takes where it can. Both read the same shuffled epoch of
the same file, which is in the page cache; the peer holds the file open. Processor time counts: a busy machine disturbs
little. The DataLoader works in this process (num_workers=0); workers would cost the cores that train.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch

from benchmarks.training import write_showers
from cascada.data.loading import Showers

SHOWERS, BATCH, REPEATS, GOAL = 6000, 64, 5, 5.0


class H5Dataset(torch.utils.data.Dataset):
    """What a tutorial writes: the file is opened once, __getitem__ reads one image."""

    def __init__(self, path: Path):
        self.file = h5py.File(path, "r", locking=False)
        events = self.file["events"][:]
        self.rows, self.labels = np.flatnonzero(events["split"] == 0), events["label"]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        row = self.rows[index]
        return torch.from_numpy(self.file["images"][row]), int(self.labels[row])


def seconds(batches: Callable) -> float:
    """Return the processor time of one epoch; every batch is touched, so that mapped pages are read."""
    start, images_seen = time.process_time(), 0
    for images, labels in batches():
        images_seen += len(labels)
        images[:, 0, ::16].sum()
    assert images_seen > 0
    return time.process_time() - start


def main() -> list[tuple[str, float, float]]:
    """Print a table and return its rows: what was compared, ratio, goal."""
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.h5"
        write_showers(path, SHOWERS)
        dataset = H5Dataset(path)
        loader = torch.utils.data.DataLoader(dataset, BATCH, shuffle=True)
        tiers = {tier: Showers(path, "train", "cpu", tier) for tier in ("device", "host", "stream")}
        ours = {tier: lambda s=s: s.batches(BATCH, torch.Generator().manual_seed(1)) for tier, s in tiers.items()}
        runs = {"DataLoader over h5py": lambda: loader, **ours}
        times = np.array([[seconds(run) for run in runs.values()] for _ in range(REPEATS + 1)])[
            1:
        ]  # the first one warms
    peer = np.median(times[:, 0])
    size = len(dataset) * 25.6e-3
    print(f"{len(dataset)} images in batches of {BATCH}, shuffled; medians of {REPEATS}; auto takes {_auto(tiers)}")
    print(f"{'reading':<32} {'MB/s':>7} {'ratio':>6} {'goal':>6}")
    print(f"{'DataLoader over h5py':<32} {size / peer:>7.0f}")
    for column, tier in enumerate(tiers, start=1):
        ratio = float(np.median(times[:, 0] / times[:, column]))
        goal = GOAL if tier != "stream" else None
        print(f"{tier:<32} {size / np.median(times[:, column]):>7.0f} {ratio:>6.2f} {goal or '':>6}")
        if goal:
            rows.append((f"reading, tier {tier} / DataLoader over h5py", ratio, goal))
    return rows


def _auto(tiers: dict[str, Showers]) -> str:
    return tiers["host"]._choose()


if __name__ == "__main__":
    main()
