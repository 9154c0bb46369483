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


def test_names_show_rule_and_wildcards_and_no_character_that_sbatch_would_read():
    assert batching.job_name("train", ["train model=lenet, seed=1"]) == "train:model=lenet,seed=1"
    assert batching.job_name("train", ["train seed=1", "train seed=2"]) == "train"
    assert batching.job_name("train", ["train a='$(rm)'\n"]) == "train:a=___rm___"
    assert len(batching.job_name("train", ["x" * 500])) == batching.NAME_BYTES


def test_names_are_cut_by_bytes_and_between_characters():
    assert batching.job_name("train", ["漢" * 70]) == "漢" * (batching.NAME_BYTES // 3)
    assert len(batching.comment("0123", [["漢" * 700]]).encode()) <= batching.COMMENT_BYTES


def test_a_site_s_prefix_and_comment_come_first():
    assert batching.job_name("train", ["train seed=1"], "phys-") == "phys-train:seed=1"
    assert batching.comment("0123", [["a"]], "project 42") == "project 42 snakemake-submitit 0123 a"


def test_comment_has_the_token_first_and_the_jobs_of_each_task():
    assert batching.comment("0123", [["a x=1", "a x=2"], ["a x=3"]]) == (
        "snakemake-submitit 0123 0: a x=1 + a x=2; 1: a x=3"
    )
    assert batching.comment("0123", [["a x=1"]]) == "snakemake-submitit 0123 a x=1"
    long = batching.comment("0123", [[f"a x={number}"] for number in range(1000)])
    assert len(long) == batching.COMMENT_BYTES and long.startswith("snakemake-submitit 0123 0: ")
