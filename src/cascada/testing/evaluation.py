"""One opening of the sealed showers: the selected model and the baselines, their predictions, the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core.classes import ASSUMED, index
from cascada.core.errors import DataError
from cascada.core.files import atomic_path, read_json, sha256, write_json
from cascada.core.provenance import provenance
from cascada.statistics import calibrated, metrics
from cascada.testing import also as beside
from cascada.testing import ledger, mistakes, spectrum
from cascada.testing.report import report

BATCH = 512


@dataclass(kw_only=True, slots=True)
class Predictions:
    """What one pass over the sealed showers gives: logits (N, K) of the model and by name of the baselines."""

    logits: np.ndarray
    baselines: dict[str, np.ndarray]
    events: np.ndarray
    mistakes: mistakes.Mistakes | None  # None where nobody asked for them
    classes: list[str]
    surrogate: bool
    signal: int = ASSUMED  # its label
    temperature: float | None = None  # that divides the model's logits


def test_model(
    *,
    best: Path,
    checkpoint: Path,
    test: Path,
    train: Path,
    baselines: Path | None,
    metrics_file: Path,
    predictions: Path,
    mistakes_file: Path,
    settings: dict,
    also: Mapping[str, Path] | None = None,
    device: str = "cpu",
    threads: int = 1,
) -> dict:
    """Evaluate once; write predictions.h5, mistakes.h5 and metrics.json, and note the opening in the ledger beside test.h5.

    `also`: files of the sets of `settings["also"]` that have showers of their own; what is found on each set stands in metrics.json
    and in the folder `also/<name>` beside it. `settings`: `bootstrap` resamples, `confidence`, `seed`, `reopen`, `spectrum_index`.
    Raises DataError if the checkpoint is not the frozen one, or if the sealed data, or a set, were opened for another selection and
    `reopen` is not set. `train` tells selections apart.
    """
    chosen = read_json(best)
    _compare_digests(checkpoint, chosen, best)
    _check(settings, train, test)
    transforms = beside.transforms(settings)
    opening = ledger.open_seal(test, chosen, settings.get("reopen", False), train, also, transforms)

    def ask(where: Path, change: beside.Change | None = None, explain: bool = False) -> Predictions:
        return predict(checkpoint, where, baselines, device, threads, change, explain)

    result = ask(test, explain=True)
    content = _numbers(result, settings) | _facts(chosen, result, opening, baselines)
    for name in settings.get("also", {}):
        change = beside.change(transforms[name], settings["seed"]) if name in transforms else None
        found_on = ask(test if change else (also or {})[name], change)
        content.setdefault("also", {})[name] = one = beside.compare(name, found_on, result, settings)
        folder = metrics_file.parent / "also" / name
        _write_predictions(folder / predictions.name, found_on, opening["reopened"])
        write_json(folder / metrics_file.name, one | {"provenance": content["provenance"]})
    ledger.record(test, opening, content)
    _write_predictions(predictions, result, opening["reopened"])
    assert result.mistakes is not None
    mistakes.write(
        mistakes_file, result.mistakes, result.logits, result.baselines, result.events, surrogate=result.surrogate,
        reopened=opening["reopened"],
    )  # fmt: skip
    write_json(metrics_file, content)
    return content


def _compare_digests(checkpoint: Path, chosen: dict, best: Path) -> None:
    """Raise DataError unless the checkpoint is the one that was chosen."""
    found, frozen = sha256(checkpoint), chosen["checkpoint_sha256"]
    if found != frozen:
        raise DataError(
            f"{checkpoint}: its sha256 {found[:12]}… is not the one frozen in {best} ({frozen[:12]}…); "
            "choose again: snakemake --forcerun select."
        )


def _numbers(result: Predictions, settings: dict) -> dict:
    """What metrics.json says of the sealed showers; with a temperature also what they were before it, under both spectra."""
    content = report(result.logits, result.events, result.baselines, settings, result.classes, result.signal)
    if result.temperature is not None:
        content["uncalibrated"] = _uncalibrated(result, settings)
        if "spectrum" in content:
            weight = spectrum.weights(result.events, settings)
            content["spectrum"]["uncalibrated"] = _uncalibrated(result, settings, weight)
    return content


def _facts(chosen: dict, result: Predictions, opening: dict, baselines: Path | None) -> dict:
    """What metrics.json says of the model, of the opening, and of where everything comes from.

    Of an ensemble its `members`, their seeds; of a `temperature` how it was fitted.
    """
    sealed = opening["ledger"][-1]["test_sha256"]
    facts = {
        "surrogate": result.surrogate,
        "configuration": chosen["configuration"],
        "seed": chosen["seed"],
        "checkpoint_sha256": chosen["checkpoint_sha256"],
        "test_sha256": sealed,
        "baselines_sha256": sha256(baselines) if baselines else None,
        "opening": opening,
        "provenance": provenance(train=chosen.get("data_sha256"), test=sealed),
    }
    if "members" in chosen:
        facts["members"] = [one["seed"] for one in chosen["members"]]
    if result.temperature is not None:
        facts["temperature"] = chosen["calibration"]
    return facts


def _check(settings: dict, train: Path, test: Path) -> None:
    """Raise DataError for a test that cannot be made, before the seal is opened: no image is looked at."""
    from cascada.data.format import open_showers, read_events, read_header

    if settings.get("spectrum_index") is not None:
        with open_showers(train) as file:
            spectrum.weights(read_events(file), settings)
    for name in beside.transforms(settings):
        with open_showers(test) as file:
            events, header = read_events(file), read_header(file)
        beside.check(f"testing.also.{name}", events["label"], events["shower_id"], list(header.classes))


def _uncalibrated(result: Predictions, settings: dict, weight: np.ndarray | None = None) -> dict:
    """Loss, Brier score, ECE and reliability of the sealed showers before the temperature, and the paired `differences` that it makes."""
    assert result.temperature is not None
    found = calibrated.figures(
        result.logits.astype(np.float64) * result.temperature, result.logits, result.events["label"].astype(np.int64),
        signal=result.signal, resamples=settings["bootstrap"], confidence=settings["confidence"], seed=settings["seed"],
        shower_id=result.events["shower_id"], weight=weight,
    )  # fmt: skip
    return found["before"] | {"differences": found["differences"]}


def predict(
    checkpoint: Path,
    test: Path,
    baselines: Path | None,
    device: str,
    threads: int,
    change: beside.Change | None = None,
    explain: bool = True,
) -> Predictions:
    """Read the sealed showers once, in blocks, for the model and for the baselines.

    `change`: what is done to the images before; `explain`: whether to find out what the network looked at where it is wrong.
    """
    import torch

    from cascada.baselines import Baselines
    from cascada.core import machine
    from cascada.data.format import IMAGES, open_showers, read_events, read_header, read_sources
    from cascada.models.selected import load_selected, temperature_of

    machine.use_deterministically(threads)
    where = machine.choose_device(device)
    classifier, others = load_selected(checkpoint, where), Baselines(baselines) if baselines else None
    logits, theirs = [], []

    def ask(block: np.ndarray) -> np.ndarray:
        return classifier(torch.from_numpy(block).to(where)).float().cpu().numpy()

    with open_showers(test) as file, torch.inference_mode():
        events, images, header = read_events(file), file[IMAGES], read_header(file)
        size = BATCH // classifier.views
        for start in range(0, len(events), size):
            block = images[start : start + size]
            block = change(block, list(header.channels), start) if change else block
            logits.append(ask(block))
            theirs.append(others.logits(block) if others else {})
        together = np.concatenate(logits)
        return Predictions(
            logits=together,
            baselines={name: np.concatenate([part[name] for part in theirs]) for name in theirs[0]},
            events=events,
            mistakes=mistakes.examine(ask, images, together, events["label"], header.channels) if explain else None,
            classes=list(header.classes),
            signal=index(header.classes, header.signal),
            surrogate=any(row.kind == "surrogate" for row in read_sources(file)),
            temperature=temperature_of(classifier),
        )


def _write_predictions(path: Path, result: Predictions, reopened: bool) -> None:
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file["probability"] = metrics.softmax(result.logits).astype(np.float32)
        file["logits"] = result.logits.astype(np.float32)  # where probabilities round to 1
        for name in ("label", "event_id", "shower_id", "true_energy", "muons"):
            file[name] = result.events[name]
        file["true_energy"].attrs["unit"] = "GeV"
        for name, logits in result.baselines.items():
            file[f"baselines/{name}/probability"] = metrics.softmax(logits).astype(np.float32)
        file.attrs.create("classes", result.classes, dtype=h5py.string_dtype())
        file.attrs["signal"] = result.classes[result.signal]
        file.attrs["surrogate"] = result.surrogate
        file.attrs["reopened"] = reopened
        if result.temperature is not None:
            file.attrs["temperature"] = result.temperature
