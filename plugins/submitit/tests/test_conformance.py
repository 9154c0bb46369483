"""Snakemake's official conformance tests for executor plugins: on SLURM with and without accounting, and without SLURM."""

import pytest
from slurm_sandbox import wait_until
from snakemake.common.tests import TestWorkflowsLocalStorageBase
from snakemake_executor_plugin_submitit import ExecutorSettings

pytestmark = [pytest.mark.workflow, pytest.mark.filterwarnings("ignore::DeprecationWarning:pulp")]


class Conformance(TestWorkflowsLocalStorageBase):
    """What all share; the official tests call Snakemake's API in this process."""

    __test__ = False
    cluster = "slurm"

    def get_executor(self) -> str:
        return "submitit"

    def get_executor_settings(self) -> ExecutorSettings:
        return ExecutorSettings(cluster=self.cluster, poll_min_s=0.5, poll_max_s=2)


def inside(sandbox):
    """For the tests of a class, the process's own environment is the sandbox's.

    The official tests ask for 5 MB, which no Python fits into: --submitit-least-mem-mb makes room for it.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.exports.items():
            patch.setenv(name, value)
        yield
    wait_until(lambda: not sandbox.queue(), "the queue is empty", 30)


@pytest.mark.slurm
class TestPlainSlurm(Conformance):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def surroundings(cls, sandbox):
        yield from inside(sandbox)


@pytest.mark.slurm
class TestSlurmWithAccounting(Conformance):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def surroundings(cls, accounting_sandbox):
        yield from inside(accounting_sandbox)


@pytest.mark.slurm
class TestSlurmWithCgroups(Conformance):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def surroundings(cls, cgroups_sandbox):
        yield from inside(cgroups_sandbox)


@pytest.mark.slurm
class TestSlurmWithAccountingAndCgroups(Conformance):
    __test__ = True

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def surroundings(cls, cgroups_accounting_sandbox):
        yield from inside(cgroups_accounting_sandbox)


class TestLocal(Conformance):
    __test__ = True
    cluster = "local"


class TestDebug(Conformance):
    __test__ = True
    cluster = "debug"
    test_group_workflow = None  # the simple one says it all: what differs is where a job runs
