"""What no source can read: each recognised kind of wrong file has a sentence of its own, others show every reason."""

import bz2
import lzma
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from corsika_writer import Shower, random_rows, write_corsika

from cascada.core.errors import DataError
from cascada.data import sources


def markers_of_64_bits(data: bytes) -> bytes:
    mark = struct.pack("<q", 22932)
    records = [data[start + 4 : start + 22936] for start in range(0, len(data), 22940)]
    return b"".join(mark + record + mark for record in records)


def big_endian(data: bytes) -> bytes:
    return np.frombuffer(data, "<u4").astype(">u4").tobytes()


def wrong_file(path: Path, how: str) -> Path:
    data = write_corsika(path, [Shower(particles=random_rows(100, seed=1))]).read_bytes()
    contents = {
        "LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "DVC": b"outs:\n- md5: 1234\n  path: DAT000001\n",
        "page": b"<!DOCTYPE html>\n<html><body>Please log in</body></html>",
        "bz2": bz2.compress(data),
        "xz": lzma.compress(data),
        "64-bit markers": markers_of_64_bits(data),
        "big-endian": big_endian(data),
        "empty": b"",
        "zeros": bytes(5000),
        "text": "µ 1.0 2.0\n".encode() * 1000,
        "noise": bytes(range(128, 256)) * 10,
    }
    if how == "tar":
        with tarfile.open(path.with_name("a.tar"), "w") as archive:
            archive.add(path)
        return path.with_name("a.tar")
    if how == "zip":
        with zipfile.ZipFile(path.with_name("a.zip"), "w") as archive:
            archive.write(path)
        return path.with_name("a.zip")
    if how in ("4-D", "no info", "other HDF5"):
        with h5py.File(path, "w") as file:
            file["data"] = np.zeros((3, 1, 80, 80) if how == "4-D" else (3, 80, 80), np.float32)
            if how == "4-D":
                file["info"] = np.zeros(3)
            if how == "other HDF5":
                file.move("data", "pictures")
        return path
    if how == "folder":
        path.unlink()
        path.mkdir()
        (path / "config.yaml").write_text("name: run\n")
        return path
    path.write_bytes(contents[how])
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("LFS", "a Git LFS pointer, not the file itself: fetch the file with `git lfs pull`."),
        ("DVC", "a DVC pointer, not the file itself: fetch the file with `dvc pull`."),
        ("page", "a web page, perhaps a login or an error instead of the download: get the file again."),
        ("bz2", "compressed with bzip2, which is not read: unpack it with bunzip2, or pack it with gzip or zstd."),
        ("xz", "compressed with xz, which is not read: unpack it with unxz, or pack it with gzip or zstd."),
        ("tar", "a tar archive: unpack it and give the files in it."),
        ("zip", "a ZIP archive: unpack it and give the files in it."),
        ("64-bit markers", "a CORSIKA 7 file with record markers of 64 bits: write it with gfortran's default markers"),
        ("big-endian", "a CORSIKA 7 file of a big-endian machine: write it again on a usual"),
        ("empty", "an empty file: copy it again or leave it out."),
        ("zeros", "a file that begins with zeros only: it was never written to the end"),
        ("text", "a text file that begins with 'µ 1.0 2.0"),
        ("4-D", "energy_ground: data: shape (3, 1, 80, 80), type float32 given, expected numbers (N, 80, 80)"),
        ("no info", "energy_ground: ['info'] missing, there is ['data']; expected `data` (N, 80, 80) and `info`"),
        ("other HDF5", "energy_ground: ['data', 'info'] missing, there is ['pictures']; expected `data`"),
        (
            "noise",
            "corsika7: start of file: b'\\x80\\x81\\x82\\x83\\x84\\x85\\x86\\x87' given; expected a record marker",
        ),
        ("noise", "corsika8: a file, expected the folder of a run"),
        ("noise", "energy_ground: not a readable HDF5 file"),
        (
            "folder",
            "corsika7: a folder, expected a file; corsika8: no */particles.parquet in it, expected config.yaml and",
        ),
    ],
)
def test_a_wrong_file_is_named_for_what_it_is(tmp_path, how, message):
    path = wrong_file(tmp_path / "DAT000001", how)
    with pytest.raises(DataError) as error:
        sources.detect(path)
    assert str(error.value).startswith(f"{path}: no source can read this: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("how", ["LFS", "bz2", "64-bit markers", "big-endian", "page"])
def test_a_named_source_says_the_same(tmp_path, how):
    path = wrong_file(tmp_path / "DAT000001", how)
    for kind in ("corsika7", "energy_ground"):
        with pytest.raises(DataError, match=r"LFS pointer|bzip2|64 bits|big-endian|web page"):
            list(sources.source(kind).showers(path, sources.make_options(kind, {})))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path):
    path = wrong_file(tmp_path / "DAT000001", "noise")
    path.chmod(0)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        sources.detect(path)
