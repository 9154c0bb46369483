"""Check an experiment against its JSON schema, fill in the defaults, and say what is wrong in one sentence.

Imported by the Snakefile: the standard library, PyYAML and jsonschema (which Snakemake itself needs) alone.
"""

import difflib
from pathlib import Path
from typing import Any

from cascada.core.errors import ConfigError

DEFINITIONS = "#/$defs/"


def validate(config: dict, path: Path) -> None:
    """Check `config` in place and give what is left out its default. Raises ConfigError that names the place."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    check(config, yaml.load(Path(path).read_text(encoding="utf-8"), loader))


def check(config: dict, schema: dict) -> None:
    """As `validate`, with the schema itself."""
    import jsonschema

    _fill(config, schema, schema)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(config))
    if errors:
        error = min((_deepest(error) for error in errors), key=lambda e: (len(e.absolute_path), str(e.absolute_path)))
        raise ConfigError(_sentence(error))


def _fill(value: Any, schema: Any, root: dict) -> None:
    """Set defaults of the properties that a schema names, those of the fitting branches of `allOf` included."""
    if not isinstance(schema, dict) or not isinstance(value, dict):
        return
    schema = _resolved(schema, root)
    properties = schema.get("properties", {})
    for name, part in properties.items():
        part = _resolved(part, root)
        if isinstance(part, dict) and "default" in part and name not in value:
            default = part["default"]
            value[name] = type(default)(default) if isinstance(default, dict | list) else default
        if name in value:
            _fill(value[name], part, root)
    for name in value.keys() - properties.keys():
        _fill(value[name], schema.get("additionalProperties"), root)
    for branch in schema.get("allOf", []):
        if _fits(value, branch.get("if", {})):
            _fill(value, branch.get("then"), root)


def _resolved(schema: Any, root: dict) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix(DEFINITIONS)]
    return schema


def _fits(value: dict, condition: dict) -> bool:
    constants = {name: part["const"] for name, part in condition.get("properties", {}).items()}
    return all(value.get(name) == constant for name, constant in constants.items())


def _deepest(error: Any) -> Any:
    """Of an error that consists of others, the one that lies deepest in the configuration."""
    while error.context:
        error = max(error.context, key=lambda e: len(e.absolute_path))
    return error


def _sentence(error: Any) -> str:
    place = ".".join(map(str, error.absolute_path)) or "the experiment"
    schema, given = error.schema, error.instance
    about = f" ({schema['description'].rstrip('.')})" if isinstance(schema, dict) and "description" in schema else ""
    if error.validator == "additionalProperties":
        known = sorted(schema.get("properties", {}))
        unknown = sorted(set(given) - set(known))
        near = difflib.get_close_matches(unknown[0], known, 1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        return f"{place}: unknown key(s) {unknown}{meant}. Allowed are {known}."
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in given]
        return f"{place}: key(s) {missing} missing{about}; {sorted(given)} given."
    if error.validator == "enum":
        return f"{place}: {given!r} given{about}, allowed are {error.validator_value}."
    if error.validator == "type":
        return f"{place}: {given!r} given{about}, expected is a value of type {error.validator_value}."
    return f"{place}: {error.message}{about}."
