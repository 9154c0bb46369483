"""The names of metrics are those that the trials write and that the schema allows."""

from pathlib import Path

import numpy as np
import yaml

from cascada.statistics import metrics, names

SCHEMA = Path(__file__).parents[2] / "rules/schemas/config.schema.yaml"


def test_they_are_those_of_a_trial_and_of_the_schema():
    found = metrics.evaluate(np.eye(2), np.arange(2))
    schema = yaml.safe_load(SCHEMA.read_text())["properties"]["search"]["properties"]["metric"]
    assert set(found) == set(names.METRICS) == set(schema["enum"])
    assert all(name in names.TITLES for name in (*names.COMPARED, *names.OF_CLASS))
