"""A trial's bits today are those that it had when they were recorded: nothing that was added since has moved them.

The trial runs in a process of its own with the plainest kernels, so that most processors round alike. Where one still
rounds differently (another processor than that of the record, another PyTorch), the sums of the weights have to agree
to a thousandth: other random numbers or another order of showers move them by more.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import trials
from showers import small_dataset

RECORD = Path(__file__).parent / "recorded/trial.json"
PLAIN = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"}
CLOSE = 1e-3


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict:
    return measure(tmp_path_factory.mktemp("recorded"))


def measure(folder: Path) -> dict:
    """Train `lenet` for two epochs with all augmentations that there were; return the content of trial.json."""
    data, _ = small_dataset(folder, showers=200)
    changes = {"augmentation": "symmetries+shifts+scale"}
    process = trials.start(trials.specification(folder, data, epochs=2, hyperparameters=changes), **PLAIN)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    weights = trials.weights(folder)
    return {
        "machine": machine(),
        "images": sha256(images(data)),
        "checkpoint": hashlib.sha256((folder / "trial/checkpoint.pt").read_bytes()).hexdigest(),
        "weights": sha256(*weights.values()),
        "sums": {name: float(np.abs(value.astype(np.float64)).sum()) for name, value in weights.items()},
    }


def sha256(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def images(data: Path) -> np.ndarray:
    import h5py

    with h5py.File(data) as file:
        return file["images"][:]


def machine() -> list[str]:
    """What bits may depend on: the processor, PyTorch, NumPy (which makes the images)."""
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return [processor, torch.__version__, np.__version__]


def test_a_trial_has_the_bits_that_it_had(found):
    record = json.loads(RECORD.read_text())
    if found["images"] == record["images"]:
        assert found["sums"] == pytest.approx(record["sums"], rel=CLOSE)
    exact = ("images", "weights", "checkpoint")
    if [found[name] for name in exact] != [record[name] for name in exact]:
        assert found["machine"] != record["machine"], "same machine, other bits"
        pytest.skip(
            f"bits differ on {found['machine']}, recorded on {record['machine']}; the sums of the weights agree"
        )


if __name__ == "__main__":  # writes the record: once, before anything is changed
    sys.path.insert(0, str(Path(__file__).parent))
    import tempfile

    RECORD.write_text(json.dumps(measure(Path(tempfile.mkdtemp())), indent=1) + "\n")
