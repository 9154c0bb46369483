"""DVC remotes over SSH and S3, against real servers: what is pushed to one can be pulled from it, and is checked."""

import publications
import pytest
import servers
from publications import clone, dvc, git, request

from cascada.cli import main
from cascada.export.verify import verify
from cascada.publishing import publish


@pytest.fixture(scope="module")
def repository(home, tmp_path_factory):
    return publications.make_repository(tmp_path_factory.mktemp("repository"))


def configure(folder, settings):
    """As docs/publishing.md says: the address for all, keys and passwords for oneself."""
    for name, value in settings.items():
        if name == "url":
            dvc(folder, "remote", "add", "--quiet", "--force", "--default", "--local", "group", value)
        else:
            dvc(folder, "remote", "modify", "--quiet", "--local", "group", name, value)


@pytest.mark.parametrize("server", [servers.ssh_server, servers.s3_server], ids=["ssh", "s3"])
def test_push_and_pull(repository, server, tmp_path, capsys):
    (tmp_path / "server").mkdir()
    with server(tmp_path / "server") as settings:
        configure(repository, settings)
        publish.publish(request(repository, push=True), repository)
        tag = git(repository, "describe", "--exact-match")
        other = clone(repository, tmp_path / "other")
        configure(other, settings)
        dvc(other, "pull", "--quiet")
        assert all(check.passed for check in verify(other / "artifacts/model", other / "artifacts/dataset"))
        assert main(["verify", str(other / "artifacts/model"), "--remote"]) == 0
        assert capsys.readouterr().out.count("ok ") == 14
    # the server is gone
    before = publications.state(repository)
    with pytest.raises(publish.CascadaError, match="Nothing was committed or tagged"):
        publish.publish(request(repository, push=True), repository)
    assert publications.state(repository) == before and git(repository, "describe", "--exact-match") == tag
