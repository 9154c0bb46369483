"""A sandbox for a test, or the reason why there is none here."""

import os

import pytest
import slurm_sandbox
from slurm_sandbox import cgroups


def sandbox_or_reason(accounting: bool, with_cgroups: bool = False) -> slurm_sandbox.Sandbox:
    """The shared sandbox; where SLURM is missing a skip, or with CASCADA_REQUIRE_SLURM=1 a failure.

    A skip also where there are no cgroups of version 1 that this user may write to.
    """
    if lacking := slurm_sandbox.missing(accounting):
        reason = f"SLURM sandbox: not installed: {', '.join(lacking)} (README.md names Debian's packages)"
        if os.environ.get("CASCADA_REQUIRE_SLURM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    if with_cgroups and (reason := cgroups.missing()):
        pytest.skip(f"SLURM sandbox with cgroups: {reason}")
    return slurm_sandbox.shared(accounting, with_cgroups)
