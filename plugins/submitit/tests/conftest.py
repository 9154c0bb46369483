"""Fixtures of the plugin's tests: the SLURM sandboxes, started when a test first asks for one, shared by all."""

import pytest
import slurm_sandbox
from grids import Grid
from sandboxes import sandbox_or_reason


def pytest_configure(config):
    config.addinivalue_line("markers", "nightly: takes minutes, or needs a package index")


@pytest.fixture(scope="session")
def sandbox() -> slurm_sandbox.Sandbox:
    """A SLURM of two nodes with two pretended GPUs each, without an accounting database."""
    return sandbox_or_reason(accounting=False)


@pytest.fixture(scope="session")
def accounting_sandbox() -> slurm_sandbox.Sandbox:
    """The same with slurmdbd and MariaDB, so that sacct answers."""
    return sandbox_or_reason(accounting=True)


@pytest.fixture(scope="session")
def cgroups_sandbox() -> slurm_sandbox.Sandbox:
    """Without accounting, with real memory limits: as most clusters track processes and limit them."""
    return sandbox_or_reason(accounting=False, with_cgroups=True)


@pytest.fixture(scope="session")
def cgroups_accounting_sandbox() -> slurm_sandbox.Sandbox:
    return sandbox_or_reason(accounting=True, with_cgroups=True)


@pytest.fixture(scope="session", params=["sandbox", "cgroups_sandbox"], ids=["plain", "cgroups"])
def each_sandbox(request) -> slurm_sandbox.Sandbox:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session", params=["accounting_sandbox", "cgroups_accounting_sandbox"], ids=["plain", "cgroups"])
def each_accounting_sandbox(request) -> slurm_sandbox.Sandbox:
    return request.getfixturevalue(request.param)


@pytest.fixture
def grid(each_sandbox, tmp_path):
    yield lambda jobs, folder="grid": Grid(each_sandbox, tmp_path / folder, jobs)
    each_sandbox.clear()
