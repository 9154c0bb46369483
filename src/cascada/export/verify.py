"""Verify an exported folder: its files' hashes, the outputs of its probe showers, the data it names.

With a second folder, compare the two: what a reproduction must have in common with the original, bit by bit.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.core.errors import DataError
from cascada.core.files import sha256
from cascada.export.folder import CONTENT, ONNX, PROBE, PT2, SUMS, TEMPLATES, TOLERANCE, read_content
from cascada.export.predict import Model
from cascada.export.probe import SAME_TEMPERATURE, read_probe, temperature_between
from cascada.export.program import program

TEMPERATURE = "temperature"  # name of its check
SOME = ("one", "none")
DATA_FILES = {"train.h5": "train_sha256", "test.h5": "test_sha256"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared, whether it is as recorded, and what was found."""

    name: str
    passed: bool
    found: str


def verify(folder: Path, data: Path | None = None, other: Path | None = None) -> list[Check]:
    """Return all checks of an exported folder; raises DataError only if the folder is not an exported model.

    `data`: the folder of train.h5 and test.h5, if they are to be hashed as well (test.h5 is not opened).
    `other`: another exported folder that must have come out the same.
    """
    content = read_content(folder)
    checks = check_hashes(folder)
    checks += [_probe(folder, name) for name in (ONNX, PT2)]
    checks += _temperature(folder, content)
    if data is not None:
        checks += [_data(data / name, content["data"][key]) for name, key in DATA_FILES.items()]
    if other is not None:
        checks += compare(folder, other)
    return checks


def check_hashes(folder: Path) -> list[Check]:
    """Recompute the hashes that the folder's SHA256SUMS records."""
    sums = folder / SUMS
    if not sums.is_file():
        return [Check(SUMS, False, "missing: the folder is not complete")]
    checks = []
    for line in sums.read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition("  ")
        path = folder / name
        if not name or Path(name).name != name:
            checks.append(Check(SUMS, False, f"line {line!r} is not a hash and a file name"))
        elif not path.is_file():
            checks.append(Check(name, False, "missing"))
        else:
            checks.append(_same_hash(name, sha256(path), expected))
    return checks or [Check(SUMS, False, "empty")]


def _same_hash(name: str, found: str, expected: str) -> Check:
    if found == expected:
        return Check(name, True, f"sha256 {found[:12]}…")
    return Check(name, False, f"sha256 {found[:12]}… instead of {expected[:12]}…")


def _data(path: Path, expected: str) -> Check:
    if not path.is_file():
        return Check(str(path), False, "missing")
    return _same_hash(str(path), sha256(path), expected)


def _probe(folder: Path, name: str) -> Check:
    """Run the probe showers through one of the two exports and compare with the recorded probabilities."""
    what = f"outputs of {name}"
    try:
        images, expected, _ = read_probe(folder)
        found = _run(folder, name, images)
        if found.shape != expected.shape:
            return Check(what, False, f"shape {found.shape} instead of {expected.shape}")
        difference = float(np.abs(found.astype(np.float64) - expected).max())
    except DataError as error:
        return Check(what, False, str(error))
    text = "the same bits" if np.array_equal(found, expected) else f"largest difference {difference:.1e}"
    return Check(what, difference <= TOLERANCE, f"{text} in {len(images)} showers, {TOLERANCE:.0e} allowed")


def _temperature(folder: Path, content: dict) -> list[Check]:
    """Find the temperature in the graph and compare it with the one that model.json names; nothing where there is none."""
    recorded = (content.get("calibration") or {}).get("value")
    try:
        images, _, uncalibrated = read_probe(folder)
        if recorded is None and uncalibrated is None:
            return []
        if not isinstance(recorded, float) or uncalibrated is None:
            return [
                Check(TEMPERATURE, False, f"{recorded} in {CONTENT}, {PROBE} knows of {SOME[uncalibrated is None]}")
            ]
        found = temperature_between(uncalibrated, _run(folder, ONNX, images))
    except DataError as error:
        return [Check(TEMPERATURE, False, str(error))]
    same = abs(found - recorded) <= SAME_TEMPERATURE * recorded
    return [Check(TEMPERATURE, same, f"{found:.4f} in {ONNX}, {recorded:.4f} in {CONTENT}")]


def _run(folder: Path, name: str, images: np.ndarray) -> np.ndarray:
    if name == ONNX:
        return Model(folder, threads=1).probabilities(images)
    import torch

    run = program(folder)
    with torch.inference_mode():
        return run(torch.from_numpy(images)).numpy()


def compare(folder: Path, other: Path) -> list[Check]:
    """What two exports of the same run on the same kind of machine have in common: data, weights and outputs."""
    one, two = read_content(folder), read_content(other)
    checks = [
        Check(
            f"both: {name}",
            one["data"][name] == two["data"][name],
            f"{one['data'][name][:12]}…, {two['data'][name][:12]}…",
        )
        for name in DATA_FILES.values()
    ]
    for name in ("configuration", "seed", "checkpoint_sha256", "test"):
        same = one[name] == two[name]
        checks.append(Check(f"both: {name}", same, "equal" if same else f"{one[name]} and {two[name]}"))
    scored = (TEMPLATES,) if one["format"] == two["format"] else ()  # format 1 had none
    for name in (ONNX, PT2, PROBE, *scored):
        checks.append(_same_hash(f"both: {name}", *(_hash(place / name) for place in (other, folder))))
    return checks


def _hash(path: Path) -> str:
    return sha256(path) if path.is_file() else "missing"
