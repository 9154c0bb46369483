"""What a file is that no source can read, told from its first bytes. Standard library only: a dry-run may ask, too."""

import re

LENGTH = 4096  # bytes that are enough

_MAGIC = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch the file with `git lfs pull`"),
    (b"BZh", "compressed with bzip2, which is not read: unpack it with bunzip2, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\0", "compressed with xz, which is not read: unpack it with unxz, or pack it with gzip or zstd"),
    (b"\x04\x22\x4d\x18", "compressed with lz4, which is not read: unpack it, or pack it with gzip or zstd"),
    (b"PK\3\4", "a ZIP archive: unpack it and give the files in it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it and give the files in it"),
    (b"%PDF", "a PDF document, no data"),
    (b"root", "a ROOT file; expected CORSIKA's own particle file (DAT......)"),
    (b"PAR1", "a single Parquet file; a CORSIKA 8 run is the folder with config.yaml that holds it"),
    (b"CDF\1", "a NetCDF file, which no source reads"),
    (b"\x93NUMPY", "a NumPy array, which no source reads"),
    (b"outs:", "a DVC pointer, not the file itself: fetch the file with `dvc pull`"),
)
_PAGE = re.compile(rb"\s*(<!doctype html|<html|<\?xml)", re.IGNORECASE)
_RECORDS = (22932, 26208)  # bytes in a record of a CORSIKA 7 file, plain and thinned


def what(head: bytes) -> str:
    """Return what a file that begins with `head` is, with advice, as the rest of a sentence; '' if nothing is recognised."""
    if not head:
        return "an empty file: copy it again or leave it out"
    if not head.strip(b"\0"):
        return "a file that begins with zeros only: it was never written to the end; copy it again or leave it out"
    for start, meaning in _MAGIC:
        if head.startswith(start):
            return meaning
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it and give the files in it"
    if _PAGE.match(head):
        return "a web page, perhaps a login or an error instead of the download: get the file again"
    return _corsika(head) or _text(head)


def _corsika(head: bytes) -> str:
    big = int.from_bytes(head[:4], "big")
    if int.from_bytes(head[:8], "little") in _RECORDS and head[8:12] == b"RUNH":
        return (
            "a CORSIKA 7 file with record markers of 64 bits: write it with gfortran's default markers of 32 bits "
            "(without -frecord-marker=8)"
        )
    if (big in _RECORDS and head[4:8] in (b"RUNH", b"HNUR")) or head[:4] == b"HNUR":
        return "a CORSIKA 7 file of a big-endian machine: write it again on a usual (little-endian) one"
    return ""


def _text(head: bytes) -> str:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else a character that was cut in two
            return ""
        text = head[: error.start].decode("utf-8")
    printable = all(character.isprintable() or character in "\n\r\t" for character in text)
    return f"a text file that begins with {text.strip()[:40]!r}, no data" if printable else ""
