"""The partition of a job from a file of partitions and limits."""

import pytest
from snakemake_executor_plugin_submitit import ExecutorSettings, resources
from snakemake_executor_plugin_submitit.driver import partitions
from snakemake_executor_plugin_submitit.options import ResourceError

FILE = """
partitions:
  gpu: {max_runtime: 2-00:00:00, max_gpu: 4, available_gpu_models: [a100], supports_mpi: false}
  short: {max_runtime: 4h, max_mem_mb: 8000, max_threads: 8}
  long: {max_runtime: 10d, max_nodes: 1, available_constraints: [avx]}
"""


def read(tmp_path, text=FILE):
    (tmp_path / "partitions.yaml").write_text(text)
    return partitions.read(tmp_path / "partitions.yaml")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"runtime": 60}, "short"),
        ({"runtime": 240}, "short"),
        ({"runtime": 241}, "long"),
        ({"runtime": 60, "submitit_pack": 5}, "long"),  # the time of five rounds
        ({"runtime": 60, "mem_mb": 3000, "submitit_pack": 3, "submitit_concurrent": 3}, "long"),
        ({"runtime": 60, "gpu": 1, "gpu_model": "a100"}, "gpu"),
        ({"runtime": 60, "tasks": 4, "nodes": 2}, "short"),
        ({"runtime": 600, "constraint": "avx"}, "long"),
    ],
)
def test_the_first_that_holds_the_job(tmp_path, given, expected):
    request = resources.request("train", given, 1, ExecutorSettings())
    assert partitions.choose(read(tmp_path), request) == expected


def test_a_job_that_none_holds_is_refused_with_the_reasons(tmp_path):
    request = resources.request("train", {"runtime": 60, "gpu": 8, "gpu_model": "h100"}, 1, ExecutorSettings())
    with pytest.raises(
        ResourceError, match="gpu: gpu 8 > 4, gpu_model h100 is not available; short: gpu 8 > 0; long: gpu 8 > 0"
    ):
        partitions.choose(read(tmp_path), request)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected `partitions:` with a name and limits"),
        ("partitions: [a]", "expected `partitions:`"),
        ("partitions: {a: {max_time: 5}}", "a has max_time; allowed are available_constraints"),
        ("partitions: {a: {max_runtime: soon}}", "max_runtime: 'soon'; give minutes, or a time such as 4h"),
        ("partitions: {a: {max_mem_mb: lots}}", "max_mem_mb: 'lots'; give a whole number"),
        ("partitions: {a: 5}", "a has 5"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, text, words):
    with pytest.raises(ResourceError, match=words):
        read(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(ResourceError, match="No such file"):
        partitions.read(tmp_path / "none.yaml")
