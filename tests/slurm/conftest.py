"""The SLURM sandbox of the plugin's tests, for tests of the workflow."""

import os

import pytest
import slurm_sandbox


@pytest.fixture(scope="session")
def sandbox() -> slurm_sandbox.Sandbox:
    """A SLURM of two nodes with two pretended GPUs each; where SLURM is missing a skip, or a failure if it is required."""
    if lacking := slurm_sandbox.missing():
        reason = f"SLURM sandbox: not installed: {', '.join(lacking)} (tests/install_system_packages.sh installs them)"
        if os.environ.get("CASCADA_REQUIRE_SLURM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return slurm_sandbox.shared()
