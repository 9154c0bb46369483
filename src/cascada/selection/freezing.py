"""Write what was chosen to selection/checkpoint.pt: a trial's network as it is, or several, or with a temperature.

All of it is decided on validation showers, before the test is opened.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cascada.core.errors import CascadaError, DataError
from cascada.core.files import atomic_path, read_json, sha256

NONE, TEMPERATURE = "none", "temperature"  # selection.calibration
OF_ALL = ("parameters", "multiply_adds")  # of a trial or its configuration
OF_MEMBER = ("seed", "best_epoch", "checkpoint", "parameters", "validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Freezing:
    """What to make of the choice. A calibration reads `scores`, search/scores.json, and the labels in `train`, train.h5.

    `settings`: `bootstrap`, `confidence` and `seed` of its intervals.
    """

    ensemble: bool = False
    calibration: str = NONE
    scores: Path | None = None
    train: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def freeze(
    chosen: dict[str, Any],
    trials: list[dict[str, Any]],
    how: Freezing,
    checkpoint: Path,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Write the checkpoint; return what best.json says beyond the `chosen` trial: nothing where it is copied as it is.

    `trials`: those of the chosen configuration, of which an ensemble takes all; each names its `checkpoint`. `members`: of an
    ensemble; `calibration`: as `calibrating.calibrate`.
    """
    if not how.ensemble and how.calibration == NONE:
        with atomic_path(checkpoint) as temporary:
            shutil.copyfile(chosen["checkpoint"], temporary)
        return {}
    members = all_seeds(trials) if how.ensemble else [chosen]
    calibration = _calibration(members, how, say) if how.calibration == TEMPERATURE else None
    _write(members, calibration, checkpoint)
    facts: dict[str, Any] = {"calibration": calibration} if calibration else {}
    if how.ensemble:
        facts["members"] = [_member(one) for one in members]
    return facts


def together(content: dict[str, Any], frozen: dict[str, Any]) -> dict[str, Any]:
    """best.json with what was frozen: the members of an ensemble, which share a design, cost so many times as much as one. Pure."""
    number = len(frozen["members"]) if "members" in frozen else 1
    costs = {name: number * content[name] for name in OF_ALL if content.get(name) is not None}
    return content | costs | frozen


def all_seeds(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The members of an ensemble: every seed of a configuration. Raises CascadaError where one did not complete."""
    lost = [trial for trial in trials if trial["status"] != "completed"]
    if lost:
        names = ", ".join(f"{trial['seed']} ({trial['status']})" for trial in lost)
        raise CascadaError(
            f"selection.ensemble: {lost[0]['configuration']} cannot be averaged, as its seed(s) {names} left no network to average; "
            "lower the learning rates in search.models, or take the seed(s) out of search.seeds: what is trained stays."
        )
    return trials


def _member(trial: dict[str, Any]) -> dict[str, Any]:
    return {name: trial[name] for name in OF_MEMBER} | {"checkpoint_sha256": sha256(trial["checkpoint"])}


def _calibration(members: list[dict[str, Any]], how: Freezing, say: Callable[[str], None]) -> dict[str, Any]:
    """Fit the temperature on the stored scores of the members."""
    import numpy as np

    from cascada.data.loading import Showers
    from cascada.selection import calibrating
    from cascada.statistics.calibration import ensemble_logits
    from cascada.training import scores, scoring

    assert how.scores and how.train, "a calibration needs scores and labels"
    manifest, showers = read_json(how.scores), Showers(how.train, "validation", tier="stream")
    if manifest["showers_sha256"] != scores.identity_of(showers.events):
        raise DataError(
            f"{how.scores}: lists the scores of other validation showers, or in another order, than {how.train} has; "
            "remove it and run again: the trials are scored from their checkpoints."
        )
    logits = np.stack([scoring.load(_entry(manifest, one, how.scores)) for one in members])
    pooled = logits[0] if len(members) == 1 else ensemble_logits(logits)
    found = calibrating.calibrate(pooled, showers.events, list(showers.classes), showers.signal, how.settings)
    for text in calibrating.warnings(found):
        say(text)
    return found


def _entry(manifest: dict[str, Any], trial: dict[str, Any], path: Path) -> dict[str, Any]:
    """The trial's entry in the manifest of scores."""
    same = ("configuration", "seed", "epochs")
    for entry in manifest["trials"]:
        if entry["path"] and all(entry[name] == trial[name] for name in same):
            return entry
    raise DataError(
        f"{path}: has no scores of {trial['configuration']}, seed {trial['seed']}, {trial['epochs']} epochs, which selection.calibration "
        "needs; remove it and run again: the trial is scored from its checkpoint."
    )


def _write(members: list[dict[str, Any]], calibration: dict[str, Any] | None, checkpoint: Path) -> None:
    import torch

    from cascada.models.classifier import load_classifier
    from cascada.models.selected import Selected

    networks = [load_classifier(one["checkpoint"]) for one in members]
    frozen = Selected(networks, [one["seed"] for one in members], calibration["value"] if calibration else None)
    # a file object, not a path: the archive would carry the temporary file's name, and no two runs the same bytes
    with atomic_path(checkpoint) as temporary, temporary.open("wb") as file:
        torch.save(frozen.checkpoint(), file)
