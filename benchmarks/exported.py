"""An exported `lenet` with fresh weights, whole as the workflow writes it: what a server or a stream loads."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from exports import make_export

LENET = {"channels": (6, 16)}


def exported(folder: Path, showers: int = 2000) -> Path:
    """Write dataset/, selection/, test/ and model/; return the folder. `showers`: of which four fifths are in train.h5."""
    return make_export(folder / "results", showers=showers, network=LENET)
