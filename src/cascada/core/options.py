"""Self-describing settings: one dataclass field is the only place for each setting, its meaning and its range.

    @dataclass(frozen=True, kw_only=True)
    class Options:
        altitude: float = option(5200.0, "observation altitude above sea level [m]", minimum=0)

        def __post_init__(self):
            check(self)

`declared` reads such a class from its file without importing it, since the file may import what is heavy; the schema of
experiments, the flags of `cascada convert` and their help come from that. Standard library only.
"""

import ast
import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascada.core.errors import ConfigError

LATER = "later"
LIMITS = ("minimum", "above", "maximum", "below")
MAKERS = ("option", "later")  # of fields: what they are given must be written literally


def option(default: Any = dataclasses.MISSING, help: str = "", **limits: Any) -> Any:
    """A field of a dataclass of settings; without a default it must be given.

    `limits`: of a number `minimum`, `above`, `maximum`, `below`; `choices`: a tuple of all that is allowed. All arguments
    must be written literally. A changed help changes no digest (cascada.core.digest).
    """
    unknown = limits.keys() - {*LIMITS, "choices"}
    assert not unknown, f"unknown limits {unknown}"
    return dataclasses.field(default=default, metadata={"help": help, **limits})


def later(default: Any) -> Any:
    """A field that came after the first release, with a default under which everything is as it was before.

    While it has that default it stays out of ids, hashes, tables and checkpoints, so that what has been trained keeps
    its name. Used in `Hyperparameters` and in the families' `Config`; the default must be written literally.
    """
    return dataclasses.field(default=default, metadata={LATER: True})


def check(settings: Any) -> None:
    """Compare the fields of an instance with their limits. Raises ConfigError for the first that is out of range."""
    for field in dataclasses.fields(settings):
        value, choices = getattr(settings, field.name), field.metadata.get("choices")
        if choices is not None and value not in choices:
            raise ConfigError(f"{field.name} {value!r} given, expected one of {list(choices)}.")
        if not _within(value, field.metadata):
            raise ConfigError(f"{field.name} {value} given, expected {allowed(field.metadata)}.")


def _within(value: Any, limits: Any) -> bool:
    return (
        not ("minimum" in limits and value < limits["minimum"])
        and not ("above" in limits and not value > limits["above"])
        and not ("maximum" in limits and value > limits["maximum"])
        and not ("below" in limits and not value < limits["below"])
    )


def allowed(limits: Any) -> str:
    """The limits of a number as words: `more than 0 and at most 1`."""
    words = {"minimum": "at least {}", "above": "more than {}", "maximum": "at most {}", "below": "less than {}"}
    return " and ".join(words[name].format(limits[name]) for name in LIMITS if name in limits)


@dataclass(frozen=True, slots=True)
class Declared:
    """A field of a dataclass as its file says: the annotation as text, the default (MISSING if it has none), its help."""

    name: str
    annotation: str
    default: Any
    help: str = ""
    limits: dict[str, Any] = dataclasses.field(default_factory=dict)
    later: bool = False

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING


@functools.cache
def tree(path: Path) -> ast.Module:
    """The syntax of a file; parsing is what costs, so that it is done once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def declared(path: Path, name: str) -> tuple[Declared, ...]:
    """Return the fields of the dataclass `name` in a file, () if it has no such class. Raises ConfigError."""
    found = class_in(path, name)
    fields = [node for node in found.body if isinstance(node, ast.AnnAssign)] if found else []
    try:
        return tuple(_declared(node) for node in fields)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{path}: {name}: a default, a help or a limit is not written literally ({error}); it is read without importing."
        ) from None


def class_in(path: Path, name: str) -> ast.ClassDef | None:
    """The class `name` at a file's top, None if there is none."""
    return next((node for node in tree(path).body if isinstance(node, ast.ClassDef) and node.name == name), None)


def constants(path: Path, *names: str) -> dict[str, Any]:
    """Return those of the named constants at a file's top that are written literally."""
    return {name: value for name, value in _constants(path) if name in names}


def _constants(path: Path) -> Iterator[tuple[str, Any]]:
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                yield node.targets[0].id, ast.literal_eval(node.value)
            except ValueError:
                continue


def first_sentence(path: Path) -> str:
    """The first paragraph of a file's docstring, on one line; "" if it has none."""
    return " ".join((ast.get_docstring(tree(path)) or "").partition("\n\n")[0].split())


def _declared(node: ast.AnnAssign) -> Declared:
    name, annotation, value = ast.unparse(node.target), ast.unparse(node.annotation), node.value
    if value is None:
        return Declared(name, annotation, dataclasses.MISSING)
    if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in MAKERS):
        return Declared(name, annotation, ast.literal_eval(value))
    given = dict(zip(("default", "help"), map(ast.literal_eval, value.args), strict=False))
    for keyword in value.keywords:
        if keyword.arg is None:
            raise ValueError(f"**{ast.unparse(keyword.value)}")
        given[keyword.arg] = ast.literal_eval(keyword.value)
    default, text = given.pop("default", dataclasses.MISSING), given.pop("help", "")
    return Declared(name, annotation, default, text, given, value.func.id == LATER)


SIMPLE = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}
OF_SCHEMA = {"minimum": "minimum", "above": "exclusiveMinimum", "maximum": "maximum", "below": "exclusiveMaximum"}


def json_schema(field: Declared) -> dict[str, Any]:
    """Return the JSON schema of a field: its help as description, its type, limits and default."""
    about = {"description": f"{field.help[:1].upper()}{field.help[1:].rstrip('.')}."} if field.help else {}
    default = {} if field.required else {"default": _plain(field.default)}
    if "choices" in field.limits:
        return about | {"enum": list(field.limits["choices"])} | default
    kinds = [_of_annotation(part.strip(), field) for part in field.annotation.split("|")]
    return about | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds}) | default


def _of_annotation(annotation: str, field: Declared) -> dict[str, Any]:
    if annotation in ("int", "float"):
        return {"type": SIMPLE[annotation]} | {OF_SCHEMA[name]: value for name, value in field.limits.items()}
    if annotation in SIMPLE:
        return {"type": SIMPLE[annotation]}
    if annotation.startswith("tuple[") and annotation.endswith(", ...]"):
        return {"type": "array", "items": _of_annotation(annotation[6:-6], field)}
    if annotation.startswith("dict[str, ") and annotation.endswith("]"):
        return {"type": "object", "additionalProperties": _of_annotation(annotation[10:-1], field)}
    raise ConfigError(
        f"Option {field.name}: annotation {annotation!r} given, expected int, float, bool, str, tuple[…, ...], dict[str, …] "
        "or several of them joined by '|'."
    )


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
