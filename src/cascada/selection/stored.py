"""The stored scores of a search, ready to be compared: what every trained network answered on the same validation showers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cascada.core import classes
from cascada.core.errors import DataError
from cascada.core.files import read_json
from cascada.data.format import SPLITS, open_showers, read_events, read_header
from cascada.experiment.population import TrialName
from cascada.statistics import metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """Trials that can be compared: completed ones of configurations of which no seed diverged at that budget.

    `logits`: of each of `trials` float32 (N, K); of the images `labels`, `shower_id` (N,); `classes`: names; `signal`: a label;
    `multiply_adds` by configuration, None where they are not known.
    """

    trials: list[TrialName]
    logits: list[np.ndarray]
    labels: np.ndarray
    shower_id: np.ndarray
    classes: list[str]
    signal: int
    multiply_adds: dict[str, int | None]


def read(manifest: Path, train: Path, described: Iterable[dict[str, Any]]) -> Stored:
    """Read the scores that search/scores.json lists, with the labels in train.h5.

    `described`: the metrics.json of trials, whose losses the scores have to give. Raises DataError for scores of other
    showers or in another order, and for a completed trial without scores.
    """
    from cascada.training.scores import identity_of
    from cascada.training.scoring import load

    content = read_json(manifest)
    events, names, signal = _validation(train)
    again = f"remove {manifest} and run again: trials are scored from their checkpoints where that is needed"
    if identity_of(events) != content["showers_sha256"]:
        raise DataError(
            f"{manifest}: the scores are of other validation showers than {train} has, or in another order; {again}."
        )
    entries = {_name(entry): entry for entry in content["trials"]}
    labels = events["label"].astype(np.int64)
    trials = comparable(entries)
    losses = {_name(trial): trial["validation"]["loss"] for trial in described if trial["status"] == "completed"}
    missing = sorted(losses.keys() - {name for name, entry in entries.items() if entry["path"]}, key=str)
    if missing:
        raise DataError(f"{manifest}: no scores of {_called(missing[0])}, which completed; {again}.")
    logits = [load(entries[name]) for name in trials]
    _check_losses(dict(zip(trials, logits, strict=True)), labels, losses)
    return Stored(
        trials=trials,
        logits=logits,
        labels=labels,
        shower_id=events["shower_id"],
        classes=names,
        signal=signal,
        multiply_adds={name.configuration: entry.get("multiply_adds") for name, entry in entries.items()},
    )


def comparable(entries: Mapping[TrialName, Mapping[str, Any]]) -> list[TrialName]:
    """The completed trials in order, without configurations of which a seed diverged at that budget. Pure."""
    diverged = {(name.configuration, name.epochs) for name, entry in entries.items() if entry["status"] == "diverged"}
    sound = [name for name, entry in entries.items() if entry["status"] == "completed"]
    order = sorted(sound, key=lambda name: (name.epochs, name.configuration, name.seed))
    return [name for name in order if (name.configuration, name.epochs) not in diverged]


def _validation(train: Path) -> tuple[np.ndarray, list[str], int]:
    """The events of the validation showers, in the order of the split, the names of the classes and the label of the signal."""
    with open_showers(train) as file:
        events, header = read_events(file), read_header(file)
    signal = classes.index(header.classes, header.signal)
    return events[events["split"] == SPLITS["validation"]], list(header.classes), signal


def _check_losses(
    logits: Mapping[TrialName, np.ndarray], labels: np.ndarray, losses: Mapping[TrialName, float]
) -> None:
    """Raise DataError where scores do not give the loss that their trial had: its showers stood in another order."""
    from cascada.training.scoring import SAME_LOSS

    for name in logits.keys() & losses.keys():
        found = metrics.log_loss(logits[name], labels) if len(logits[name]) == len(labels) else math.nan
        if not math.isclose(found, losses[name], **SAME_LOSS):
            raise DataError(
                f"scores.npy of {_called(name)}: their order does not fit the split, as their loss is {found:.4f} and the trial's "
                f"{losses[name]:.4f}; remove scores.npy and search/scores.json and run again: the trial is scored from its checkpoint."
            )


def _name(trial: Mapping[str, Any]) -> TrialName:
    return TrialName(trial["configuration"], trial["seed"], trial["epochs"])


def _called(name: TrialName) -> str:
    return f"{name.configuration}, seed {name.seed}, {name.epochs} epochs"
