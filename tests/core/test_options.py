"""Settings that say what they are: their limits, and the JSON schema that is read from their file."""

import dataclasses
from dataclasses import dataclass

import pytest

from cascada.core.errors import ConfigError
from cascada.core.options import check, constants, declared, json_schema, option

CLASS = '''
from cascada.core.options import later, option
NAMES = ("a", "b")
COMPUTED = len(NAMES)


class Options:
    """Read and never imported."""
    width: float = option(2.0, "width of a thing [m]", above=0, maximum=5)
    number: int = option(help="how many", minimum=1)
    unit: str = option("rad", choices=("rad", "deg"))
    names: tuple[str, ...] = ("x",)
    samples: int | dict[str, int] = option(help="a number, or one for each", minimum=1)
    depth: int = later(3)
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some.py"
    path.write_text(CLASS)
    return path


def test_a_class_is_read_without_importing_it(file):
    found = {one.name: one for one in declared(file, "Options")}
    assert [(one.name, one.required, one.later) for one in found.values()] == [
        ("width", False, False), ("number", True, False), ("unit", False, False), ("names", False, False),
        ("samples", True, False), ("depth", False, True),
    ]  # fmt: skip
    assert (found["width"].default, found["width"].help) == (2.0, "width of a thing [m]")
    assert found["depth"].default == 3 and declared(file, "Run") == ()
    assert constants(file, "NAMES", "COMPUTED", "ABSENT") == {"NAMES": ("a", "b")}


def test_what_the_schema_says(file):
    found = {one.name: json_schema(one) for one in declared(file, "Options")}
    assert found == {
        "width": {
            "description": "Width of a thing [m].", "type": "number", "exclusiveMinimum": 0, "maximum": 5, "default": 2.0,
        },
        "number": {"description": "How many.", "type": "integer", "minimum": 1},
        "unit": {"enum": ["rad", "deg"], "default": "rad"},
        "names": {"type": "array", "items": {"type": "string"}, "default": ["x"]},
        "samples": {
            "description": "A number, or one for each.",
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            ],
        },
        "depth": {"type": "integer", "default": 3},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("width: float = option(2 * 3)", "not written literally"),
        ("width: float = option(2.0, minimum=LOWEST)", "not written literally"),
        ("width: float = option(2.0, **{'minimum': 1})", "not written literally"),
        ("width: complex = option(2.0)", "annotation 'complex' given, expected int, float"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, line, message):
    path = tmp_path / "some.py"
    path.write_text(f"class Options:\n    {line}\n")
    with pytest.raises(ConfigError, match=message):
        [json_schema(one) for one in declared(path, "Options")]


@dataclass(kw_only=True)
class Settings:
    width: float = option(2.0, "width", above=0, maximum=5)
    share: float = option(0.5, "share", minimum=0, below=1)
    unit: str = option("rad", "unit", choices=("rad", "deg"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None), ({"width": 5}, None), ({"share": 0}, None), ({"unit": "deg"}, None),
        ({"width": 0}, "width 0 given, expected more than 0 and at most 5."),
        ({"width": 5.1}, "width 5.1 given, expected more than 0 and at most 5."),
        ({"share": 1}, "share 1 given, expected at least 0 and less than 1."),
        ({"share": float("nan")}, "share nan given, expected at least 0 and less than 1."),
        ({"unit": "grad"}, "unit 'grad' given, expected one of ['rad', 'deg']."),
    ],
)  # fmt: skip
def test_limits(changes, message):
    settings = dataclasses.replace(Settings(), **changes)
    if message is None:
        return check(settings)
    with pytest.raises(ConfigError) as error:
        check(settings)
    assert str(error.value) == message
