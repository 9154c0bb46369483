"""Merging for tests: small shards of two classes, merged into a folder and read again."""

import h5py
import showers

from cascada.data.format import EVENTS, IMAGES
from cascada.data.merging import MergeOptions, merge


def run(folder, shards, **options):
    folder.mkdir(exist_ok=True)
    return merge(
        shards, folder / "train.h5", folder / "test.h5", folder / "summary.json",
        MergeOptions(**({"classes": showers.CLASSES} | options)),
    )  # fmt: skip


def shards(folder, number=100, **options):
    return [showers.small_shard(folder / f"{n}.h5", p, number, **options) for n, p in showers.CLASSES.items()]


def read(path):
    with h5py.File(path) as file:
        return file[EVENTS][:], file[IMAGES][:]
