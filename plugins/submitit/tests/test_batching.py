"""Jobs -> groups -> packs -> arrays, and how they are called."""

import pytest
from snakemake_executor_plugin_submitit import batching


def test_groups_keep_the_order():
    assert batching.groups([3, 1, 4, 1, 5, 9], lambda number: number % 2) == [[3, 1, 1, 5, 9], [4]]


@pytest.mark.parametrize(
    ("count", "array_size", "room", "sizes", "left"),
    [
        (0, 5, None, [], 0),
        (3, 5, None, [3], 0),
        (12, 5, None, [5, 5, 2], 0),
        (1000, 1001, None, [1000], 0),
        (3, 1, None, [1, 1, 1], 0),
        (12, 5, 7, [5, 2], 5),
        (12, 5, 0, [], 12),
        (12, 5, -3, [], 12),
        (12, 0, None, [1] * 12, 0),
    ],
)
def test_chunks_respect_array_size_and_room(count, array_size, room, sizes, left):
    chunks, rest = batching.chunks(list(range(count)), array_size, room)
    assert [len(chunk) for chunk in chunks] == sizes
    assert [item for chunk in chunks for item in chunk] + rest == list(range(count))
    assert len(rest) == left
