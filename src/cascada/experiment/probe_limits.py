"""What the probes of behaviour measure, with thresholds and severities, read from their files without importing any (NumPy).

What a `gate` and a `warn` do stands in statistics/verdicts.py. Standard library only: the Snakefile imports this.
"""

import functools
from dataclasses import dataclass

from cascada.core import extensions
from cascada.core.errors import ConfigError
from cascada.core.options import constants
from cascada.statistics.verdicts import GATE, WARN

DETERMINES_NO_RESULT = True  # for cascada.core.digest: limits are parameters of the rule that uses them

ROOM = "cascada.behaviour.probes"
SEVERITIES = (GATE, WARN)


@dataclass(frozen=True, slots=True)
class Limit:
    """What one measured quantity is compared with."""

    threshold: float
    severity: str = GATE


@functools.cache
def probed() -> dict[str, tuple[Limit, str]]:
    """Return the limit and the meaning of each quantity by its name. Raises ConfigError that names the probe's file."""
    found: dict[str, tuple[Limit, str]] = {}
    for probe in extensions.found(ROOM).values():
        limits = constants(probe.path, "LIMITS").get("LIMITS")
        if not isinstance(limits, dict) or not all(map(_fits, limits.values())):
            raise ConfigError(
                f"{probe.path}: LIMITS is missing or not as expected: a dictionary, written literally, from each measured quantity "
                f"to its threshold, its severity (one of {list(SEVERITIES)}) and its meaning in one sentence."
            )
        if twice := found.keys() & limits.keys():
            raise ConfigError(f"{probe.path}: LIMITS names {sorted(twice)}, as another probe does; rename it.")
        found |= {name: (Limit(threshold, severity), text) for name, (threshold, severity, text) in limits.items()}
    return found


def _fits(limit: object) -> bool:
    match limit:
        case (int() | float(), severity, str()):
            return severity in SEVERITIES
    return False


def schema() -> dict:
    """Return the properties of an experiment's `behaviour.probes`, as JSON schema."""
    return {name: _schema(limit, description) for name, (limit, description) in probed().items()}


def _schema(limit: Limit, description: str) -> dict:
    properties = {
        "threshold": {"type": "number", "default": limit.threshold},
        "severity": {"enum": list(SEVERITIES), "default": limit.severity},
    }
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "default": {},
        "properties": properties,
    }
