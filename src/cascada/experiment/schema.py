"""Check an experiment against its JSON schema, fill in the defaults, and say what is wrong in one sentence.

What the code itself says (the options of sources and samplers, the limits of probes) is put into the file's schema when it is read;
`python -m cascada.experiment.schema rules/schemas/config.schema.yaml` prints the whole, for an editor.
Imported by the Snakefile: the standard library, PyYAML and jsonschema (which Snakemake itself needs) alone.
"""

import copy
import difflib
from pathlib import Path
from typing import Any

from cascada.core.errors import ConfigError
from cascada.core.options import json_schema
from cascada.data import catalogue
from cascada.experiment import probe_limits, samplers

DEFINITIONS = "#/$defs/"
ALSO = "also_"  # before the kind, in the definitions of sources that are tested beside the sealed showers


def validate(config: dict, path: Path) -> None:
    """Check `config` in place and give what is left out its default. Raises ConfigError that names the place."""
    check(config, complete(path))


def complete(path: Path) -> dict:
    """Return the whole schema: the file's, and what the code itself says of sources, samplers and probes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema = yaml.load(Path(path).read_text(encoding="utf-8"), loader)
    properties = schema["properties"]
    source = properties["data"]["properties"]["sources"]["additionalProperties"]
    beside = copy.deepcopy(source) | {"description": "Showers of another simulation, as one of data.sources."}
    _add_sources(source, schema["$defs"])
    _add_sources(beside, schema["$defs"], ALSO)
    properties["testing"]["properties"]["also"]["additionalProperties"]["properties"]["source"] = beside
    properties["predictions"]["properties"]["source"]["enum"] = ["", *catalogue.readers()]
    _add_samplers(properties["search"]["properties"])
    properties["behaviour"]["properties"]["probes"]["properties"] = probe_limits.schema()
    return schema


def _add_sources(source: dict, definitions: dict, before: str = "") -> None:
    """Complete the schema of a source; `before`: of the names of the definitions of its kinds."""
    kinds = catalogue.kinds()
    source["properties"]["kind"] = {"enum": kinds}
    source["allOf"] = []
    for kind in kinds:
        definition = _of_source(catalogue.describe(kind), definitions)
        definitions[f"{before}{kind}"] = _of_test_alone(definition) if before == ALSO else definition
        source["allOf"].append(
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"{DEFINITIONS}{before}{kind}"}}
        )


def _of_test_alone(definition: dict) -> dict:
    """The definition of a source whose showers are for the test alone: without a file for training."""
    properties = {name: part for name, part in definition["properties"].items() if name != "train"}
    return definition | {
        "properties": properties,
        "required": [one for one in definition.get("required", []) if one != "train"],
    }


def _of_source(source: catalogue.Source, definitions: dict) -> dict:
    """The keys of one kind of source: those of what it takes (the file has them), then its options."""
    takes = definitions[f"takes_{source.takes}"]
    options = {one.name: json_schema(one) for one in source.settings}
    return takes | {
        "description": source.description,
        "properties": {"kind": {"description": "Which source."}} | takes["properties"] | options,
    }


def _add_samplers(search: dict) -> None:
    described = samplers.described()
    meaning = " ".join(f"{name}: {text}" for name, text in described.items())
    search["sampler"] |= {"description": meaning, "enum": list(described)}
    search |= {name: json_schema(item) for name, item in samplers.settings().items()}


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
        return f"{place}{about}: expected a value of type {error.validator_value}, got {given!r}."
    return f"{place}: {error.message}{about}."


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(complete(Path(sys.argv[1])), indent=2, ensure_ascii=False))
