"""One real run of the smallest experiment, shared by the tests of the workflow: they read it and leave it as it was."""

import pytest
import workflows


@pytest.fixture(scope="session")
def workflow(tmp_path_factory):
    """A copy of the workflow, run once to its end."""
    folder = workflows.copy(tmp_path_factory.mktemp("workflow"))
    workflows.snakemake(folder)
    return folder
