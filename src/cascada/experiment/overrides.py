"""What `--config 'search={samples: {total: 40}}'` gives: below the first level Snakemake hands over words, here `'40'`.

Standard library and PyYAML alone: the Snakefile imports this.
"""

from collections.abc import Mapping
from typing import Any


def read(config: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Give the words in `config` that come from `--config` (`given`) the meaning that they have in a file, in place.

    What Snakemake has merged from files is not touched, nor the first level, whose numbers Snakemake reads.
    """
    for name, value in given.items():
        if isinstance(value, Mapping):
            _read(config[name], value)
        elif isinstance(value, list):
            config[name] = _meant(value)


def _read(config: dict[str, Any], given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, Mapping):
            _read(config[name], value)
        else:
            config[name] = _meant(value)


def _meant(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _meant(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_meant(part) for part in value]
    if not isinstance(value, str):
        return value
    import yaml

    try:
        meant = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return meant if meant is None or isinstance(meant, bool | int | float) else value
