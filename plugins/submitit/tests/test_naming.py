"""The names that jobs go by."""

from snakemake_executor_plugin_submitit import naming


def test_names_show_rule_and_wildcards_and_no_character_that_sbatch_would_read():
    assert naming.job_name("train", ["train model=lenet, seed=1"]) == "train:model=lenet,seed=1"
    assert naming.job_name("train", ["train seed=1", "train seed=2"]) == "train"
    assert naming.job_name("train", ["train a='$(rm)'\n"]) == "train:a=___rm___"
    assert len(naming.job_name("train", ["x" * 500])) == naming.JOB_NAME_BYTES


def test_names_are_cut_by_bytes_and_between_characters():
    assert naming.job_name("train", ["漢" * 70]) == "漢" * (naming.JOB_NAME_BYTES // 3)
    assert len(naming.comment("0123", [["漢" * 700]]).encode()) <= naming.COMMENT_BYTES


def test_a_site_s_prefix_and_comment_come_first():
    assert naming.job_name("train", ["train seed=1"], "phys-") == "phys-train:seed=1"
    assert naming.comment("0123", [["a"]], "project 42") == "project 42 snakemake-submitit 0123 a"


def test_comment_has_the_token_first_and_the_jobs_of_each_task():
    assert naming.comment("0123", [["a x=1", "a x=2"], ["a x=3"]]) == (
        "snakemake-submitit 0123 0: a x=1 + a x=2; 1: a x=3"
    )
    assert naming.comment("0123", [["a x=1"]]) == "snakemake-submitit 0123 a x=1"
    long = naming.comment("0123", [[f"a x={number}"] for number in range(1000)])
    assert len(long) == naming.COMMENT_BYTES and long.startswith("snakemake-submitit 0123 0: ")
