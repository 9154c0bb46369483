"""Fixtures of the plugin's tests: the SLURM sandboxes, started when a test first asks for one, shared by all."""

import os

import pytest
import slurm_sandbox
from grids import Grid


def sandbox_or_reason(accounting: bool) -> slurm_sandbox.Sandbox:
    """The shared sandbox; where SLURM is missing a skip, or with CASCADA_REQUIRE_SLURM=1 a failure."""
    if lacking := slurm_sandbox.missing(accounting):
        reason = f"SLURM sandbox: not installed: {', '.join(lacking)} (tests/install_system_packages.sh installs them)"
        if os.environ.get("CASCADA_REQUIRE_SLURM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return slurm_sandbox.shared(accounting)


@pytest.fixture(scope="session")
def sandbox() -> slurm_sandbox.Sandbox:
    """A SLURM of two nodes with two pretended GPUs each, without an accounting database."""
    return sandbox_or_reason(accounting=False)


@pytest.fixture(scope="session")
def accounting_sandbox() -> slurm_sandbox.Sandbox:
    """The same with slurmdbd and MariaDB, so that sacct answers."""
    return sandbox_or_reason(accounting=True)


@pytest.fixture
def grid(sandbox, tmp_path):
    yield lambda jobs, folder="grid": Grid(sandbox, tmp_path / folder, jobs)
    sandbox.clear()
