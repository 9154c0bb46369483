"""What the trials of these tests are trained on, unless a file asks for fewer showers."""

import pytest
from showers import small_dataset


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    train, _ = small_dataset(tmp_path_factory.mktemp("data"), showers=400)
    return train
