"""Raw files before anything runs: companions by name, others by their first bytes, and no file twice."""

import gzip
import os

import h5py
import pytest
from corsika_writer import Shower, random_rows, write_corsika

from cascada.core.errors import ConfigError
from cascada.experiment import rawfiles


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DAT000001", False), ("DAT000001.gz", False), ("DAT000001.zst", False), ("DAT000037_ehist", False),
        ("showers.h5", False), ("DAT000001.long", True), ("DAT000001.long.gz", True), ("DAT000001.dbase", True),
        ("DAT000001.inp", True), ("RUN1.LST", True), ("all.log", True), ("CER000001", True), ("DAT000001-000002", False),
        ("catalogue", False), ("DAT000001.part", False),
    ],
)  # fmt: skip
def test_companions_are_told_by_their_names(name, expected):
    assert rawfiles.is_companion(f"some/where.log/{name}") is expected


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of every sort, by name."""
    folder = tmp_path_factory.mktemp("files")
    shower = [Shower(particles=random_rows(50, seed=1))]
    plain = write_corsika(folder / "plain", shower).read_bytes()
    write_corsika(folder / "thinned", shower, thinned=True)
    contents = {
        "unmarked": plain[4:], "gzip": gzip.compress(plain), "zstd": b"\x28\xb5\x2f\xfd" + plain[:90], "empty": b"",
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "bzip2": b"BZh91AY" + bytes(30),
        "xz": b"\xfd7zXZ\0" + bytes(30), "wide": plain[:4] + bytes(4) + plain[4:90], "text": b"Dear all,\n\twe",
        "zip": b"PK\x03\x04" + bytes(30), "noise": bytes(range(200, 240)) * 40,
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for name, block in (("hdf5", 0), ("hdf5 behind a block", 1024)):
        with h5py.File(folder / name, "w", userblock_size=block) as file:
            file["a"] = 1
    (folder / "run").mkdir()
    (folder / "run/config.yaml").write_text("")
    (folder / "folder").mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "kinds", "reason"),
    [
        ("plain", "corsika7", ""), ("thinned", "corsika7", ""), ("unmarked", "corsika7", ""), ("gzip", "corsika7", ""),
        ("zstd", "corsika7", ""), ("empty", "corsika7", "an empty file"), ("pointer", "corsika7", "a Git LFS pointer"),
        ("bzip2", "corsika7", "compressed with bzip2"), ("xz", "corsika7", "compressed with xz"),
        ("wide", "corsika7", "record markers of 64 bits"), ("text", "corsika7", "a text file"), ("zip", "corsika7", "a ZIP archive"),
        ("noise", "corsika7", "it does not begin as one"), ("hdf5", "corsika7", "an HDF5 file"),
        ("run", "corsika7", "a folder"), ("missing", "corsika7", "No such file"),
        ("run", "corsika8", ""), ("folder", "corsika8", "a folder without config.yaml"),
        ("plain", "corsika8", "a file, but corsika8 reads folders"),
        ("hdf5", "energy_ground", ""), ("hdf5 behind a block", "energy_ground", ""), ("noise", "energy_ground", "it does"),
        ("plain", "energy_ground", "it does not begin as one"),
        ("plain", "showers corsika7 corsika8", ""), ("hdf5", "showers corsika7 corsika8", ""),
        ("run", "showers corsika7 corsika8", ""), ("noise", "showers corsika7 corsika8", "it does not begin as one"),
    ],
)  # fmt: skip
def test_what_no_source_reads_has_a_reason(files, name, kinds, reason):
    found = rawfiles.objection(str(files / name), kinds.split())
    assert found == reason if not reason else reason in found


def test_the_sentence_names_the_files_and_a_pattern(files, tmp_path):
    for name in ("DAT000001", "DAT000002"):
        (tmp_path / name).write_bytes((files / "plain").read_bytes())
    for number in range(4):
        (tmp_path / f"DAT{number}.txt").write_text("Dear all")
    paths = sorted(map(str, tmp_path.iterdir()))
    text = "(a text file that begins with 'Dear all', no data)"
    with pytest.raises(ConfigError) as error:
        rawfiles.check_contents("data.sources.a", paths, ["corsika7"])
    assert str(error.value) == (
        f"data.sources.a: {tmp_path}/DAT0.txt {text}, {tmp_path}/DAT1.txt {text}, {tmp_path}/DAT2.txt {text} and 1 more cannot "
        "be read as corsika7. Remove them, or choose a pattern that leaves them out, such as 'DAT??????'."
    )
    rawfiles.check_contents("data.sources.a", [f"{tmp_path}/DAT000001", f"{tmp_path}/DAT000002"], ["corsika7"])


@pytest.mark.parametrize("how", ["symlink", "hard link", "folder", "gzip", "linked gzip"])
def test_a_file_is_named_once_whatever_the_path(files, tmp_path, how):
    one = tmp_path / "one"
    one.mkdir()
    first, second = one / "DAT000001", tmp_path / "other"
    first.write_bytes((files / "plain").read_bytes())
    packed = one / "DAT000001.gz"
    if how == "symlink":
        second.symlink_to(first)
    elif how == "hard link":
        os.link(first, second)
    elif how == "folder":
        (tmp_path / "two").symlink_to(one)
        second = tmp_path / "two/DAT000001"
    else:
        packed.write_bytes(gzip.compress(first.read_bytes()))
        second = packed
        if how == "linked gzip":
            second = tmp_path / "DAT7.gz"
            second.symlink_to(packed)
    with pytest.raises(ConfigError, match=f"b: {second} and {first} \\(a\\) are the same file"):
        rawfiles.check_once({str(first): "a", str(second): "b"})


def test_other_files_of_the_same_name_are_others(files, tmp_path):
    places = {}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("DAT000001", "DAT000002.gz"):
            (tmp_path / folder / name).write_bytes(b"x")
            places[str(tmp_path / folder / name)] = "a"
    rawfiles.check_once(places)
