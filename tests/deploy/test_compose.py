"""The compose file: the schema accepts it, and it says what the systemd unit says."""

import re

import jsonschema
import pytest
import systemd_units as units
import yaml

from cascada.core.files import read_json

COMPOSE = yaml.safe_load((units.ROOT / "deploy/compose.yaml").read_text())
SERVE = COMPOSE["services"]["serve"]
UNIT = units.ROOT / "deploy/cascada-serve.service"
UNITS = units.settings(UNIT)
ENVIRONMENT = units.environment(units.ROOT / "deploy/serve.env")
SCHEMA = jsonschema.Draft201909Validator(read_json(units.ROOT / "tests/deploy/compose-spec/compose-spec.json"))
NAMED = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def filled(text):
    """As compose puts the settings in."""
    return NAMED.sub(lambda found: ENVIRONMENT.get(found[1]) or found[2], text)


def test_the_schema_accepts_it():
    SCHEMA.validate(COMPOSE)


@pytest.mark.parametrize(
    "key, value", [("mem_limits", "8g"), ("restart", 5), ("read_only", "maybe"), ("ulimits", {"nofile": "x"})]
)
def test_the_schema_refuses_what_is_wrong(key, value):
    wrong = {**COMPOSE, "services": {"serve": SERVE | {key: value}}}
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(wrong)


def test_the_command_is_that_of_the_unit():
    words = units.command(UNIT, ENVIRONMENT | {"CREDENTIALS_DIRECTORY": "/run/secrets"}, units.ROOT)
    assert [filled(word) for word in SERVE["command"]] == words[1:]


def test_its_limits_are_those_of_the_unit():
    ours = {
        "MemoryMax": SERVE["mem_limit"].upper(),
        "TasksMax": str(SERVE["pids_limit"]),
        "LimitNOFILE": str(SERVE["ulimits"]["nofile"]),
        "TimeoutStopSec": SERVE["stop_grace_period"].removesuffix("s"),
        "Restart": SERVE["restart"],
    }
    assert ours == {name: UNITS[name][0] for name in ours}


def test_its_locks_are_those_of_the_unit_as_far_as_containers_have_them():
    assert UNITS["CapabilityBoundingSet"] == [""] and SERVE["cap_drop"] == ["ALL"] and "cap_add" not in SERVE
    assert UNITS["NoNewPrivileges"] == ["yes"] and SERVE["security_opt"] == ["no-new-privileges:true"]
    assert UNITS["ProtectSystem"] == ["strict"] and SERVE["read_only"] is True
    assert UNITS["PrivateTmp"] == ["yes"] and SERVE["tmpfs"] == ["/tmp"]
    assert UNITS["DynamicUser"] == ["yes"] and int(SERVE["user"].split(":")[0]) > 0 and not SERVE.get("privileged")
    assert all(volume.endswith(":ro") for volume in SERVE["volumes"])
    assert f"USER {SERVE['user']}" in (units.ROOT / "Containerfile").read_text()


def test_every_setting_of_the_file_has_a_place_and_its_folders_are_mounted():
    text = (units.ROOT / "deploy/compose.yaml").read_text()
    assert ENVIRONMENT.keys() <= {name for name, default in NAMED.findall(text) if not default}
    root = filled(SERVE["volumes"][0]).split(":")[0]
    assert all(ENVIRONMENT[name].startswith(f"{root}/") for name in ("CASCADA_MODEL", "CASCADA_SHADOW"))
