"""A small exported model, and a server that answers with it."""

import pytest
from exports import make_export
from serve_process import running


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    return make_export(tmp_path_factory.mktemp("serving") / "results")


@pytest.fixture(scope="session")
def model(results):
    return results / "model"


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    with running(model, tmp_path_factory.mktemp("server"), "--max-megabytes", "8") as found:
        yield found
