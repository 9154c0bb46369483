"""Write what was chosen to selection/checkpoint.pt: a trial's network as it is, or several, or with a temperature.

All of it is decided on validation showers, before the test is opened.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cascada.core.errors import CascadaError
from cascada.core.files import atomic_path, sha256
from cascada.experiment.population import TrialName
from cascada.selection import calibrating
from cascada.selection.stored import Stored
from cascada.statistics.calibration import ensemble_logits
from cascada.statistics.words import networks

NONE, TEMPERATURE = "none", "temperature"  # selection.calibration
OF_ALL = ("parameters", "multiply_adds")  # of a trial or its configuration
OF_MEMBER = ("seed", "best_epoch", "checkpoint", "parameters", "validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Freezing:
    """What to make of the choice; `settings`: `bootstrap`, `confidence` and `seed` of a calibration's intervals."""

    ensemble: bool = False
    calibration: str = NONE
    settings: dict[str, Any] = field(default_factory=dict)


def freeze(
    chosen: dict[str, Any],
    trials: list[dict[str, Any]],
    how: Freezing,
    stored: Stored,
    checkpoint: Path,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Write the checkpoint; return what best.json says beyond the `chosen` trial: nothing where it is copied as it is.

    `trials`: those of the chosen configuration, of which an ensemble takes all; each names its `checkpoint`. `stored`: the
    scores that a calibration is fitted to. What is returned: `members` of an ensemble; `calibration` as by `calibrating.calibrate`.
    """
    if not how.ensemble and how.calibration == NONE:
        with atomic_path(checkpoint) as temporary:
            shutil.copyfile(chosen["checkpoint"], temporary)
        return {}
    members = all_seeds(trials) if how.ensemble else [chosen]
    calibration = _calibration(members, how, stored, say) if how.calibration == TEMPERATURE else None
    _write(members, calibration, checkpoint)
    facts: dict[str, Any] = {"calibration": calibration} if calibration else {}
    if how.ensemble:
        facts["members"] = [_member(one) for one in members]
    return facts


def together(content: dict[str, Any], frozen: dict[str, Any]) -> dict[str, Any]:
    """best.json with what was frozen. Pure.

    The members of an ensemble, which share a design, cost so many times as much as one, and no seed was chosen.
    """
    if "members" not in frozen:
        return content | frozen
    seeds = [one["seed"] for one in frozen["members"]]
    costs = {name: len(seeds) * content[name] for name in OF_ALL if content.get(name) is not None}
    why = f"the {networks(content['seed'], seeds)}, as selection.ensemble asks for."
    return content | costs | frozen | {"selection": content["selection"] | {"why_this_seed": why}}


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


def _calibration(
    members: list[dict[str, Any]], how: Freezing, stored: Stored, say: Callable[[str], None]
) -> dict[str, Any]:
    """Fit the temperature on the stored scores of the members."""
    names = [TrialName(one["configuration"], one["seed"], one["epochs"]) for one in members]
    logits = np.stack([stored.logits[stored.trials.index(name)] for name in names])
    pooled = logits[0] if len(members) == 1 else ensemble_logits(logits)
    found = calibrating.calibrate(pooled, stored.labels, stored.shower_id, stored.classes, stored.signal, how.settings)
    for text in calibrating.warnings(found):
        say(text)
    return found


def _write(members: list[dict[str, Any]], calibration: dict[str, Any] | None, checkpoint: Path) -> None:
    import torch

    from cascada.models.classifier import load_classifier
    from cascada.models.selected import Selected

    networks = [load_classifier(one["checkpoint"]) for one in members]
    frozen = Selected(networks, [one["seed"] for one in members], calibration["value"] if calibration else None)
    # a file object, not a path: the archive would carry the temporary file's name, and no two runs the same bytes
    with atomic_path(checkpoint) as temporary, temporary.open("wb") as file:
        torch.save(frozen.checkpoint(), file)
