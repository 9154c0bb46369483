"""Export the selected model to one folder that stands alone, and check that both exports compute what PyTorch does.

The folder is described in folder.py. The preprocessing is part of both graphs, so that training and use cannot differ in it.
"""

import contextlib
import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cascada.core.classes import ASSUMED
from cascada.core.errors import DataError
from cascada.core.files import atomic_path, read_json, sha256, write_json, write_text
from cascada.core.notices import MARKS
from cascada.core.provenance import provenance
from cascada.data.format import CELL_SIZE, IMAGE_SIZE
from cascada.data.loading import Showers
from cascada.export.folder import FORMAT, LICENSE, ONNX, PT2, TEMPLATES, TOLERANCE, write_description
from cascada.export.probe import write_probe
from cascada.export.reference import reference
from cascada.export.scores import write_scores
from cascada.models.selected import Frozen, Selected, load_selected, temperature_of
from cascada.statistics import bootstrap, metrics, promise
from cascada.statistics.names import CALIBRATED, COMPARED, METRICS

PROBE_SHOWERS = 16
CHECKED_SHOWERS = 512  # validation showers on which the exports are compared with PyTorch
BATCH = 256
FROZEN = ("members", "calibration")  # of best.json, where the selection froze more than one network as it was trained
COST_REPETITIONS = 5
PACKAGES = ("cascada", "torch", "numpy", "h5py", "onnx", "onnxscript", "onnxruntime", "scikit-learn", "snakemake")


class Probabilities(nn.Module):
    """A classifier whose outputs are probabilities: what is exported."""

    def __init__(self, classifier: Frozen):
        super().__init__()
        self.classifier = classifier

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Take raw images float32 (N, C, 80, 80) [GeV], return probabilities (N, K)."""
        return self.classifier(images).softmax(dim=1)


def export_model(
    best: Path, checkpoint: Path, train: Path, summary: Path, tested: Path, predictions: Path, folder: Path, experiment: dict,
    also: Mapping[str, Path] | None = None,
) -> dict:  # fmt: skip
    """Write the folder; return the content of model.json.

    `best`, `checkpoint`: of the selection; `train`, `summary`: of the data set; `tested`, `predictions`: the test's metrics.json
    and predictions.h5; `also`: predictions on further sets by name; `experiment`: the configuration. Raises DataError where
    these do not belong together.
    """
    chosen, test = read_json(best), read_json(tested)
    found = sha256(checkpoint)
    for name, expected in ((best, chosen["checkpoint_sha256"]), (tested, test["checkpoint_sha256"])):
        if found != expected:
            raise DataError(
                f"{checkpoint}: its sha256 {found[:12]}… is not the one in {name} ({expected[:12]}…); "
                "run the workflow again from the rule `select` on."
            )
    classifier = load_selected(checkpoint)
    validation = Showers(train, "validation", "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    write_graphs(classifier, folder)
    logits = _logits(classifier, validation)
    _write_probe(classifier, validation, folder)
    write_text(folder / LICENSE, _license())
    write_scores(predictions, also or {}, folder / TEMPLATES)
    content = _content(classifier, chosen, test, read_json(summary), experiment)
    content["evaluation"] = _cost(classifier, validation.images(PROBE_SHOWERS))
    content["validation"] = _with_intervals(logits, validation.events, experiment["testing"], validation.signal)
    content["reference"] = reference(metrics.softmax(logits), validation)
    write_description(folder, content)
    return content


def write_graphs(classifier: Frozen, folder: Path) -> None:
    """Write model.onnx and model.pt2, without traces of the machine: the same weights give the same bytes."""
    import onnx

    model = Probabilities(classifier).eval()
    example = torch.zeros(2, len(classifier.channels), IMAGE_SIZE, IMAGE_SIZE)
    with _quiet():
        shapes = {"images": {0: torch.export.Dim("batch", min=1)}}
        program = torch.export.export(model, (example,), dynamic_shapes=shapes)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # paths of this machine
        # a file object, not a path: the archive would carry the temporary file's name
        with atomic_path(folder / PT2) as temporary, temporary.open("wb") as file:
            torch.export.save(program, file)
        exported = torch.onnx.export(
            program, (), input_names=["images"], output_names=["probabilities"], verbose=False, external_data=False
        )
    assert exported is not None, "PyTorch returns what it exports"
    graph = exported.model_proto
    _tidy(graph, classifier)
    with atomic_path(folder / ONNX) as temporary:
        onnx.save(graph, temporary)


def _tidy(model, classifier: Frozen) -> None:
    """Name the batch dimension, and replace the exporter's notes by what a user of the file alone needs."""
    import onnx

    name = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == name:
                dimension.dim_param = "batch"
    for node in model.graph.node:
        del node.metadata_props[:]
    del model.graph.metadata_props[:]
    facts = {
        "input": "energy at ground per cell [GeV] (muons: a count), unprocessed",
        "channels": ",".join(classifier.channels),
        "classes": ",".join(classifier.class_names),
    }
    onnx.helper.set_model_props(model, facts)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' notes about optional packages and their own deprecations out of the logs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _logits(classifier: Frozen, showers: Showers) -> np.ndarray:
    with torch.inference_mode():
        return np.concatenate([classifier(images).numpy() for images, _ in showers.batches(BATCH)])


def probabilities(classifier: Frozen, images: torch.Tensor) -> np.ndarray:
    """PyTorch's answer for raw images (N, C, 80, 80) [GeV]: float32 (N, K)."""
    model = Probabilities(classifier).eval()
    with torch.inference_mode():
        return np.concatenate([model(part).numpy() for part in images.split(BATCH)])


def _cost(classifier: Frozen, images: torch.Tensor) -> dict:
    """How an answer is formed, and what it takes on this machine: the best of five batches of `images` in PyTorch."""
    kinds = {"plain": classifier.plain()} | ({"symmetric": classifier} if classifier.views > 1 else {})
    taken = {}
    with torch.inference_mode():
        for name, model in kinds.items():
            seconds = []
            for _ in range(COST_REPETITIONS):
                started = time.perf_counter()
                model(images)
                seconds.append(time.perf_counter() - started)
            taken[name] = round(1000 * min(seconds) / len(images), 4)
    return {
        "kind": list(kinds)[-1],
        "views": classifier.views,
        "milliseconds_per_shower": taken,
        "threads": torch.get_num_threads(),
    }


def _write_probe(frozen: Frozen, validation: Showers, folder: Path) -> None:
    images = validation.images(PROBE_SHOWERS)
    events = validation.events[:: -(-len(validation) // PROBE_SHOWERS)]
    before = None
    if isinstance(frozen, Selected) and temperature_of(frozen) is not None:
        with torch.inference_mode():
            before = frozen.uncalibrated()(images).numpy()
    write_probe(folder, images.numpy(), events, frozen.channels, probabilities(frozen, images), before)


def _with_intervals(logits: np.ndarray, events: np.ndarray, settings: dict, signal: int = ASSUMED) -> dict:
    """Metrics of the exported checkpoint on validation showers as value, low, high; images of a shower are drawn together."""
    statistics = bootstrap.overall(logits, events["label"].astype(np.int64), signal)
    options = (settings["bootstrap"], settings["confidence"], settings["seed"], events["shower_id"])
    found = bootstrap.intervals({name: statistics[name] for name in METRICS}, len(events), *options)
    return found | {"showers": len(np.unique(events["shower_id"])), "confidence": settings["confidence"]}


def _content(classifier: Frozen, chosen: dict, test: dict, summary: dict, experiment: dict) -> dict:
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
    return _numbers(section) | {name: section[name] for name in about}


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
    """Of the test, what a temperature changed, and the calibration error that chance alone makes of exact probabilities."""
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


def _license() -> str:
    beside = Path(__file__).parents[3] / "LICENSE"  # the source tree
    text = beside.read_text() if beside.is_file() else distribution("cascada").read_text("licenses/LICENSE")
    if not text:
        raise DataError("The text of the licence was not installed; install cascada again from its repository.")
    return text


def check_export(folder: Path, checkpoint: Path, train: Path, report: Path) -> dict:
    """Compare both exports with PyTorch on validation showers, for several batch sizes; write the differences.

    Raises DataError if a probability differs by more than TOLERANCE.
    """
    from cascada.export.predict import Model
    from cascada.export.program import program

    classifier = load_selected(checkpoint)
    images = Showers(train, "validation", "cpu").images(CHECKED_SHOWERS)
    expected = probabilities(classifier, images)
    session, torch_program = Model(folder, threads=1), program(folder)
    exports = {ONNX: lambda part: session.probabilities(part.numpy()), PT2: lambda part: torch_program(part).numpy()}
    differences: dict[str, dict[str, float]] = {}
    for name, run in exports.items():
        with torch.inference_mode():
            for size in (1, 7, BATCH):
                part = images[:32] if size == 1 else images
                found = np.concatenate([run(batch) for batch in part.split(size)])
                difference = float(np.abs(found - expected[: len(part)]).max())
                differences.setdefault(name, {})[f"batches of {size}"] = difference
    content = {"tolerance": TOLERANCE, "showers": len(images), "largest_differences": differences}
    worst = max((value, name) for name, values in differences.items() for value in values.values())
    if not worst[0] <= TOLERANCE:
        raise DataError(
            f"{folder / worst[1]}: a probability differs from PyTorch's by {worst[0]:.2e}, at most {TOLERANCE:.0e} is "
            "allowed; an operation of the network is exported incorrectly: see its file in src/cascada/models."
        )
    write_json(report, content)
    return content
