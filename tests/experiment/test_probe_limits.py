"""A probe is one file: what an experiment may say of it comes from that file, and a file that says it wrong is named."""

import shutil
from pathlib import Path

import pytest

from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.experiment import probe_limits, schema

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "src/cascada/behaviour/probes"


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A copy of the probes' folder, to which files can be added."""
    folder = tmp_path / "cascada/behaviour/probes"
    shutil.copytree(ROOM, folder)
    monkeypatch.setattr(extensions, "SOURCE", tmp_path)
    monkeypatch.setattr(probe_limits, "probed", probe_limits.probed.__wrapped__)
    return folder


def test_a_file_alone_adds_a_key_to_experiments(room):
    (room / "hello.py").write_text('LIMITS = {"greeting": (0.5, "warn", "How friendly it is.")}')
    assert probe_limits.schema()["greeting"] == {
        "description": "How friendly it is.",
        "type": "object",
        "additionalProperties": False,
        "default": {},
        "properties": {
            "threshold": {"type": "number", "default": 0.5},
            "severity": {"enum": ["gate", "warn"], "default": "warn"},
        },
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "hello.py: LIMITS is missing or not as expected"),
        ("LIMITS = {'greeting': 0.5}", "hello.py: LIMITS is missing or not as expected"),
        ("LIMITS = {'greeting': (0.5, 'stop', 'How friendly.')}", r"one of \['gate', 'warn'\]"),
        ("LIMITS = {'greeting': (HALF, 'gate', 'How friendly.')}", "written literally"),
        ("LIMITS = {'noise_auc': (0.5, 'gate', 'How loud.')}", r"names \['noise_auc'\], as another probe does"),
    ],
)
def test_a_file_that_says_its_limits_wrong_is_named(room, text, message):
    (room / "hello.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        probe_limits.schema()


def test_the_schema_of_experiments_has_every_quantity():
    whole = schema.complete(ROOT / "rules/schemas/config.schema.yaml")
    found = whole["properties"]["behaviour"]["properties"]["probes"]
    assert found["properties"] == probe_limits.schema() and found["additionalProperties"] is False
    assert len(found["properties"]) >= 20
