"""Freed memory that is kept: counted are the pages that the system hands out, in processes of their own."""

import subprocess
import sys

import pytest

COUNTED = """
import resource, sys
from cascada.core.allocator import keep_freed_memory

kept = keep_freed_memory() if sys.argv[1] == "kept" else None
for number in range(9):
    if number == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    one, other = bytearray(40 << 20), bytearray(20 << 20)
    del one, other
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(how: str) -> tuple[str, int]:
    done = subprocess.run([sys.executable, "-c", COUNTED, how], capture_output=True, text=True, check=True)
    kept, number = done.stdout.split()
    return kept, int(number)


def test_what_is_freed_is_used_again():
    kept, number = pages("kept")
    if kept == "False":
        pytest.skip("another C library than glibc")
    assert number < pages("plain")[1] / 4
