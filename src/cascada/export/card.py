"""The model card: model.json for people, in Markdown. Pure: from the content of model.json to text."""

from typing import Any

from cascada.core.classes import describe, meaning
from cascada.statistics.verdicts import PASSED

DETERMINES_NO_RESULT = True  # for cascada.core.digest: prose beside the model

METRICS = ("f1", "accuracy", "roc_auc", "loss")
REOPENED = (
    "The test showers had been opened before, for another selection: a choice made after a look at the test is a choice "
    "on the test, and the test column is optimistic too."
)
OTHER_BITS = (
    "Same selection, other bits: the test showers had been opened before for the same configuration, seed, epochs and data, "
    "which were trained again with other rounding."
)
MARKS = {"reopened": REOPENED, "other_bits": OTHER_BITS}  # of the test, in model.json


def marks(content: dict[str, Any]) -> list[str]:
    """What has to be said about how often the sealed showers were opened."""
    return [text for name, text in MARKS.items() if content["test"].get(name)]


def render(content: dict[str, Any]) -> str:
    """Return the card. What is not in `content` (a model that is not published yet) is left out."""
    sections = [_head, _publication, _use, _data, _results, _behaviour, _training, _limits, _provenance]
    return "\n\n".join(text for section in sections if (text := section(content))) + "\n"


def _head(content: dict) -> str:
    published = content.get("published")
    name = f"{content['experiment']} {published['version']}" if published else content["experiment"]
    classes = ", ".join(f"{name} ({describe(primaries)})" for name, primaries in content["classes"].items())
    lines = [
        f"# Model card: {name}",
        f"A `{content['model']}` network with {content['parameters']:,} parameters (configuration "
        f"`{content['configuration']}`) that tells the primary particle of an air shower from its image at ground: "
        f"{classes}.{_signal(content)}",
    ]
    if content["data"]["surrogate"]:
        lines.append(
            "> **Trained on surrogate showers**, a fast toy cascade that stands in for CORSIKA where a demonstration "
            "needs data. Nothing measured here holds for CORSIKA or for real showers."
        )
    return "\n\n".join(lines)


def _signal(content: dict) -> str:
    signal = content["output"].get("signal")
    return f" The signal is {signal}." if signal else ""


def _publication(content: dict) -> str:
    published = content.get("published")
    if not published:
        return ""
    lines = ["## Publication", f"Version {published['version']} (tag `{published['tag']}`), {published['time']}."]
    lines += [f"> **{note}**" for note in published["notes"]]
    return "\n\n".join(lines)


def _use(content: dict) -> str:
    given, answer = content["input"], content["output"]
    channels = ", ".join(f"`{name}` [{unit}]" for name, unit in zip(given["channels"], given["units"], strict=True))
    return f"""## Use
- Input `{given["name"]}`: float32 {_shape(given["shape"])}, axes {", ".join(given["axes"])}; channels: {channels}. Raw values per cell
  of {given["cell_size_m"]:g} m × {given["cell_size_m"]:g} m in a square of 320 m × 320 m, observed at {given["observation_altitude_m"]:g} m
  above sea level; the preprocessing is inside the graph.
- Output `{answer["name"]}`: float32 {_shape(answer["shape"])}, in this order: {", ".join(answer["classes"])}.{_evaluation(content)}

```console
$ cascada predict THIS_FOLDER showers.h5 -o predictions.h5
$ cascada verify THIS_FOLDER
```

```python
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
probabilities = session.run(None, {{"{given["name"]}": images}})[0]
```"""


def _evaluation(content: dict) -> str:
    found = content.get("evaluation", {})  # older models do not say
    if found.get("kind") != "symmetric":
        return ""
    taken = found["milliseconds_per_shower"]
    return (
        f"\n- Each answer is the softmax of the mean of the logits over the {found['views']} rotations and mirrors of an image, "
        f"inside the graph.\n  It takes {taken['symmetric']:.2g} ms per shower where a single view takes {taken['plain']:.2g} ms "
        f"({found['threads']} thread(s) of the machine that exported it)."
    )


def _shape(shape: list) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"


def _data(content: dict) -> str:
    data = content["data"]
    rows = [
        f"| {split} | {' | '.join(str(counts[name]) for name in content['classes'])} |"
        for split, counts in data["counts"].items()
    ]
    head = f"| split | {' | '.join(content['classes'])} |\n|---|{'---|' * len(content['classes'])}"
    return "\n".join(
        [
            "## Data",
            f"{data['showers']} showers from {len(data['sources'])} sources, data model {data['data_model_version']}.",
            "",
            head,
            *rows,
            "",
            f"- training and validation file: sha256 `{data['train_sha256']}`",
            f"- test file: sha256 `{data['test_sha256']}`",
        ]
    )


def _results(content: dict) -> str:
    validation, test = content["validation"], content["test"]
    lines = [
        "## Results",
        f"Value and {test['confidence']:.0%} bootstrap interval. The model was chosen among "
        f"{content['number_of_configurations']} configurations by its validation {content['metric']}, which makes the "
        f"validation column optimistic; the {test['showers']} test showers were opened after the choice.",
        *(line for text in marks(content) for line in ("", f"> **{text}**")),
        "",
        "| metric | validation | test |",
        "|---|---|---|",
    ]
    names = [*METRICS, *sorted(set(test) - set(METRICS) - {"showers", "confidence", "of_class", *MARKS})]
    lines += [
        f"| {name.replace('_', ' ')}{meaning(content['output'], name)} | {_interval(validation.get(name))} | {_interval(test.get(name))} |"
        for name in names
    ]
    return "\n".join(lines + _of_class(test.get("of_class", {})))


def _of_class(found: dict) -> list[str]:
    """Each class's probability against all others', where there are more than two."""
    if len(found) < 3:
        return []
    lines = ["", "Of each class against all others, on the test showers:", ""]
    lines += ["| class | F1 | ROC AUC | Brier score | calibration error |", "|---|---|---|---|---|"]
    for name, one in found.items():
        lines.append(f"| {name} | {' | '.join(_interval(one[part]) for part in ('f1', 'roc_auc', 'brier', 'ece'))} |")
    return lines


def _interval(metric: dict | None) -> str:
    if not metric or metric["value"] is None:
        return ""
    low, high = ("?" if metric[part] is None else f"{metric[part]:.4f}" for part in ("low", "high"))
    return f"{metric['value']:.4f} [{low}, {high}]"


def _behaviour(content: dict) -> str:
    probes = (content.get("published") or {}).get("behaviour")
    if not probes:
        return ""
    lines = [
        "## Behaviour",
        "Probes on validation showers, with their intervals; undecided where an interval reaches over the threshold.",
        "",
        "| probe | value | threshold | severity | verdict |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {probe['name']} | {_value(probe['value'])} [{_value(probe['low'])}, {_value(probe['high'])}] | {probe['sense']} "
        f"{_value(probe['threshold'])} | {probe['severity']} | {_verdict(probe)} |"
        for probe in probes
    ]
    return "\n".join(lines)


def _verdict(probe: dict) -> str:
    return PASSED if probe["verdict"] == PASSED else f"**{probe['verdict']}**"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _training(content: dict) -> str:
    rows = [f"| {name} | {value} |" for name, value in content["hyperparameters"].items()]
    trained = (
        f"Seed {content['seed']}, {content['epochs']} epochs; the weights are those of epoch {content['best_epoch']}."
    )
    return "\n".join(["## Training", trained, "", "| hyperparameter | value |", "|---|---|", *rows])


def _limits(content: dict) -> str:
    energies = "the energies, zenith angles, array and interaction model of its training showers"
    return f"""## Limits
- Valid for {energies} only; elsewhere its probabilities are not calibrated.
- It answers with one of {len(content["classes"])} classes also for a primary that it has never seen.
- A probability is not a measured composition: that needs the confusion matrix and the uncertainty of the simulations."""


def _provenance(content: dict) -> str:
    lines = ["## Where it comes from", "| step | git commit | lock file | command |", "|---|---|---|---|"]
    for step, source in content["provenance"].items():
        commit = f"`{source['git_commit']}`" if source["git_commit"] else "unknown: outside a repository"
        commit += " **with uncommitted changes**" if source["git_dirty"] else ""
        lock = f"`{source['lock_sha256'][:12]}…`" if source["lock_sha256"] else "unknown"
        lines.append(f"| {step} | {commit} | {lock} | `{source['command']}` |".replace("\n", " "))
    packages = ", ".join(f"{name} {version}" for name, version in content["packages"].items())
    return "\n".join([*lines, "", f"Packages: {packages}. Checkpoint: sha256 `{content['checkpoint_sha256']}`."])
