"""Folders of versions and the links to them."""

import os

import pytest

from cascada.core.errors import DataError
from cascada.serving.delivery.releases import answering, link, locked


def test_a_link_is_made_and_replaced_and_leads_the_same_way_when_the_root_is_moved(tmp_path):
    for version in ("1.0.0", "1.1.0"):
        (tmp_path / "releases" / version).mkdir(parents=True)
        link(tmp_path / "current", tmp_path / "releases" / version)
        assert os.readlink(tmp_path / "current") == f"releases/{version}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "releases"]


def test_a_root_without_a_version_is_a_sentence(tmp_path):
    with pytest.raises(DataError, match="installed by the Ansible role"):
        answering(tmp_path)


def test_one_delivery_at_a_time(tmp_path):
    with locked(tmp_path), pytest.raises(DataError, match="another version is being delivered"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
    with pytest.raises(DataError, match="no such folder"), locked(tmp_path / "nowhere"):
        pass
