"""What pytest runs on a trained model; `runner.py` starts it and gives it the subject. Not part of the project's own tests."""

import pytest

from cascada.behaviour.probes import PROBES
from cascada.statistics.verdicts import PASSED, say, stopping


@pytest.mark.parametrize("probe", list(PROBES))
def test_behaviour(probe, behaviour, record_property):
    """A probe keeps its thresholds. A gate that stops publishing is a failure; what else is not passed is an expected one."""
    judged = behaviour.run(probe)
    if not judged:
        pytest.skip("nothing to measure: the data or the recipe do not tell enough")
    for one in judged:
        record_property(one["name"], f"{one['value']:.6g} [{one['low']:.6g}, {one['high']:.6g}]")
        record_property(f"{one['name']}.threshold", f"{one['sense']} {one['threshold']:g} ({one['severity']})")
        record_property(f"{one['name']}.verdict", one["verdict"])
    message = "; ".join(
        f"{one['verdict']}: {say(one)} ({one['meaning']})" for one in judged if one["verdict"] != PASSED
    )
    if stopping(judged):
        pytest.fail(message, pytrace=False)
    if message:
        pytest.xfail(message)
