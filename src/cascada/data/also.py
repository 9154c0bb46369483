"""Merge the shards of one set that is tested beside the sealed showers (`testing.also`) into one file, all of it for the test.

None of its showers may stand in the data that the training saw, known by image and by number as everywhere (same_showers.py).
The set may differ from the data in altitude, energies and directions, since such differences are what it is there to show; not
in channels and classes, which the network is made for.
"""

from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.data import checks, merging, same_showers
from cascada.data.format import (
    IMAGES,
    SPLITS,
    Header,
    SourceRow,
    create,
    open_showers,
    read_events,
    read_header,
    read_sources,
)
from cascada.data.merging import MergeOptions
from cascada.data.shards import BLOCK, blocks, look, read_shard, with_showers
from cascada.statistics.names import FEWEST_OF_CLASS


def gather(name: str, shards: list[Path], train: Path, output: Path, options: MergeOptions) -> None:
    """Write the set `name`. `train`: train.h5; `options`: the classes of the data.

    Raises DataError, and leaves no output, for what cannot be compared with the sealed showers.
    """
    place = f"testing.also.{name}"
    read = [read_shard(path) for path in sorted(shards)]
    read = with_showers(read, [row for shard in read for row in shard.skipped])
    # by their private names: under others they would be other code, and every data set would be merged and trained on again
    header = merging._common_header(read, options)
    merging._renumber(read, options)
    events = np.concatenate([shard.events for shard in read])
    sources = [row for shard in read for row in shard.sources]
    content = look(read, len(events)).content
    merging._tell_showers_apart(read, events, content, sources, options)
    _check_classes(place, events, list(options.classes))
    _check_unseen(place, header, events, content, sources, train, options)
    events["split"] = SPLITS["test"]
    with create(output, header, showers=len(events)) as writer:
        first = 0
        for shard in read:
            for start, block in blocks(shard):
                writer.append(block, events[first + start : first + start + len(block)])
            first += len(shard.events)
        writer.write_sources(sources)


def _check_classes(place: str, events: np.ndarray, classes: list[str]) -> None:
    for label, name in enumerate(classes):
        showers = len(np.unique(events["shower_id"][events["label"] == label]))
        if showers < FEWEST_OF_CLASS:
            raise DataError(
                f"{place}: {showers} showers of the class {name!r}, at least {FEWEST_OF_CLASS} of each class are needed for a "
                "difference that means something; give more showers."
            )


def _check_unseen(
    place: str,
    header: Header,
    events: np.ndarray,
    content: np.ndarray,
    sources: list[SourceRow],
    train: Path,
    options: MergeOptions,
) -> None:
    """Raise DataError for other channels than the training's, and for a shower that is in train.h5, too."""
    with open_showers(train) as file:
        known, rows, channels = read_events(file), read_sources(file), read_header(file).channels
        if header.channels != channels:
            raise DataError(
                f"{place}: channels {list(header.channels)} given, the network takes {list(channels)}; convert with these."
            )
        seen = np.zeros(len(known), np.uint64)
        for start in range(0, len(known), BLOCK):
            images = file[IMAGES][start : start + BLOCK]
            seen[start : start + BLOCK] = same_showers.with_content(images, checks.fingerprints(images))
    met = same_showers.across_files(
        *_together((known, seen, rows), (events, content, sources)), options.repeated_numbers == "refuse"
    )
    if met:
        shower = events[met.other_row - len(known)]
        raise DataError(
            f"{place}: {met.showers} of the showers of {sources[met.other - len(rows)].file} stand in the training data, too "
            f"({rows[met.one].file}; the first: primary {shower['primary']}, {shower['true_energy']:g} GeV): a test on showers that the "
            "training saw tests nothing. Give other showers: another seed, or other files."
        )


def _together(*parts: tuple) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Events, fingerprints and kinds of source of two files of showers, as one: ids of the second behind those of the first."""
    (events, prints, rows), (more, other, behind) = parts
    more = more.copy()
    more["source"] += len(rows)
    more["shower_id"] += events["shower_id"].max(initial=-1) + 1
    return np.concatenate([events, more]), np.concatenate([prints, other]), [row.kind for row in (*rows, *behind)]
