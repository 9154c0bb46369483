"""Merge shards into one training file and one sealed test file, and count and check over both in the same pass.

Nothing else opens the test file before `test_model`: whoever wants to know about it reads summary.json.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cascada.core import classes as naming
from cascada.core.errors import DataError
from cascada.core.files import sha256, write_json
from cascada.data import checks, same_showers
from cascada.data.format import (
    CHANNELS,
    DATA_MODEL_VERSION,
    NO_SPLIT,
    SPLITS,
    WITH_NEUTRINOS,
    Header,
    SourceRow,
    create,
)
from cascada.data.shards import BLOCK, Seen, Shard, blocks, look, read_shard, with_showers
from cascada.data.skipped import write_list
from cascada.data.splitting import check_splits, split_showers, strata

SPECTRUM_BINS = 24


@dataclass(kw_only=True, slots=True)
class MergeOptions:
    """How to label and split. `classes` maps names to CORSIKA codes in the order of the labels; `signal` names one."""

    classes: dict[str, int | list[int]]
    signal: str = ""
    validation_fraction: float = 0.2
    test_fraction: float = 0.25
    seed: int = 1
    repeated_numbers: str = "refuse"  # or "allow": showers of two files that differ in nothing but their images


def merge(shards: list[Path], train: Path, test: Path, summary: Path, options: MergeOptions) -> dict:
    """Write train.h5 (training and validation), test.h5, summary.json and, beside it, skipped.tsv; return the summary.

    The result does not depend on the order of `shards`. Raises DataError, and leaves no output, for what cannot be merged.
    """
    if not shards:
        raise DataError("No shard given; a data set needs at least one source in data.sources.")
    read = [read_shard(path) for path in sorted(shards)]
    skipped = [row for shard in read for row in shard.skipped]
    read = with_showers(read, skipped)
    header = _common_header(read, options)
    _renumber(read, options)
    sources = [row for shard in read for row in shard.sources]
    events = np.concatenate([shard.events for shard in read])
    seen = look(read, len(events))
    joined = _tell_showers_apart(read, events, seen.content, sources, options)
    _split(read, events, options)
    is_test = events["split"] == SPLITS["test"]
    with (
        create(train, header, showers=int((~is_test).sum())) as train_writer,
        create(test, header, showers=int(is_test.sum())) as test_writer,
    ):
        for shard in read:
            _copy(shard, train_writer, test_writer)
        train_writer.write_sources(sources)
        test_writer.write_sources(sources)
    content = _summary(events, seen, sources, header, options)
    content["checks"]["showers_twice_in_one_file"] = joined
    content["ranges"] = _ranges(events[events["split"] == SPLITS["train"]])
    content["skipped"] = [asdict(row) for row in skipped]
    content["left_out"] = dict(sum((Counter(shard.header.left_out) for shard in read), Counter()))
    content |= {"train_sha256": sha256(train), "test_sha256": sha256(test)}
    write_list(summary.with_name("skipped.tsv"), skipped)
    write_json(summary, content)
    return content


def _common_header(shards: list[Shard], options: MergeOptions) -> Header:
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
        version=_common_version(shards),
    )


def _common_version(shards: list[Shard]) -> int:
    """Return the data model's version of all showers of CORSIKA; the others, without neutrinos, do not depend on it."""
    of_corsika = [shard for shard in shards if any(row.kind in WITH_NEUTRINOS for row in shard.sources)]
    versions = {shard.header.version: shard.path for shard in of_corsika}
    if len(versions) > 1:
        (old, one), (new, other) = min(versions.items()), max(versions.items())
        raise DataError(
            f"{one}: data model version {old}, in which neutrinos count, beside version {new} of {other}, in which they "
            f"do not; convert the raw files of {one} again."
        )
    return min(versions, default=DATA_MODEL_VERSION)


def _renumber(shards: list[Shard], options: MergeOptions) -> None:
    """Label the events and make ids and source rows unique; refuse the same raw file twice."""
    label_of = naming.labels(options.classes)
    seen: dict[str, Path] = {}
    events_before = showers_before = sources_before = 0
    for shard in shards:
        for row in shard.sources:
            if row.sha256 and row.sha256 in seen:
                raise DataError(
                    f"{shard.path}: its raw file {row.file} is the same file (sha256 {row.sha256[:12]}…) as one in "
                    f"{seen[row.sha256]}; a shower may be in one split only, so give each file once."
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


def _split(shards: list[Shard], events: np.ndarray, options: MergeOptions) -> None:
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


def _tell_showers_apart(
    shards: list[Shard], events: np.ndarray, content: np.ndarray, sources: list[SourceRow], options: MergeOptions
) -> int:
    """Give showers that one file holds twice one shower_id, and return how many there are.

    Raises DataError where two files hold the same shower.
    """
    kinds = [row.kind for row in sources]
    met = same_showers.across_files(events, content, kinds, options.repeated_numbers == "refuse")
    if met:
        names = [f"{row.file} ({shard.path})" for shard in shards for row in shard.sources]
        raise DataError(met.sentence(names, events))
    before = len(np.unique(events["shower_id"]))
    events["shower_id"] = same_showers.joined(events, content, kinds)
    return before - len(np.unique(events["shower_id"]))


def _copy(shard: Shard, train, test) -> None:
    """Copy a shard's showers in blocks, each to the file of its split."""
    for start, block in blocks(shard):
        events = shard.events[start : start + BLOCK]
        is_test = events["split"] == SPLITS["test"]
        for writer, chosen in ((train, ~is_test), (test, is_test)):
            if chosen.any():
                writer.append(block[chosen], events[chosen])


def _ranges(events: np.ndarray) -> dict[str, list[float] | None]:
    """Smallest and largest energy [GeV] and zenith [rad] of training showers; None where no shower has one."""
    known = {name: events[name][np.isfinite(events[name])] for name in ("true_energy", "zenith")}
    return {name: [float(values.min()), float(values.max())] if len(values) else None for name, values in known.items()}


def _summary(events, seen: Seen, sources: list[SourceRow], header: Header, options: MergeOptions) -> dict:
    classes = list(options.classes)
    content, pairs = _checks(events, seen, classes)
    return {
        "data_model_version": header.version,
        "surrogate": any(row.kind == "surrogate" for row in sources),
        "classes": options.classes,
        "signal": classes[naming.index(classes, options.signal)],
        "channels": list(header.channels),
        "channel_names_known": list(CHANNELS),
        "observation_altitude_m": header.observation_altitude,
        "showers": len(events),
        **_counts(events, classes),
        "counts_by_primary": checks.counts_by_primary(events, options.classes),
        **_spectra(events, classes),
        "checks": content,
        # the two classes that the checks above are of: those that are told apart best
        "worst_pairs": {name: [classes[label] for label in pair] for name, pair in pairs.items() if pair},
        "sources": [{"file": r.file, "sha256": r.sha256, "kind": r.kind, "events": r.events} for r in sources],
        "split": {"validation": options.validation_fraction, "test": options.test_fraction, "seed": options.seed},
    }


def _counts(events: np.ndarray, classes: list[str]) -> dict[str, dict]:
    """Images by split and by file, class by class."""
    labels, is_test = events["label"], events["split"] == SPLITS["test"]

    def of_class(rows: np.ndarray) -> dict[str, int]:
        return {name: int(((labels == label) & rows).sum()) for label, name in enumerate(classes)}

    return {
        "counts": {split: of_class(events["split"] == code) for split, code in SPLITS.items()},
        "counts_by_file": {"train.h5": of_class(~is_test), "test.h5": of_class(is_test)},
    }


def _spectra(events: np.ndarray, classes: list[str]) -> dict:
    """Histograms of the energy by split, class by class."""
    energies = events["true_energy"]
    edges = np.geomspace(energies.min() * 0.999, energies.max() * 1.001, SPECTRUM_BINS + 1)
    spectra = {
        split: {
            name: np.histogram(energies[(events["split"] == code) & (events["label"] == label)], edges)[0]
            for label, name in enumerate(classes)
        }
        for split, code in SPLITS.items()
    }
    return {"energy_edges_gev": edges, "energy_spectra": spectra}


def _checks(events: np.ndarray, seen: Seen, classes: list[str]) -> tuple[dict, dict[str, tuple[int, int] | None]]:
    """The checks, and the labels of the two classes that each is of."""
    labels, is_test = events["label"], events["split"] == SPLITS["test"]
    energies = events["true_energy"].astype(float)
    distance, limit, pair = checks.compare_spectra(energies, labels, events["shower_id"])
    separations = {
        "auc_of_total_energy": checks.separation(seen.energy, labels),
        "auc_of_core_offset": checks.separation(np.hypot(events["core_x"], events["core_y"]), labels),
        "auc_of_muons": checks.separation(events["muons"].astype(float), labels),
        "auc_of_true_energy": checks.separation(energies, labels),
    }
    content = {
        "images_finite_and_not_negative": True,
        "showers_in_train_and_test": len(np.intersect1d(events["shower_id"][is_test], events["shower_id"][~is_test])),
        "images_in_several_splits": checks.repeated(seen.content, events["split"]),
        "class_imbalance": checks.class_imbalance({n: int((labels == i).sum()) for i, n in enumerate(classes)}),
        "ks_distance_of_energies": distance,
        "ks_limit_at_1_percent": limit,
        **{name: area for name, (area, _) in separations.items()},
    }
    return content, {"ks_distance_of_energies": pair} | {name: worst for name, (_, worst) in separations.items()}
