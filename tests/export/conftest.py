"""A small exported model beside the data that it was made from."""

import pytest
from exports import make_export

from cascada.export.predict import Model


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_export(tmp_path_factory.mktemp("export") / "results")


@pytest.fixture(scope="module")
def model(results):
    return Model(results / "model", threads=1)
