"""Merge shards into one training file and one sealed test file, and count and check over both in the same pass.

Nothing else opens the test file before `test_model`: whoever wants to know about it reads summary.json.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada import classes as naming
from cascada.data import checks
from cascada.data.format import (
    CHANNELS,
    DATA_MODEL_VERSION,
    IMAGE_SIZE,
    IMAGES,
    NO_SPLIT,
    SPLITS,
    Header,
    SourceRow,
    create,
    open_showers,
    read_events,
    read_header,
    read_sources,
)
from cascada.data.splitting import check_splits, split_showers, strata
from cascada.errors import DataError
from cascada.files import sha256, write_json

BLOCK = 1024  # showers copied at once
SPECTRUM_BINS = 24


@dataclass(kw_only=True, slots=True)
class MergeOptions:
    """How to label and split. `classes` maps names to CORSIKA codes in the order of the labels; `signal`: as in cascada.classes."""

    classes: dict[str, int | list[int]]
    signal: str = ""
    validation_fraction: float = 0.2
    test_fraction: float = 0.25
    seed: int = 1


@dataclass(slots=True)
class _Shard:
    """A shard's events, with ids made unique, and which of its rows go where."""

    path: Path
    header: Header
    events: np.ndarray
    sources: list[SourceRow]


@dataclass(slots=True)
class _Seen:
    """What is kept of the images (N, C, 80, 80) while they are copied: their energies [GeV] and fingerprints (N,)."""

    energy: np.ndarray
    content: np.ndarray


def merge(shards: list[Path], train: Path, test: Path, summary: Path, options: MergeOptions) -> dict:
    """Write train.h5 (training and validation), test.h5 and summary.json; return the summary.

    The result does not depend on the order of `shards`. Raises DataError, and leaves no output, for what cannot be merged.
    """
    if not shards:
        raise DataError("No shard given; a data set needs at least one source in data.sources.")
    read = [_read_shard(path) for path in sorted(shards)]
    header = _common_header(read, options)
    _renumber(read, options)
    events = np.concatenate([shard.events for shard in read])
    _split(read, events, options)
    sources = [row for shard in read for row in shard.sources]
    seen = _Seen(np.zeros(len(events)), np.zeros(len(events), np.uint64))
    starts = np.cumsum([0] + [len(shard.events) for shard in read])
    is_test = events["split"] == SPLITS["test"]
    with (
        create(train, header, showers=int((~is_test).sum())) as train_writer,
        create(test, header, showers=int(is_test.sum())) as test_writer,
    ):
        for shard, start in zip(read, starts, strict=False):
            _copy(shard, train_writer, test_writer, seen, start)
        _check_test(seen.content, is_test)
        train_writer.write_sources(sources)
        test_writer.write_sources(sources)
    content = _summary(events, seen, sources, header, options)
    content |= {"train_sha256": sha256(train), "test_sha256": sha256(test)}
    write_json(summary, content)
    return content


def _read_shard(path: Path) -> _Shard:
    with open_showers(path) as file:
        events = read_events(file)
        if not len(events):
            raise DataError(f"{path}: holds no shower; leave it out of the sources or convert its raw file again.")
        expected = (len(events), len(read_header(file).channels), IMAGE_SIZE, IMAGE_SIZE)
        if file[IMAGES].shape != expected:
            raise DataError(
                f"{path}: {IMAGES} of shape {file[IMAGES].shape} given, {expected} expected; convert its raw file again."
            )
        return _Shard(path, read_header(file), events, read_sources(file))


def _common_header(shards: list[_Shard], options: MergeOptions) -> Header:
    first = shards[0]
    for shard in shards[1:]:
        for name in ("channels", "observation_altitude"):
            one, other = getattr(first.header, name), getattr(shard.header, name)
            if one != other:
                raise DataError(
                    f"{shard.path}: {name} {other} differs from {one} in {first.path}; "
                    "convert all sources with the same channels and observation altitude."
                )
    return Header(
        channels=first.header.channels,
        observation_altitude=first.header.observation_altitude,
        classes=tuple(options.classes),
        signal=naming.stored(list(options.classes), options.signal),
    )


def _renumber(shards: list[_Shard], options: MergeOptions) -> None:
    """Label the events and make ids and source rows unique; refuse the same raw file twice."""
    label_of = naming.labels(options.classes)
    seen: dict[str, Path] = {}
    events_before = showers_before = sources_before = 0
    for shard in shards:
        for row in shard.sources:
            if row.sha256 and row.sha256 in seen:
                raise DataError(
                    f"{shard.path}: its raw file {row.file} is the same file (sha256 {row.sha256[:12]}…) as one in "
                    f"{seen[row.sha256]}; a shower may stand in one split only, so give each file once."
                )
            seen[row.sha256] = shard.path
        events = shard.events
        unknown = sorted(set(np.unique(events["primary"]).tolist()) - label_of.keys())
        if unknown:
            raise DataError(
                f"{shard.path}: primaries {unknown} (CORSIKA codes) are named by no class; data.classes names "
                f"{options.classes}. Add a class or leave the file out of the sources."
            )
        events["label"] = [label_of[code] for code in events["primary"].tolist()]
        events["event_id"] = events_before + np.arange(len(events))
        _, shower = np.unique(events["shower_id"], return_inverse=True)
        events["shower_id"] = showers_before + shower
        events["source"] += sources_before
        events_before += len(events)
        showers_before += int(shower.max()) + 1
        sources_before += len(shard.sources)


def _split(shards: list[_Shard], events: np.ndarray, options: MergeOptions) -> None:
    """Set the split of all events: of raw files with a role as it says, of the others as the options say."""
    role = np.concatenate([np.full(len(shard.events), shard.header.role) for shard in shards])
    missing = [name for label, name in enumerate(options.classes) if not np.any(events["label"] == label)]
    if missing:
        found = {name: int(np.sum(events["label"] == label)) for label, name in enumerate(options.classes)}
        raise DataError(
            f"No shower of class(es) {missing}; found {found}. A classifier needs showers of every class: "
            "add a source that has them to data.sources, or leave the class out of data.classes."
        )
    events["split"] = NO_SPLIT
    events["split"][role == "test"] = SPLITS["test"]
    for name, test_fraction in (("", options.test_fraction), ("train", 0.0)):
        mine = role == name
        if mine.any():
            events["split"][mine] = split_showers(
                strata(events)[mine],
                events["true_energy"][mine],
                events["shower_id"][mine],
                events["split"][mine],
                {"validation": options.validation_fraction, "test": test_fraction},
                options.seed,
            )
    check_splits(events["label"], events["split"], list(options.classes))
    start = 0
    for shard in shards:
        shard.events = events[start : start + len(shard.events)]
        start += len(shard.events)


def _copy(shard: _Shard, train, test, seen: _Seen, first: int) -> None:
    """Copy a shard's showers in blocks; note what the checks need of each, from row `first` on."""
    channels = _energy_channels(shard.header.channels)
    with open_showers(shard.path) as file:
        images = file[IMAGES]
        for start in range(0, len(shard.events), BLOCK):
            events = shard.events[start : start + BLOCK]
            block = images[start : start + BLOCK]
            _check_images(shard.path, block, start)
            rows = slice(first + start, first + start + len(block))
            seen.energy[rows] = block[:, channels].sum(axis=(1, 2, 3), dtype=np.float64)
            seen.content[rows] = checks.fingerprints(block)
            is_test = events["split"] == SPLITS["test"]
            for writer, chosen in ((train, ~is_test), (test, is_test)):
                if chosen.any():
                    writer.append(block[chosen], events[chosen])


def _energy_channels(channels: tuple[str, ...]) -> list[int]:
    """Return the channels that make up the total energy: `energy`, else the energies of all groups of particles."""
    if "energy" in channels:
        return [channels.index("energy")]
    return [index for index, name in enumerate(channels) if name.endswith("_energy")] or [0]


def _check_test(content: np.ndarray, is_test: np.ndarray) -> None:
    """Raise DataError if all test images stand in the training file too: the same file, though rewritten."""
    if np.isin(content[is_test], content[~is_test]).all():
        raise DataError(
            f"All {is_test.sum()} test images stand among the training images too: the file for the test is the one for "
            "training, or a part of it. Give a test file with showers of its own, or leave the test to data.split."
        )


def _check_images(path: Path, block: np.ndarray, start: int) -> None:
    # a sum is one pass without a temporary; only a bad one is looked at twice
    if np.isfinite(block.sum()) and block.min() >= 0:
        return
    bad = ~(np.isfinite(block) & (block >= 0)).all(axis=(1, 2, 3))
    if bad.any():
        event = start + int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{path}: image {event} holds a value that is NaN, infinite or negative ({int(bad.sum())} such images in "
            f"showers {start} to {start + len(block) - 1}); energies at ground are finite and not negative. "
            "Repair the raw file and convert it again."
        )


def _summary(events, seen: _Seen, sources: list[SourceRow], header: Header, options: MergeOptions) -> dict:
    labels, core = events["label"], np.hypot(events["core_x"], events["core_y"])
    classes = list(options.classes)
    edges = np.geomspace(events["true_energy"].min() * 0.999, events["true_energy"].max() * 1.001, SPECTRUM_BINS + 1)
    counts, spectra = {}, {}
    by_file = {
        name: {one: int(((labels == label) & of_file).sum()) for label, one in enumerate(classes)}
        for name, of_file in (
            ("train.h5", events["split"] != SPLITS["test"]),
            ("test.h5", events["split"] == SPLITS["test"]),
        )
    }
    for split, code in SPLITS.items():
        rows = {name: (events["split"] == code) & (labels == label) for label, name in enumerate(classes)}
        counts[split] = {name: int(mine.sum()) for name, mine in rows.items()}
        spectra[split] = {name: np.histogram(events["true_energy"][mine], edges)[0] for name, mine in rows.items()}
    spectra_of_pairs = checks.compare_spectra(events["true_energy"].astype(float), labels, events["shower_id"])
    distance, limit, _ = spectra_of_pairs
    separations = {
        "auc_of_total_energy": checks.separation(seen.energy, labels),
        "auc_of_core_offset": checks.separation(core, labels),
        "auc_of_muons": checks.separation(events["muons"].astype(float), labels),
        "auc_of_true_energy": checks.separation(events["true_energy"].astype(float), labels),
    }
    pairs = {"ks_distance_of_energies": spectra_of_pairs[2]} | {name: pair for name, (_, pair) in separations.items()}
    in_train = set(events["shower_id"][events["split"] != SPLITS["test"]].tolist())
    across = len(in_train & set(events["shower_id"][events["split"] == SPLITS["test"]].tolist()))
    return {
        "data_model_version": DATA_MODEL_VERSION,
        "surrogate": any(row.kind == "surrogate" for row in sources),
        "classes": options.classes,
        "signal": classes[naming.index(classes, options.signal)],
        "channels": list(header.channels),
        "channel_names_known": list(CHANNELS),
        "observation_altitude_m": header.observation_altitude,
        "showers": len(events),
        "counts": counts,
        "counts_by_file": by_file,
        "counts_by_primary": checks.counts_by_primary(events, options.classes),
        "energy_edges_gev": edges,
        "energy_spectra": spectra,
        "checks": {
            "images_finite_and_not_negative": True,
            "showers_in_train_and_test": across,
            "images_in_several_splits": checks.repeated(seen.content, events["split"]),
            "class_imbalance": checks.class_imbalance({n: int((labels == i).sum()) for i, n in enumerate(classes)}),
            "ks_distance_of_energies": distance,
            "ks_limit_at_1_percent": limit,
            **{name: area for name, (area, _) in separations.items()},
        },
        # the two classes that the checks above are of: those that are told apart best
        "worst_pairs": {name: [classes[label] for label in pair] for name, pair in pairs.items() if pair},
        "sources": [{"file": r.file, "sha256": r.sha256, "kind": r.kind, "events": r.events} for r in sources],
        "split": {"validation": options.validation_fraction, "test": options.test_fraction, "seed": options.seed},
    }
