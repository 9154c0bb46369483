"""From search spaces to configurations, all known before anything runs. Standard library only: the Snakefile imports this."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascada.core import tables
from cascada.core.canonical import canonical
from cascada.core.errors import ConfigError
from cascada.core.files import write_text
from cascada.experiment import entry_checks, samplers
from cascada.experiment.entries import completed
from cascada.experiment.families import families, family_defaults, neutral_defaults
from cascada.experiment.hyperparameters import Hyperparameters, without_neutral

NO_PART_OF_RESULTS = ("epochs", "keep", "on_failure")  # of `training`: they stay out of an id
LATER_SETTINGS: dict[
    str, Any
] = {}  # of `training`, added after the first release: name and neutral default, as by `later`


@dataclass(frozen=True, slots=True)
class Configuration:
    """A model family with one value for every hyperparameter, and the training settings that determine the result."""

    id: str
    model: str
    hyperparameters: dict[str, Any]
    training: dict[str, Any]


def configurations(config: dict) -> list[Configuration]:
    """Return all configurations of an experiment, without doubles. Raises ConfigError for a space that cannot be used."""
    sampler, options = samplers.load(config["search"])
    found: dict[str, Configuration] = {}
    for model, space in spaces_of(config).items():
        for values in sampler.values(space.entries, options, model):
            configuration = space.configuration(values)
            found.setdefault(configuration.id, configuration)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Space:
    """The search space of a family, and what all of its configurations share."""

    model: str
    entries: dict[str, Any]
    defaults: dict[str, Any]
    neutral: dict[str, Any]
    training: dict[str, Any]

    def configuration(self, values: dict[str, Any]) -> Configuration:
        """The configuration of a point. What its branches lack is absent, whatever its default."""
        whole = completed(self.entries, values, self.defaults)
        return make_configuration(self.model, whole, self.training, self.neutral)


def spaces_of(config: dict) -> dict[str, Space]:
    """Return the space of each family. Raises ConfigError for one that cannot be used."""
    search = config["search"]
    if not search["models"]:
        raise ConfigError(f"search.models is empty; give a space for at least one of {families()}.")
    training = {name: value for name, value in config["training"].items() if name not in NO_PART_OF_RESULTS}
    training = without_neutral(training, LATER_SETTINGS) | {"metric": search["metric"]}
    return {model: _space(model, entries or {}, training) for model, entries in search["models"].items()}


def _space(model: str, entries: dict, training: dict) -> Space:
    try:
        neutral = neutral_defaults(model)
    except ConfigError as error:
        raise ConfigError(f"search.models: {error}") from None
    return Space(model, entries, check_space(model, entries), neutral, training)


def make_configuration(model: str, hyperparameters: dict, training: dict, neutral: dict) -> Configuration:
    """Check the common hyperparameters and name the configuration by a hash of all that determines its result.

    `neutral`: the model's `neutral_defaults`; what has its neutral default is left out.
    """
    try:
        checked = dataclasses.asdict(Hyperparameters.of(hyperparameters))
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"search.models.{model}: {error}") from None
    # as the class has them: it brings the parts of an augmentation into their order
    known = {name: checked.get(name, value) for name, value in hyperparameters.items()}
    hyperparameters = without_neutral(known, neutral)
    content = {"model": model, "hyperparameters": hyperparameters, "training": training}
    digits = hashlib.sha256(canonical(content).encode()).hexdigest()[:8]
    return Configuration(f"{model}-{digits}", model, hyperparameters, training)


def digest_of(ids: Iterable[str]) -> str:
    """Sixteen hexadecimal digits that stand for a set of configurations: their ids determine all that they are."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def check_space(model: str, space: dict) -> dict[str, Any]:
    """Return the defaults of all hyperparameters of a model after checking a space's names and distributions."""
    common = {field.name: field.default for field in dataclasses.fields(Hyperparameters)}
    defaults = common | family_defaults(model)
    entry_checks.check(model, space, defaults)
    return defaults


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
    table = []
    for values in tables.read(path):
        one = {"configuration": values.pop("configuration"), "model": values.pop("model")}
        values.pop("seeds", None)
        table.append(one | {"hyperparameters": {name: json.loads(v) for name, v in values.items() if v}})
    return table
