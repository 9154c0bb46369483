"""How the tests are sorted into sets (tests/sets.py), and dealt out to processes.

`make test` runs two processes (`pytest -n 2 --dist loadfile`): while one waits for SLURM, the other computes. The tests of one
file stay together and in their order. (Groups across files would need `--dist loadgroup`, which pytest-xdist 3.8 loses with
pytest 9.2: it writes a group into a test's `_nodeid`, which pytest no longer reads.)
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    guard = item.config.stash[GUARD]
    guard.enter(item)
    try:
        return (yield)
    finally:
        guard.leave()
