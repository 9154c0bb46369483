"""Read the showers of one split for training: in device memory, mapped from the file, or streamed in blocks.

| tier     | images lie in                     | chosen when                                          |
|----------|-----------------------------------|------------------------------------------------------|
| `device` | the GPU's memory                  | they fit into half of what is free there             |
| `host`   | the page cache (memory map)       | they fit into half of the host's available memory    |
| `stream` | the file, a few blocks in memory  | otherwise                                            |

`device` and `host` give the same batches in the same order; `stream` shuffles blocks and, within a few blocks,
showers. Trials on one node share a memory map's pages, so that ten trials cost the memory of one; the splits of one trial
share the map itself, or each page would count twice in what the system says that the process holds.
"""

import os
import weakref
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import psutil
import torch

from cascada.core import classes
from cascada.core.errors import CascadaError, DataError
from cascada.data.format import IMAGES, SPLITS, open_showers, read_events, read_header

TIERS = ("auto", "device", "host", "stream")
BLOCK = 128  # showers read at once by the `stream` tier: neighbours in the file are often of one class
BLOCKS_IN_MEMORY = 32
_maps: weakref.WeakValueDictionary[tuple, np.memmap] = (
    weakref.WeakValueDictionary()
)  # those in use, by file and place in it


class Showers:
    """The images and labels of one split of a merged file, by index.

    Attributes: `labels` int64 (N,) in host memory; `channels`, `classes`: names; `signal`: label of the signal class;
    `tier`: where the images lie.
    """

    def __init__(self, path: str | os.PathLike, split: str, device: torch.device | str = "cpu", tier: str = "auto"):
        if tier not in TIERS:
            raise CascadaError(f"Memory tier {tier!r} given, allowed are {list(TIERS)}.")
        self.path, self.split, self.device = Path(path), split, torch.device(device)
        with open_showers(path) as file:
            events = read_events(file)
            header = read_header(file)
            self.rows = np.flatnonzero(events["split"] == SPLITS[split])
            if not len(self.rows):
                raise DataError(
                    f"{path}: no shower of the split {split!r}; merge the data again with a larger fraction."
                )
            self.labels = torch.from_numpy(events["label"][self.rows].astype(np.int64))
            self.events = events[self.rows]
            self.channels, self.classes = header.channels, header.classes
            self.signal = classes.index(header.classes, header.signal)
            self._shape = file[IMAGES].shape
            self._offset = file[IMAGES].id.get_offset()
        self.tier = self._choose() if tier == "auto" else tier
        self._images = self._open()

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, batch_size: int, generator: torch.Generator | None = None, skip: int = 0) -> Iterator:
        """Yield images float32 (n, C, 80, 80) and labels (n,) on the device, shuffled if a generator is given.

        A last batch of a single shower is left out while shuffling, since batch normalisation cannot train on it.
        `skip` leaves out that many batches at the start of the same order, to go on inside an epoch.
        """
        if self.tier == "stream":
            return self._streamed(batch_size, generator, skip)
        return self._indexed(batch_size, generator, skip)

    def images(self, most: int | None = None) -> torch.Tensor:
        """Return the split's images in the file's order, in host memory: all, or at most `most`, evenly spread."""
        step = 1 if most is None else -(-len(self.rows) // most)
        with h5py.File(self.path, "r", locking=False) as file:
            return torch.from_numpy(_read_rows(file[IMAGES], self.rows[::step]))

    def thin(self, most: int) -> None:
        """Keep at most so many showers, evenly spread."""
        kept = slice(None, None, -(-len(self.rows) // most))
        self.rows, self.events, self.labels = self.rows[kept], self.events[kept], self.labels[kept]
        if isinstance(self._images, torch.Tensor):  # a map is indexed by the rows
            self._images = self._images[kept]

    def relabel(self, labels: np.ndarray) -> None:
        """Give the showers other labels int64 (N,)."""
        assert labels.shape == (len(self.rows),), "one label for each shower"
        self.labels = torch.from_numpy(labels)

    def _choose(self) -> str:
        size = len(self.rows) * int(np.prod(self._shape[1:])) * 4
        if self.device.type == "cuda" and size < torch.cuda.mem_get_info(self.device)[0] / 2:
            return "device"
        if self._offset is not None and size < psutil.virtual_memory().available / 2:
            return "host"
        return "stream"

    def _open(self) -> torch.Tensor | np.ndarray | None:
        if self.tier == "stream":
            return None
        if self.tier == "device":
            return self.images().to(self.device)
        if self._offset is None:
            raise DataError(f"{self.path}: /{IMAGES} is chunked and cannot be mapped; use the memory tier 'stream'.")
        return _map(self.path, self._offset, self._shape)

    def _indexed(self, batch_size: int, generator: torch.Generator | None, skip: int) -> Iterator:
        for part in _cut(_order(len(self), generator), batch_size, generator is not None)[skip:]:
            yield self._take(part), self.labels[part].to(self.device, non_blocking=True)

    def _take(self, part: torch.Tensor) -> torch.Tensor:
        if isinstance(self._images, torch.Tensor):
            return self._images[part.to(self.device)]
        assert self._images is not None, "the tier `stream` takes no images by index"
        images = torch.from_numpy(self._images[self.rows[part.numpy()]])
        return _to_device(images, self.device)

    def _streamed(self, batch_size: int, generator: torch.Generator | None, skip: int) -> Iterator:
        """Batches out of a few blocks at a time; what a group leaves over goes to the next one."""
        starts = torch.arange(0, len(self), BLOCK)
        starts = starts[_order(len(starts), generator)]
        rest_images, rest_labels = None, self.labels[:0]
        with h5py.File(self.path, "r", locking=False) as file:
            for first in range(0, len(starts), BLOCKS_IN_MEMORY):
                group = [slice(int(s), int(s) + BLOCK) for s in starts[first : first + BLOCKS_IN_MEMORY]]
                images = torch.from_numpy(np.concatenate([_read_rows(file[IMAGES], self.rows[part]) for part in group]))
                labels = torch.cat([self.labels[part] for part in group])
                order = _order(len(labels), generator)
                images, labels = images[order], labels[order]
                if rest_images is not None:
                    images, labels = torch.cat([rest_images, images]), torch.cat([rest_labels, labels])
                last = first + BLOCKS_IN_MEMORY >= len(starts)
                whole = len(labels) if last else len(labels) // batch_size * batch_size
                for part in _cut(torch.arange(whole), batch_size, last and generator is not None):
                    if skip:
                        skip -= 1
                        continue
                    yield _to_device(images[part], self.device), labels[part].to(self.device)
                rest_images, rest_labels = images[whole:], labels[whole:]


def _map(path: Path, offset: int, shape: tuple[int, ...]) -> np.memmap:
    """Return a file's images (N, C, 80, 80) as a memory map, the same one as long as somebody uses it."""
    state = path.stat()
    key = (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size, offset, shape)
    images = _maps.get(key)
    if images is None:
        images = _maps[key] = np.memmap(path, "<f4", "r", offset, shape)
    return images


def _order(number: int, generator: torch.Generator | None) -> torch.Tensor:
    return torch.arange(number) if generator is None else torch.randperm(number, generator=generator)


def _cut(order: torch.Tensor, batch_size: int, leave_out_single: bool) -> list[torch.Tensor]:
    parts = list(order.split(batch_size))
    if leave_out_single and len(parts) > 1 and len(parts[-1]) == 1:
        parts.pop()
    return parts


def _to_device(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    if device.type == "cuda":
        return images.pin_memory().to(device, non_blocking=True)
    return images


def _read_rows(dataset: h5py.Dataset, rows: np.ndarray) -> np.ndarray:
    """Read ascending rows: one block if they lie close together, since HDF5's own index lists cost 300 µs an image."""
    first, last = int(rows[0]), int(rows[-1]) + 1
    if last - first == len(rows):
        return dataset[first:last]
    if last - first < 4 * len(rows):
        return dataset[first:last][rows - first]
    return np.concatenate([dataset[row : row + 1] for row in rows])
