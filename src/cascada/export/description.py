"""What model.json says of an exported model: where it comes from, how it was chosen, and what its test has shown."""

import contextlib
import time
from importlib.metadata import PackageNotFoundError, version

from cascada.core.classes import ASSUMED
from cascada.core.notices import MARKS
from cascada.core.provenance import provenance
from cascada.data.format import CELL_SIZE, IMAGE_SIZE
from cascada.export.folder import FORMAT
from cascada.models.selected import Frozen
from cascada.statistics import promise
from cascada.statistics.names import CALIBRATED, COMPARED

FROZEN = ("members", "calibration")  # of best.json, where the selection froze more than one network as it was trained
PACKAGES = ("cascada", "torch", "numpy", "h5py", "onnx", "onnxscript", "onnxruntime", "scikit-learn", "snakemake")


def description(classifier: Frozen, chosen: dict, test: dict, summary: dict, experiment: dict) -> dict:
    origin = provenance(train=summary["train_sha256"], test=summary["test_sha256"])
    kept = (
        "configuration", "model", "hyperparameters", "seed", "seeds", "epochs", "best_epoch", "parameters",
        "metric", "number_of_configurations", "number_of_trials", "checkpoint_sha256",
    )  # fmt: skip
    return {
        "format": FORMAT,
        "experiment": experiment["experiment"],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **{name: chosen[name] for name in kept},
        **{name: chosen[name] for name in FROZEN if name in chosen},
        "input": {
            "name": "images",
            "dtype": "float32",
            "shape": ["batch", len(classifier.channels), IMAGE_SIZE, IMAGE_SIZE],
            "axes": ["shower", "channel", "y", "x"],
            "channels": classifier.channels,
            "units": ["1" if name == "muons" else "GeV" for name in classifier.channels],
            "cell_size_m": CELL_SIZE,
            "observation_altitude_m": summary["observation_altitude_m"],
        },
        "output": {
            "name": "probabilities",
            "dtype": "float32",
            "shape": ["batch", len(classifier.class_names)],
            "classes": classifier.class_names,
            "signal": summary.get("signal", classifier.class_names[ASSUMED]),
        },
        "classes": summary["classes"],
        "data": {
            "data_model_version": summary["data_model_version"],
            "ranges": summary.get("ranges", {}),
            "surrogate": summary["surrogate"],
            **{
                name: summary[name] for name in ("showers", "counts", "train_sha256", "test_sha256", "split", "sources")
            },
        },
        "validation_over_seeds": chosen["validation"],
        **_choice(chosen, test),
        "test": _tested(test, len(classifier.class_names)),
        "settings": experiment,
        "packages": _versions(),
        "provenance": {"selection": chosen["provenance"], "test": test["provenance"], "export": origin},
    }


def _choice(chosen: dict, test: dict) -> dict:
    """How the model was chosen, and what the test says of what that promised; nothing where best.json is an older one."""
    if "selection" not in chosen:
        return {}
    record = {name: value for name, value in chosen["selection"].items() if name != "candidates"}
    return {"multiply_adds": chosen["multiply_adds"], "selection": record | {"said": promise.sentences(chosen, test)}}


def _numbers(content: dict) -> dict:
    """Of a section of metrics.json each number with its interval."""
    return {
        name: {part: value[part] for part in ("value", "low", "high")}
        for name, value in content.items()
        if isinstance(value, dict)
        and name != "temperature"  # of the selection, which is no metric
        and {"value", "low", "high"} <= value.keys()
        and isinstance(value["value"], int | float)
    }


def _under_spectrum(section: dict) -> dict:
    about = ("index", "simulated", "effective_showers", "effective_of_class")
    return _numbers(section) | {name: section[name] for name in about} | _uncalibrated(section)


def _beside(one: dict) -> dict:
    """Of a set beside the sealed showers each number with its interval and its difference to theirs, and what it is."""
    numbers = {
        name: value | {"difference": one[name]["difference"]}
        for name, value in _numbers(one).items()
        if name in COMPARED
    }
    return numbers | {name: one[name] for name in ("what", "surrogate", "showers", "of_class")}


def _tested(test: dict, classes: int) -> dict:
    """Of the test's metrics.json each number with its interval, what they were taken from, and the marks of its opening."""
    return (
        _numbers(test)
        | {"showers": test["showers"], "confidence": test["settings"]["confidence"]}
        | ({"spectrum": _under_spectrum(test["spectrum"])} if "spectrum" in test else {})
        | ({"also": {name: _beside(one) for name, one in test["also"].items()}} if test.get("also") else {})
        | ({"of_class": test["of_class"]} if classes > 2 else {})
        | _uncalibrated(test)
        | {name: True for name in MARKS if test.get("opening", {}).get(name)}
    )


def _uncalibrated(test: dict) -> dict:
    """What a temperature changed in the test or in its section under a spectrum, and the calibration error that chance alone makes."""
    if "uncalibrated" not in test:
        return {}
    before = {name: test["uncalibrated"][name] for name in CALIBRATED}
    return {"uncalibrated": before, "ece_by_chance": test["ece"]["if_calibrated"]}


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
