"""How the tests are dealt out to processes: those of one file together, and those that need a SLURM to one process each.

`make test` runs two processes (`pytest -n 2 --dist loadgroup`): while one waits for SLURM, the other computes.
"""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item) -> str:
    """A SLURM is started once in its process: the plugin's tests share theirs by kind, the workflow's another."""
    if item.get_closest_marker("slurm") or any(name.endswith(("sandbox", "grid")) for name in item.fixturenames):
        if "plugins" not in item.path.parts:
            return "slurm-workflow"
        return "slurm-cgroups" if "cgroups" in item.name else "slurm-plugin"
    if item.path.parent.name == "workflow":
        return "workflow"  # one real run that they all read
    return str(item.path)
