"""The smoke experiment with changes: `experiment(training__epochs=3)` changes `training: {epochs: 3}`."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "rules/schemas/config.schema.yaml"


def experiment(**changes) -> dict:
    content = yaml.safe_load((ROOT / "experiments/smoke.yaml").read_text())
    for place, value in changes.items():
        *folders, name = place.split("__")
        part = content
        for folder in folders:
            part = part[folder]
        part[name] = value
    return content
