"""`templates.h5` of an exported folder: how the model scored the sealed showers, for `cascada composition`.

| path                        | content                                                                          |
|-----------------------------|----------------------------------------------------------------------------------|
| `/test/probability`         | float32 (N, K), as predicted in the one opening of the sealed showers            |
| `/test/label`, `shower_id`  | true class, and what the images of one shower share                              |
| `/test/true_energy`         | [GeV], by which a spectrum is given                                              |
| `/also/<name>/…`            | the same of each further set of the test (`testing.also`): systematics           |

Scores and no images; they are read from the predictions that the test left, so that the seal stays closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cascada.core.errors import DataError
from cascada.core.files import atomic_path
from cascada.export.folder import TEMPLATES, get_again, read_content

TEST, FURTHER = "test", "also"
COLUMNS = ("probability", "label", "shower_id", "true_energy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Of one set of showers: probabilities (N, K), labels (N,), shower_id (N,), true energies (N,) [GeV]."""

    probability: np.ndarray
    label: np.ndarray
    shower_id: np.ndarray
    true_energy: np.ndarray


def write_scores(tested: Path, also: Mapping[str, Path], target: Path) -> None:
    """Write the scores of the test's predictions.h5, and of those of its further sets by name."""
    with atomic_path(target) as temporary, h5py.File(temporary, "w") as file:
        for group, path in {TEST: tested, **{f"{FURTHER}/{name}": path for name, path in also.items()}}.items():
            for column, values in _predicted(path).items():
                file[f"{group}/{column}"] = values
            file[f"{group}/true_energy"].attrs["unit"] = "GeV"


def _predicted(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path, "r") as file:
        if missing := [name for name in COLUMNS if name not in file]:
            raise DataError(f"{path}: {missing} missing; test the model again: snakemake --forcerun test_model.")
        return {name: file[name][:] for name in COLUMNS}


def read_scores(folder: Path) -> tuple[Scores, dict[str, Scores]]:
    """Return the scores of the sealed showers, and those of the further sets by name. Raises DataError where there are none."""
    content, path = read_content(folder), folder / TEMPLATES
    if not path.is_file():
        raise DataError(
            f"{folder}: holds no scores of its test ({TEMPLATES}; the folder has format {content['format']}, which is "
            "older, or is "
            "not complete), and so no templates; export the model again with this version, from the results that it "
            "was "
            "chosen from: `snakemake --forcerun export_model`."
        )
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _scores(file[TEST]), {str(name): _scores(one) for name, one in file.get(FURTHER, {}).items()}
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: not readable ({error}); {get_again(folder)}.") from error


def _scores(group: h5py.Group) -> Scores:
    return Scores(**{name: group[name][:] for name in COLUMNS})
