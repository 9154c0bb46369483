"""What a reader made of a mutant, and whether that is right.

Right is: one sentence on stderr that names the file, exit status 1 and nothing left behind; or exit status 0 and

- the original's values, where the mutation is one of structure or the format has checksums;
- else as many showers as the original's with possible values, and, where the changed bytes are known, those of every
  shower that they do not touch to the bit.

Anything else (another exception, a warning, two lines, a leftover, more memory than a good file needs) is a failure.
"""

import contextlib
import io
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascada.cli import main
from cascada.core.errors import CascadaError
from cascada.data.format import IMAGES, open_showers, read_events, read_header, read_sources

from .corpus import Original
from .mutations import Mutation

SAME, OTHER, REFUSED = "same values", "other, possible values", "refused"


@dataclass
class Result:
    """What a file was read as: images (n, C, 80, 80) and events (n,), or the sentence that refused it."""

    images: np.ndarray | None = None
    events: np.ndarray | None = None
    refusal: str = ""


class WrongError(Exception):
    """A mutant that did not end as it must."""


def read(original: Original, path: Path, folder: Path) -> Result:
    """Read a file as a user would, with output in `folder`. Raises WrongError for an end that is none of the two."""
    if original.kind == "showers":
        return _read_showers(path)
    output = folder / "out.h5"
    arguments = ["convert", "--source", original.kind, *original.options, str(path), str(output)]
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        status = main(arguments)
    lines = errors.getvalue().splitlines()
    left = sorted(file.name for file in folder.iterdir())
    if status == 0:
        if left != ["out.h5"] or any("left out of the images" not in line for line in lines):
            raise WrongError(f"exit status 0 with {left} and {lines}")
        result = _read_showers(output)
        output.unlink()
        return result
    if status != 1 or len(lines) != 1 or left or path.name not in lines[0]:
        for file in folder.iterdir():
            file.unlink()
        raise WrongError(f"exit status {status} with {left} and {lines}")
    return Result(refusal=lines[0])


def _read_showers(path: Path) -> Result:
    try:
        with open_showers(path) as file:
            read_header(file), read_sources(file)
            return Result(file[IMAGES][:], read_events(file))
    except CascadaError as error:
        if "\n" in str(error) or path.name not in str(error):
            raise WrongError(f"not one sentence that names the file: {error}") from error
        return Result(refusal=str(error))


def judge(original: Original, good: Result, mutation: Mutation, found: Result) -> str:
    """Return how a mutant ended. Raises WrongError."""
    if found.refusal:
        return REFUSED
    if len(found.events) != len(good.events):
        raise WrongError(f"{len(found.events)} showers instead of {len(good.events)}")
    if _same(good, found):
        return SAME
    if mutation.kind == "structure" or original.protected:
        raise WrongError("other values, though nothing but the structure was changed")
    if original.kind != "showers":  # whose images are looked at where they are used
        _check_possible(found)
    if original.structure == "corsika" and mutation.changed:
        _check_untouched(original.path, good, mutation.changed, found)
    return OTHER


def _same(good: Result, found: Result) -> bool:
    orders = [np.argsort(result.events, order=("run", "event"), kind="stable") for result in (good, found)]
    for name in good.events.dtype.names:
        one, other = (result.events[name][order] for result, order in zip((good, found), orders, strict=True))
        if name not in ("event_id", "shower_id") and not np.allclose(one, other, rtol=1e-5, equal_nan=True):
            return False
    one, other = (result.images[order] for result, order in zip((good, found), orders, strict=True))
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True)


def _check_possible(found: Result) -> None:
    images, events = found.images, found.events
    possible = {
        "cells": np.isfinite(images).all() and (images >= 0).all(),
        "energies": np.isfinite(events["true_energy"]).all() and (events["true_energy"] > 0).all(),
        "zenith angles": ((events["zenith"] >= 0) & (events["zenith"] <= np.float32(np.pi))).all(),
        "muons": np.isfinite(events["muons"]).all() and (events["muons"] >= 0).all(),
        "primaries": (events["primary"] > 0).all(),
    }
    bad = [name for name, good in possible.items() if not good]
    if bad:
        raise WrongError(f"impossible {bad}")


def _check_untouched(path: Path, good: Result, changed: tuple[int, int], found: Result) -> None:
    for index, (start, stop) in enumerate(_spans(path.read_bytes())):
        touched = start < changed[1] and changed[0] < stop
        same = np.array_equal(good.images[index], found.images[index], equal_nan=True)
        if not touched and not (same and good.events[index].tolist() == found.events[index].tolist()):
            raise WrongError(f"shower {index} has other values, but bytes {changed} are none of its own")


def _spans(data: bytes) -> list[tuple[int, int]]:
    """Return first and last byte of each shower of a CORSIKA file with record markers."""
    starts = [found.start() for found in re.finditer(b"EVTH", data)]
    ends = [found.start() + 28 for found in re.finditer(b"EVTE", data)]
    return list(zip(starts, ends, strict=True))


def copy(original: Original, path: Path) -> Path:
    """Put a fresh copy of an original at `path`."""
    if path.is_dir():
        shutil.rmtree(path)
    if original.path.is_dir():
        shutil.copytree(original.path, path, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(original.path, path)
    return path
