"""How the tests are dealt out to processes: those of one file together, and those that need a SLURM to one process each.

`make test` runs two processes (`pytest -n 2 --dist loadgroup`): while one waits for SLURM, the other computes.
"""

import pytest

SANDBOXES = {"sandbox", "accounting_sandbox", "grid"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item) -> str:
    """A SLURM is started once in its process: the plugin's tests share theirs, the workflow's another."""
    if SANDBOXES & set(item.fixturenames) or item.get_closest_marker("slurm"):
        return "slurm-plugin" if "plugins" in item.path.parts else "slurm-workflow"
    if item.path.parent.name == "workflow":
        return "workflow"  # one real run that they all read
    return str(item.path)
