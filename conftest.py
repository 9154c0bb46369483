"""How the tests are sorted into sets (tests/sets.py), and dealt out to processes.

`make test` runs two processes (`pytest -n 2 --dist loadgroup`): while one waits for SLURM, the other computes. The tests of one
file stay together, those that need a SLURM share a process each.
"""

import pytest
import sets

GUARD = pytest.StashKey[sets.Guard]()


def pytest_configure(config):
    config.stash[GUARD] = sets.Guard()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        for marker in sorted(sets.markers(item.fixturenames, item.path, item.nodeid)):
            item.add_marker(marker)
        if not sets.HEAVY & {marker.name for marker in item.iter_markers()}:
            item.add_marker("quick")
        item.add_marker(pytest.mark.xdist_group(_group(item)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    guard = item.config.stash[GUARD]
    guard.enter(item)
    try:
        return (yield)
    finally:
        guard.leave()


def _group(item) -> str:
    """A SLURM is started once in its process: the plugin's tests share theirs by kind, the workflow's another."""
    if item.get_closest_marker("slurm"):
        if "plugins" not in item.path.parts:
            return "slurm-workflow"
        return "slurm-cgroups" if "cgroups" in item.name else "slurm-plugin"
    if item.path.parent.name == "workflow":
        return "workflow"  # one real run that they all read
    return str(item.path)
