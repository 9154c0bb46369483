"""Which files the rule `predict` takes."""

import pytest

from cascada.core.errors import ConfigError
from cascada.experiment import prediction_jobs


def settings(folder, **more):
    return {"folder": str(folder), "pattern": "*", "source": "", "options": {}} | more


def test_each_file_gives_one_output_and_companions_are_left_out(tmp_path):
    for name in ("DAT000001", "DAT000001.long", "all.log", ".hidden"):
        (tmp_path / name).write_bytes(b"RUNH" + bytes(100))
    (tmp_path / "showers.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    said = []
    found = prediction_jobs.files(settings(tmp_path), said.append)
    assert found == {"DAT000001": f"{tmp_path}/DAT000001", "showers": f"{tmp_path}/showers.h5"}
    assert len(said) == 1 and "DAT000001.long" in said[0] and "all.log" in said[0]
    prediction_jobs.check_files(settings(tmp_path), found)
    with pytest.raises(
        ConfigError, match=r"showers\.h5 \(an HDF5 file\) cannot be read as corsika7.*such as 'DAT\?{6}'"
    ):
        prediction_jobs.check_files(settings(tmp_path, source="corsika7"), found)


def test_what_cannot_be_read_is_refused_unless_it_may_be_skipped(tmp_path):
    (tmp_path / "job.sh").write_text("#!/bin/sh\n")
    found = prediction_jobs.files(settings(tmp_path))
    with pytest.raises(
        ConfigError, match=r"predictions\.pattern: .*job\.sh \(a text file .*\) cannot be read as showers or cor"
    ):
        prediction_jobs.check_files(settings(tmp_path), found)
    prediction_jobs.check_files(settings(tmp_path, on_error="skip"), found)


def test_one_file_under_two_names_is_refused(tmp_path):
    (tmp_path / "DAT1").write_bytes(b"RUNH" + bytes(100))
    (tmp_path / "DAT2").symlink_to("DAT1")
    with pytest.raises(ConfigError, match="are the same file"):
        prediction_jobs.check_files(settings(tmp_path), prediction_jobs.files(settings(tmp_path)))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.long"], r"no file in .* is named like '\*' except companions of particle files"),
        ([], r"no file in .* is named like '\*'\."),
        (["a.h5", "a.hdf5"], "give one output"),
    ],
)
def test_folders_of_no_use_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=message):
        prediction_jobs.files(settings(tmp_path))
