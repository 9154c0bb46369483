"""From search spaces to configurations, all known before anything runs. Standard library only: the Snakefile imports this.

In a space, a plain scalar or list is a fixed value; what varies is written as one of
`{choice: [a, b]}`, `{randint: [low, high]}` (both included), `{uniform: [low, high]}`, `{loguniform: [low, high]}`;
a list may hold such entries, so that `channels: [{randint: [2, 20]}, {randint: [2, 20]}]` draws two numbers.
"""

import ast
import dataclasses
import difflib
import hashlib
import itertools
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascada.core.errors import ConfigError
from cascada.core.files import write_text
from cascada.experiment.hyperparameters import Hyperparameters, later_defaults, without_neutral

SAMPLERS = ("grid", "random")
DISTRIBUTIONS = ("choice", "randint", "uniform", "loguniform")
MODELS = Path(__file__).parents[1] / "models"
NOT_FAMILIES = {"__init__", "augmentation", "base", "inputs", "classifier", "layers"}
LATER_SETTINGS: dict[
    str, Any
] = {}  # of `training`, added after the first release: name and neutral default, as by `later`
DRAWS_PER_SAMPLE = 100  # before a random search is said to have too small a space


@dataclass(frozen=True, slots=True)
class Configuration:
    """A model family with one value for every hyperparameter, and the training settings that determine the result."""

    id: str
    model: str
    hyperparameters: dict[str, Any]
    training: dict[str, Any]


def configurations(config: dict) -> list[Configuration]:
    """Return all configurations of an experiment, without doubles. Raises ConfigError for a space that cannot be used."""
    search, found = config["search"], {}
    if search["sampler"] not in SAMPLERS:
        raise ConfigError(f"search.sampler: {search['sampler']!r} given, allowed are {list(SAMPLERS)}.")
    if not search["models"]:
        raise ConfigError(f"search.models is empty; give a space for at least one of {families()}.")
    training = {name: value for name, value in config["training"].items() if name != "epochs"}
    training = without_neutral(training, LATER_SETTINGS) | {"metric": search["metric"]}
    for model, space in search["models"].items():
        defaults, neutral = check_space(model, space or {}), neutral_defaults(model)
        for values in _values(space or {}, search, model):
            configuration = make_configuration(model, defaults | values, training, neutral)
            found.setdefault(configuration.id, configuration)
    return list(found.values())


def make_configuration(model: str, hyperparameters: dict, training: dict, neutral: dict) -> Configuration:
    """Check the common hyperparameters and name the configuration by a hash of all that determines its result.

    `neutral`: the model's `neutral_defaults`; what has its neutral default is left out.
    """
    common = {field.name for field in dataclasses.fields(Hyperparameters)} & hyperparameters.keys()
    try:
        checked = Hyperparameters(**{name: hyperparameters[name] for name in common})
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"search.models.{model}: {error}") from None
    # as the class has them: it brings the parts of an augmentation into their order
    hyperparameters = without_neutral(hyperparameters | {name: getattr(checked, name) for name in common}, neutral)
    content = {"model": model, "hyperparameters": hyperparameters, "training": training}
    digits = hashlib.sha256(canonical(content).encode()).hexdigest()[:8]
    return Configuration(f"{model}-{digits}", model, hyperparameters, training)


def canonical(value: Any) -> str:
    """JSON that does not depend on the order of keys, nor on whether a whole number was written as 1 or 1.0."""
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def families() -> list[str]:
    """Return the model families, which are the files in models/."""
    return sorted({path.stem for path in MODELS.glob("*.py")} - NOT_FAMILIES)


def family_defaults(model: str) -> dict[str, Any]:
    """Return the fields of a family's `Config` and their defaults, read without importing the file (it imports torch)."""
    return _family_fields(model, False)


def neutral_defaults(model: str) -> dict[str, Any]:
    """Return the hyperparameters of a model that were added later, common and its own, with their neutral defaults."""
    return later_defaults(Hyperparameters) | _family_fields(model, True)


def _family_fields(model: str, later_alone: bool) -> dict[str, Any]:
    if model not in families():
        raise ConfigError(f"search.models: unknown model {model!r}{_close(model, families())}. Known are {families()}.")
    tree = ast.parse((MODELS / f"{model}.py").read_text(encoding="utf-8"))
    config = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")
    fields = [node for node in config.body if isinstance(node, ast.AnnAssign) and node.value is not None]
    return {
        field.target.id: _lists(ast.literal_eval(field.value.args[0] if _is_later(field) else field.value))
        for field in fields
        if _is_later(field) or not later_alone
    }


def _is_later(field: ast.AnnAssign) -> bool:
    """Whether a field's default is written as `later(default)`."""
    return isinstance(field.value, ast.Call) and getattr(field.value.func, "id", "") == "later"


def check_space(model: str, space: dict) -> dict[str, Any]:
    """Return the defaults of all hyperparameters of a model after checking a space's names and distributions."""
    common = {field.name: field.default for field in dataclasses.fields(Hyperparameters)}
    defaults = common | family_defaults(model)
    for name, entry in space.items():
        if name not in defaults:
            raise ConfigError(
                f"search.models.{model}: unknown hyperparameter {name!r}{_close(name, defaults)}. "
                f"{model} has {sorted(defaults)}."
            )
        _check_entry(f"search.models.{model}.{name}", entry)
    return defaults


def _check_entry(place: str, entry: Any) -> None:
    if isinstance(entry, list):
        for number, item in enumerate(entry):
            _check_entry(f"{place}[{number}]", item)
    if not isinstance(entry, dict):
        return
    if len(entry) != 1 or next(iter(entry)) not in DISTRIBUTIONS:
        names = list(entry)
        close = _close(str(names[0]), DISTRIBUTIONS) if names else ""
        raise ConfigError(
            f"{place}: unknown distribution {names}{close}. Known are {list(DISTRIBUTIONS)}, one at a time."
        )
    kind, values = next(iter(entry.items()))
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{place}.{kind}: {values!r} given, a list is needed that is not empty.")
    if kind == "choice":
        for number, item in enumerate(values):
            _check_entry(f"{place}.choice[{number}]", item)
        return
    if len(values) != 2 or not all(isinstance(v, int | float) for v in values) or values[0] > values[1]:
        hint = " YAML reads 1e-3 as text: write 1.0e-3." if any(isinstance(v, str) for v in values) else ""
        raise ConfigError(f"{place}.{kind}: {values!r} given, [low, high] with low ≤ high is needed.{hint}")
    if kind == "randint" and not all(isinstance(v, int) for v in values):
        raise ConfigError(f"{place}.randint: {values!r} given, whole numbers are needed.")
    if kind == "loguniform" and values[0] <= 0:
        raise ConfigError(f"{place}.loguniform: {values!r} given, numbers above 0 are needed.")


def _values(space: dict, search: dict, model: str) -> Iterator[dict[str, Any]]:
    if search["sampler"] == "grid":
        names = list(space)
        for values in itertools.product(*(_all(f"search.models.{model}.{name}", space[name]) for name in names)):
            yield dict(zip(names, values, strict=True))
        return
    samples = search["samples"]
    wanted = samples[model] if isinstance(samples, dict) else samples
    # a generator per model: a model that is added or left out does not change what is drawn for the others
    generator = random.Random(f"{search.get('seed', 0)}/{model}")
    seen: dict[str, dict] = {}
    for _ in range(wanted * DRAWS_PER_SAMPLE):
        if len(seen) == wanted:
            break
        values = {name: _draw(entry, generator) for name, entry in space.items()}
        seen.setdefault(canonical(values), values)
    if len(seen) < wanted:
        raise ConfigError(
            f"search.models.{model}: {wanted} different samples asked for, the space gave {len(seen)}; "
            "ask for fewer or use the sampler grid."
        )
    yield from seen.values()


def _all(place: str, entry: Any) -> list:
    """All values of an entry of a grid."""
    if isinstance(entry, list):
        return [list(values) for values in itertools.product(*(_all(place, item) for item in entry))]
    if not isinstance(entry, dict):
        return [entry]
    kind, values = next(iter(entry.items()))
    if kind == "choice":
        return [value for item in values for value in _all(place, item)]
    if kind == "randint":
        return list(range(values[0], values[1] + 1))
    raise ConfigError(f"{place}: {kind} has no list of values for a grid; use choice, randint, or the sampler random.")


def _draw(entry: Any, generator: random.Random) -> Any:
    if isinstance(entry, list):
        return [_draw(item, generator) for item in entry]
    if not isinstance(entry, dict):
        return entry
    kind, values = next(iter(entry.items()))
    if kind == "choice":
        return _draw(generator.choice(values), generator)
    if kind == "randint":
        return generator.randint(*values)
    if kind == "uniform":
        return generator.uniform(*values)
    # six digits are enough for a logarithmic scale, and can be written down
    return float(f"{math.exp(generator.uniform(math.log(values[0]), math.log(values[1]))):.6g}")


def write_table(found: list[Configuration], path: Path, seeds: list[int] | None = None) -> None:
    """Write configurations.tsv: one row per configuration, a column per hyperparameter, values as JSON."""
    names = sorted({name for configuration in found for name in configuration.hyperparameters})
    extra = ["seeds"] if seeds is not None else []
    rows = ["\t".join(["configuration", "model", *extra, *names])]
    for one in found:
        values = [json.dumps(one.hyperparameters[name]) if name in one.hyperparameters else "" for name in names]
        rows.append(
            "\t".join([one.id, one.model, *([",".join(map(str, seeds))] if seeds is not None else []), *values])
        )
    write_text(path, "\n".join(rows) + "\n")


def read_table(path: Path) -> list[dict[str, Any]]:
    """Read configurations.tsv: `configuration`, `model`, `hyperparameters` of each row."""
    header, *rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines()]
    table = []
    for row in rows:
        values = dict(zip(header, row, strict=True))
        one = {"configuration": values.pop("configuration"), "model": values.pop("model")}
        values.pop("seeds", None)
        table.append(one | {"hyperparameters": {name: json.loads(v) for name, v in values.items() if v}})
    return table


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple | list) else value


def _close(word: str, known) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
