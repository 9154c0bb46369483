"""A repository with one published version, in a home of its own: never the project's."""

import publications
import pytest
from publications import request, state

from cascada.core.errors import CascadaError
from cascada.publishing import publish


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of its own, where the default remote is, too."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        for name, value in publications.environment(folder).items():
            patch.setenv(name, value)
        yield folder


@pytest.fixture(scope="module")
def repository(home, tmp_path_factory):
    """A repository with one published version, 0.1.0."""
    folder = publications.make_repository(tmp_path_factory.mktemp("repository"))
    message = publish.publish(request(folder), folder)
    assert "Published model@v0.1.0" in message and "dvc push" in message
    return folder


@pytest.fixture
def fails(repository):
    """Publish, expect an error and that all is as it was; returns the message."""

    def call(**changes):
        before = state(repository)
        with pytest.raises(CascadaError) as error:
            publish.publish(request(repository, **changes), repository)
        assert state(repository) == before
        return str(error.value)

    return call
